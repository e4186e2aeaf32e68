import { FaultlineError } from '#/kernel/errors.ts'
import { GRACE_MS } from '#/processors/domain/sql-detector/backtest.ts'
import type { GroupValue, Window } from '#/processors/domain/sql-detector/evaluate.ts'
import { groupsOf } from '#/processors/domain/sql-detector/rows.ts'
import { DETECTOR_LIMITS } from '#/processors/domain/sql-detector/spec.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { DetectorSpec } from '#/schemas/detector-view.ts'

export interface WindowQuestion {
  project: string
  spec: DetectorSpec
  window: Window
  signal?: AbortSignal | undefined
}

/** What the SELECT of a detector says of one window: live and in a back-test the same question. */
export async function askWindow(
  reads: Pick<Reads, 'guardedSql'>,
  { project, spec, window, signal }: WindowQuestion,
): Promise<GroupValue[]> {
  const view = await reads.guardedSql({
    project,
    sql: spec.sql,
    rowsMax: DETECTOR_LIMITS.rows + 1,
    timeMsMax: DETECTOR_LIMITS.timeMs,
    memoryBytesMax: DETECTOR_LIMITS.memoryBytes,
    window: { ...window, arrivedBeforeMs: window.toMs + GRACE_MS },
    ...(signal === undefined ? {} : { signal }),
  })
  // Which rows a cut leaves is chance.
  if (view.rows.length > DETECTOR_LIMITS.rows)
    throw new FaultlineError(
      'query_too_heavy',
      `The SELECT gives more than ${DETECTOR_LIMITS.rows} rows for one window.`,
      { path: 'sql', remedy: 'Group by less, or leave small groups out with HAVING.' },
    )
  return groupsOf(view, spec)
}
