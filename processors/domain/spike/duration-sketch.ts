/**
 * Durations of one minute as counts by size: eight bins per doubling, so a quantile is within 5 %. Plain data,
 * a pair of bin and count per entry.
 */
export type DurationSketch = Record<string, number>

const BINS_PER_OCTAVE = 8

export const createQuantileSketch = (): DurationSketch => ({})

export function addDuration(sketch: DurationSketch, durationMs: number): void {
  const bin = Math.round(Math.log2(Math.max(durationMs, 0.01)) * BINS_PER_OCTAVE)
  sketch[bin] = (sketch[bin] ?? 0) + 1
}

export function countDurations(sketch: DurationSketch): number {
  let count = 0
  for (const bin in sketch) count += sketch[bin] ?? 0
  return count
}

/** The `share` quantile in ms, or undefined of an empty sketch. */
export function quantileMs(sketch: DurationSketch, share: number): number | undefined {
  const bins = Object.keys(sketch)
    .map(Number)
    .toSorted((a, b) => a - b)
  const rank = Math.ceil(share * countDurations(sketch))
  let below = 0
  for (const bin of bins) {
    below += sketch[bin] ?? 0
    if (below >= rank) return 2 ** (bin / BINS_PER_OCTAVE)
  }
  return undefined
}
