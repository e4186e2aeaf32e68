import type { Explanation, Operations, VerifyState } from '#/api/ports.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import type { Kit } from './kit.ts'
import { explain } from './explain-facts.ts'
import { rulesInForce } from './rules-in-force.ts'
import { createSingleWork } from './single-work.ts'
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
  const checks = createSingleWork('a check', NEVER)
  const deps = {
    log: kit.log,
    clock: systemClock,
    random: systemRandom,
    clickhouse,
    stages,
    schemas: { ids: kit.schemaIds, registry: kit.registry },
    breathe,
  }
  const named = async <W extends { project: string; id: string }>(wish: W): Promise<W> => ({
    ...wish,
    id: await idOf(clickhouse, wish),
  })
  kit.closers.push(async () => void (await checks.cancel()))
  return {
    async explain(wish): Promise<Explanation> {
      return explain(clickhouse, await named(wish), await rulesInForce(kit, wish.project))
    },
    async startVerify(wish) {
      const { project, id } = await named(wish)
      return checks.start({
        about: { project, id },
        run: async (work) => ({ verdict: await verify(deps, { project, id, ...work }) }),
      })
    },
    verifyState: checks.state,
    cancelVerify: checks.cancel,
  }
}

/** People say "number 12": the id of that incident, else what was given. */
async function idOf(
  clickhouse: ClickHouse,
  { project, id }: { project: string; id: string },
): Promise<string> {
  if (!/^\d{1,9}$/.test(id)) return id
  const [found] = await clickhouse.query<{ incident_id: string }>(
    'SELECT incident_id FROM incidents FINAL WHERE project = {project:String} AND number = {number:Int32} LIMIT 1',
    { params: { project, number: Number(id) } },
  )
  return found?.incident_id ?? id
}
