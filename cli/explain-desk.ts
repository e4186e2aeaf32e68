import type { Explanation, Operations, VerifyState } from '#/api/ports.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import type { Kit } from './kit.ts'
import { explain } from './explain-facts.ts'
import { rulesInForce } from './rules-in-force.ts'
import { verify } from './verify.ts'

export type ExplainDesk = Pick<
  Operations,
  'explain' | 'startVerify' | 'verifyState' | 'cancelVerify'
>

const NEVER: VerifyState = {
  running: false,
  phase: '',
  project: '',
  id: '',
  records: 0,
  total: 0,
  error: '',
  verdict: null,
}

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Tells where an incident or event comes from, and checks it by running the log again; one check at a time. */
export function createExplainDesk(
  kit: Kit,
  { clickhouse, stages }: { clickhouse: ClickHouse; stages: readonly Stage[] },
): ExplainDesk {
  let state = NEVER
  let cancel = new AbortController()
  let work: Promise<void> = Promise.resolve()
  const deps = {
    log: kit.log,
    clock: systemClock,
    random: systemRandom,
    clickhouse,
    stages,
    schemas: { ids: kit.schemaIds, registry: kit.registry },
    breathe,
  }
  const run = async (wish: { project: string; id: string }): Promise<void> => {
    const { signal } = cancel
    try {
      const verdict = await verify(deps, {
        ...wish,
        signal,
        onProgress: ({ records, total }) => (state = { ...state, records, total }),
      })
      state = { ...state, running: false, phase: 'done', verdict }
    } catch (error) {
      const phase = signal.aborted ? 'cancelled' : 'failed'
      state = { ...state, running: false, phase, error: signal.aborted ? '' : messageOf(error) }
    }
  }
  kit.closers.push(async () => {
    cancel.abort()
    await work
  })
  return {
    async explain(wish): Promise<Explanation> {
      return explain(clickhouse, wish, await rulesInForce(kit, wish.project))
    },
    async startVerify({ project, id }) {
      if (state.running)
        throw new FaultlineError('conflict', 'a check is running', {
          remedy: 'wait for it, or cancel it',
        })
      cancel = new AbortController()
      state = { ...NEVER, running: true, phase: 'reading', project, id }
      work = run({ project, id })
      return state
    },
    verifyState: () => state,
    async cancelVerify() {
      cancel.abort()
      await work
      return state
    },
  }
}
