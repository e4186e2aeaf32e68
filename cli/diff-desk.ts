import type { DiffState, DiffWish, Operations } from '#/api/ports.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { openDiffHistory } from './diff-history.ts'
import type { Kit } from './kit.ts'
import { diffReplay } from './replay-diff.ts'
import { parseRules, type Rules } from './rules-file.ts'
import { rulesInForce } from './rules-in-force.ts'

export type DiffDesk = Pick<Operations, 'startDiff' | 'diffState' | 'cancelDiff' | 'diffs'>

const NEVER: DiffState = {
  running: false,
  phase: '',
  project: '',
  from: 0,
  to: 0,
  records: 0,
  total: 0,
  error: '',
  diff: null,
}
const MINUTE_MS = 60_000
const WITHOUT_MAX = 20

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Runs one comparison at a time beside live work; the last ones are known to every process. */
export async function openDiffDesk(kit: Kit): Promise<DiffDesk> {
  const onProblem = (error: unknown): void => kit.logger.warn('a comparison', { error })
  const history = await openDiffHistory({ ...kit, clock: systemClock, onProblem })
  let state = NEVER
  let cancel = new AbortController()
  let work: Promise<void> = Promise.resolve()

  const run = async (wish: DiffWish, parsed: Parsed): Promise<void> => {
    const { signal } = cancel
    try {
      const diff = await diffReplay(
        { log: kit.log, clock: systemClock, schemas: schemasOf(kit), breathe },
        {
          ...parsed,
          project: wish.project,
          base: await rulesInForce(kit, wish.project),
          fromMs: wish.from,
          toMs: wish.to,
          historyMs: wish.history_min * MINUTE_MS,
          signal,
          onProgress: ({ records, total }) => (state = { ...state, records, total }),
        },
      )
      state = { ...state, running: false, phase: 'done', diff }
    } catch (error) {
      const phase = signal.aborted ? 'cancelled' : 'failed'
      state = { ...state, running: false, phase, error: signal.aborted ? '' : messageOf(error) }
    }
    await history.add(wish, state, systemClock.nowMs()).catch(onProblem)
  }
  kit.closers.push(async () => {
    cancel.abort()
    await work
    await history.close()
  })
  return {
    async startDiff(wish) {
      const parsed = parse(wish)
      if (state.running)
        throw new FaultlineError('conflict', 'a comparison is running', {
          remedy: 'wait for it, or cancel it',
        })
      cancel = new AbortController()
      const { project, from, to } = wish
      state = { ...NEVER, running: true, phase: 'reading', project, from, to }
      work = run(wish, parsed)
      return state
    },
    diffState: () => state,
    diffs: (project) => history.list(project),
    async cancelDiff() {
      cancel.abort()
      await work
      return state
    },
  }
}

interface Parsed {
  changed: Rules
  without: readonly { field: string; value: string }[]
}

function parse({ rules, without, from, to }: DiffWish): Parsed {
  if (from >= to)
    throw new FaultlineError('invalid_request', 'from must be before to', { path: 'from' })
  if (without.length > WITHOUT_MAX)
    throw new FaultlineError('invalid_request', `at most ${WITHOUT_MAX}`, { path: 'without' })
  const pairs = without.map((text) => {
    const cut = text.indexOf('=')
    if (cut > 0) return { field: text.slice(0, cut), value: text.slice(cut + 1) }
    throw new FaultlineError('invalid_request', `without takes field=value, not ${text}`, {
      path: 'without',
      remedy: 'for example release=v2.4.1',
    })
  })
  return { changed: parseRules(rules), without: pairs }
}

function schemasOf({ schemaIds, registry }: Kit) {
  return { ids: schemaIds, registry }
}
