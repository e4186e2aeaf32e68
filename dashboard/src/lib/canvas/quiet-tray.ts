/** How many suggestions may be seen at once, so that they never press. Pure. */

/** After one was decided the next waits this long, unless somebody asks. */
const QUIET_MS = 5 * 60_000
export const MUTED_MS = 60 * 60_000

export interface TrayMood {
  /** Somebody wanted to see all of them. */
  asked: boolean
  /** When the last one was accepted or declined in this tab; null when none was. */
  decidedAtMs: number | null
  mutedUntilMs: number
}

/** All when asked for, none while muted or just after one was decided, else the first. */
export function shownOf<T>(suggestions: readonly T[], mood: TrayMood, nowMs: number): readonly T[] {
  if (mood.asked) return suggestions
  if (nowMs < mood.mutedUntilMs) return []
  if (mood.decidedAtMs !== null && nowMs - mood.decidedAtMs < QUIET_MS) return []
  return suggestions.slice(0, 1)
}
