/**
 * The highest excursions of the last 14 days, at most one in twelve hours. The third largest says what this
 * series does now and then without being an incident. Works on a stretch of a Float32Array; times are minutes
 * of the series' age plus one, 0 means empty.
 */
const PEAKS = 5
export const PEAKS_LENGTH = 2 * PEAKS
const MEMORY_MIN = 14 * 1440
const SAME_EVENT_MIN = 720

/** Remembers a finished excursion of this height. */
export function rememberPeak(
  peaks: Float32Array,
  start: number,
  peak: { height: number; time: number },
): void {
  let lowest = start
  for (let index = 0; index < PEAKS; index += 1) {
    const at = start + 2 * index
    const ageMin = peak.time - (peaks[at + 1] as number)
    if (ageMin >= MEMORY_MIN) peaks[at] = 0
    else if ((peaks[at] as number) > 0 && ageMin < SAME_EVENT_MIN) {
      peaks[at] = Math.max(peaks[at] as number, peak.height)
      return
    }
    if ((peaks[at] as number) < (peaks[lowest] as number)) lowest = at
  }
  if (peak.height <= (peaks[lowest] as number)) return
  peaks[lowest] = peak.height
  peaks[lowest + 1] = peak.time
}

/** Height of the third largest peak still remembered at `time`, or 0. */
export function thirdPeak(peaks: Float32Array, start: number, time: number): number {
  let first = 0
  let second = 0
  let third = 0
  for (let index = 0; index < PEAKS; index += 1) {
    const at = start + 2 * index
    const height = peaks[at] as number
    if (height <= third || time - (peaks[at + 1] as number) >= MEMORY_MIN) continue
    if (height > first) {
      third = second
      second = first
      first = height
    } else if (height > second) {
      third = second
      second = height
    } else third = height
  }
  return third
}
