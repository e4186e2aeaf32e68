import type { IncidentDetail } from '#lib/contract.ts'

/** Whoever resolves an incident that failed this recently is asked whether that is meant. */
const RECENT_MINUTES = 5

export interface StillFailing {
  errors: number
  minutes: number
}

/** What still fails of an incident that is about to be resolved; null when nothing did for some minutes. Pure. */
export function stillFailing(
  { chart }: Pick<IncidentDetail, 'chart'>,
  nowMs: number,
): StillFailing | null {
  const sinceMs = nowMs - RECENT_MINUTES * 60_000
  // A point is the minute that begins there.
  const errors = chart.reduce((sum, { at, value }) => (at > sinceMs ? sum + value : sum), 0)
  return errors === 0 ? null : { errors, minutes: RECENT_MINUTES }
}
