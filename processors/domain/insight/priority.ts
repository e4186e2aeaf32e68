/** What decides which incident goes first; all of it counted. */
export interface Ranked {
  number: number
  severity: number
  severity_score: number
  users: number
  opened_at: number
}

/** Worst level first, then score, then people, then the one that has waited longer. Nothing here is anybody's opinion. */
export function rankIncidents<T extends Ranked>(incidents: readonly T[]): T[] {
  return incidents.toSorted(
    (left, right) =>
      left.severity - right.severity ||
      right.severity_score - left.severity_score ||
      right.users - left.users ||
      left.opened_at - right.opened_at ||
      left.number - right.number,
  )
}
