/**
 * When a spike began. The excursion of the test begins where its sum last left zero, which an odd event of an
 * ordinary day does some minutes ahead of the rest. So the minutes with events of an excursion are kept, and of all
 * the stretches that end now the one counts that is least likely to be chance: n events against λ expected are
 * n·ln(n/λ) − (n − λ) nats.
 */

/** Minutes with events, oldest first, each followed by its count. */
export type Stirs = readonly number[]

export const NO_STIRS: Stirs = []
const MINUTES_MAX = 16
const STIR_NATS = 3

/** A stretch of minutes that ends now. */
export interface Stretch {
  observed: number
  expected: number
  windowMin: number
}

/** After a closed minute. One event after hours of silence is no excursion yet, and most keys never have more. */
export function noteStir(
  stirs: Stirs,
  closed: { minute: number; count: number; score: number },
): Stirs {
  const { minute, count, score } = closed
  if (score < STIR_NATS) return NO_STIRS
  const kept = stirs.length < 2 * MINUTES_MAX ? stirs : stirs.slice(2)
  return [...kept, minute, count]
}

/** The stretch up to `minute` that an alert is about; the whole excursion when it began before what is remembered. */
export function onsetOf(stirs: Stirs, minute: number, whole: Stretch): Stretch {
  const perMin = whole.expected / whole.windowMin
  let best = whole
  let observed = 0
  for (let at = stirs.length - 2; at >= 0; at -= 2) {
    const windowMin = minute - (stirs[at] as number) + 1
    if (windowMin > whole.windowMin) break
    observed += stirs[at + 1] as number
    const stretch = { observed, expected: perMin * windowMin, windowMin }
    if (surprise(stretch) > surprise(best)) best = stretch
  }
  return best
}

function surprise({ observed, expected }: Stretch): number {
  return observed <= expected ? 0 : observed * Math.log(observed / expected) - (observed - expected)
}
