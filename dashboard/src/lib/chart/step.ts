import type { SeriesPoint } from '#lib/contract.ts'

const STEPS_MS = [
  10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000,
  21_600_000, 86_400_000,
]

/**
 * Width of the buckets the points really have. The API may answer with coarser ones than asked for (its
 * rollups are), and drawn on the asked grid they would show gaps that are not there.
 */
export function bucketMs(points: readonly SeriesPoint[], askedMs: number): number {
  const times = [...new Set(points.map((point) => point.at))].toSorted((a, b) => a - b)
  // A handful of points may be far apart by chance.
  if (times.length < 8) return askedMs
  let gap = Infinity
  for (const [index, at] of times.entries()) {
    const before = times[index - 1]
    if (before !== undefined) gap = Math.min(gap, at - before)
  }
  return STEPS_MS.findLast((step) => step > askedMs && step <= gap) ?? askedMs
}
