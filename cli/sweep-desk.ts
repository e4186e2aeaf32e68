import type { Operations } from '#/api/ports.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { policyAt, sweepPlan, sweepResult } from '#/processors/domain/incident/sweep.ts'
import type { LabelledIncident, SweepPlan } from '#/processors/domain/incident/sweep.ts'
import { LABELS } from '#/schemas/collab/commands.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { SweepState } from '#/schemas/sweep-view.ts'
import type { Kit } from './kit.ts'
import { runOverLog } from './replay-diff.ts'
import type { ReplayDiffDeps, ReplayDiffWish } from './replay-diff.ts'
import { rulesInForce } from './rules-in-force.ts'
import { createSingleWork } from './single-work.ts'

export type SweepDesk = Pick<Operations, 'startSweep' | 'sweepState' | 'cancelSweep'>

const NEVER: SweepState = {
  running: false,
  phase: '',
  project: '',
  records: 0,
  total: 0,
  error: '',
  finished_at: 0,
  result: null,
}
const MINUTE_MS = 60_000
const LABELLED_MAX = 2_000
const QUERY_MS_MAX = 10_000

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Runs one sweep at a time beside live work, and remembers the last one until the process ends. */
export function createSweepDesk(kit: Kit, reads: Pick<Reads, 'guardedSql'>): SweepDesk {
  const sweeps = createSingleWork('a sweep', NEVER)
  kit.closers.push(async () => void (await sweeps.cancel()))
  return {
    async startSweep(wish) {
      const { project, from: fromMs, to: toMs } = wish
      const plan = sweepPlan(wish.setting, wish.values)
      if (fromMs >= toMs)
        throw new FaultlineError('invalid_request', 'from must be before to', { path: 'from' })
      const range = { project, fromMs, toMs, historyMs: wish.history_min * MINUTE_MS }
      return sweeps.start({
        about: { project },
        run: async ({ signal, onProgress }) => ({
          result: await runSweep(
            { log: kit.log, clock: systemClock, schemas: schemasOf(kit), breathe },
            {
              ...range,
              signal,
              onProgress,
              plan,
              pageLevel: wish.page_level,
              base: await rulesInForce(kit, project),
              labelled: await labelledIncidents(reads, range),
            },
          ),
        }),
        ended: () => ({ finished_at: systemClock.nowMs() }),
      })
    },
    sweepState: sweeps.state,
    cancelSweep: sweeps.cancel,
  }
}

export interface SweepRunWish extends Omit<ReplayDiffWish, 'changed' | 'without'> {
  plan: SweepPlan
  pageLevel: number
  labelled: readonly LabelledIncident[]
}

/** The rules in force and each point, from one reading of the log. */
export async function runSweep(
  deps: ReplayDiffDeps,
  { plan, pageLevel, labelled, ...wish }: SweepRunWish,
) {
  const variants = [{}, ...plan.values.map((value) => ({ policy: policyAt(plan, value) }))]
  const [base = [], ...points] = await runOverLog(
    deps,
    wish,
    variants.map((changed) => ({ changed, without: [] })),
  )
  const { fromMs, toMs } = wish
  const inForce = wish.base.policy ?? {}
  return sweepResult({ plan, fromMs, toMs, pageLevel, inForce, base, points, labelled })
}

/** The last label of each incident that opened in the range and has one. */
export async function labelledIncidents(
  reads: Pick<Reads, 'guardedSql'>,
  { project, fromMs, toMs }: Pick<ReplayDiffWish, 'project' | 'fromMs' | 'toMs'>,
): Promise<LabelledIncident[]> {
  const { rows } = await reads.guardedSql({
    project,
    sql: `WITH said AS (
        SELECT incident_id, argMax(JSONExtractString(payload, 'label'), seq) AS label FROM actions
        WHERE result = '' AND role != '' AND kind IN ('label', 'status_change') AND JSONHas(payload, 'label')
        GROUP BY incident_id)
      SELECT i.incident_id, said.label, toUnixTimestamp64Milli(i.opened_at), i.services
      FROM incidents AS i INNER JOIN said ON said.incident_id = i.incident_id
      WHERE said.label != '' AND i.opened_at >= ${at(fromMs)} AND i.opened_at < ${at(toMs)}
      ORDER BY i.opened_at DESC, i.incident_id`,
    rowsMax: LABELLED_MAX,
    timeMsMax: QUERY_MS_MAX,
  })
  return rows.flatMap(([id, label, openedAt, services]) => {
    const known = LABELS.find((one) => one === label)
    if (known === undefined) return []
    return [
      {
        id: String(id),
        label: known,
        openedAt: Number(openedAt),
        services: Array.isArray(services) ? services.map(String) : [],
      },
    ]
  })
}

function at(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.trunc(ms)}))`
}

function schemasOf({ schemaIds, registry }: Kit) {
  return { ids: schemaIds, registry }
}
