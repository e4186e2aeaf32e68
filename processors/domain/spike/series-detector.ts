import { assert } from '#/kernel/assert.ts'

/**
 * How unusual a point of a metric series is: an ensemble of tails. Each feature (distance from averages of many
 * time scales, differences of averages, distance from the usual day, size) is compared with its own past as a
 * decayed histogram of logarithms; the surprises −ln(tail) are squared and summed, with equal weights.
 */
export interface SeriesDetector {
  /** Takes the next point; returns 0 to 1. Points of one series come in order of time. */
  update(value: number, timestampMs: number): number
  /** The whole state as numbers; they survive JSON exactly. */
  snapshot(): number[]
}

/** Weights of the exponential averages whose distance from the point is a feature. */
const LEVELS = [0.6, 0.2, 0.05, 0.01, 0.002] as const
/** Fast and slow weights of averages whose difference is a feature. */
const DIFFERENCES = [
  [0.3, 0.03],
  [0.1, 0.01],
  [0.05, 0.003],
  [0.02, 0.002],
  [0.01, 0.001],
] as const
const RESIDUALS = [0.2, 0.05, 0.015] as const
const FEATURES = 2 * LEVELS.length + 2 * DIFFERENCES.length + 1 + 2 * RESIDUALS.length + 2

/** Histogram: bins per doubling, in blocks, so that a tail is a sum of a few numbers. */
const BINS_PER_OCTAVE = 2
const BLOCKS = 16
const BLOCK_BINS = 8
const BINS = BLOCKS * BLOCK_BINS
const HISTOGRAM = BINS + BLOCKS
const BIN_OFFSET = BINS / 2
/** Weight of the past after one point; the newest weigh more by growing instead of decaying all the others. */
const GROWTH = 1 / (1 - 1 / 10_000)
const GROWTH_MAX = 1e100
const TAIL_PRIOR = 1

const SLOTS = 24
const SLOT_MS = 3_600_000
const SLOT_WEIGHT = 0.03

/** Only the highest point of so many is told; the others of its neighbourhood score 0. */
const PEAK_POINTS = 100
const HALF_SCORE = 400

const AVERAGES_AT = HISTOGRAM * FEATURES
const AVERAGES = LEVELS.length + 2 * DIFFERENCES.length + 2 * RESIDUALS.length
const SLOTS_AT = AVERAGES_AT + AVERAGES
const HEAD_AT = SLOTS_AT + 2 * SLOTS
/** Points seen, weight of the next, total weight, points since the running peak, the peak. */
const HEAD = 5
const LENGTH = HEAD_AT + HEAD

export function createSeriesDetector(): SeriesDetector {
  return detectorOn(new Float64Array(LENGTH))
}

/** Continues where the detector that gave these numbers stood. */
export function restoreSeriesDetector(numbers: readonly number[]): SeriesDetector {
  assert(numbers.length === LENGTH, 'a snapshot of a series has one length')
  return detectorOn(Float64Array.from(numbers))
}

function detectorOn(state: Float64Array): SeriesDetector {
  return {
    update: (value, timestampMs) => update(state, value, timestampMs),
    snapshot: () => [...state],
  }
}

const SEEN = HEAD_AT
const WEIGHT = HEAD_AT + 1
const TOTAL = HEAD_AT + 2
const SINCE_PEAK = HEAD_AT + 3
const PEAK = HEAD_AT + 4

function update(state: Float64Array, value: number, timestampMs: number): number {
  const isFirst = state[SEEN] === 0
  if (isFirst) {
    state.fill(value, AVERAGES_AT, AVERAGES_AT + LEVELS.length + 2 * DIFFERENCES.length)
    state[WEIGHT] = 1
  }
  const surprise = surpriseOf(state, value, timestampMs)
  state[SEEN] = (state[SEEN] as number) + 1
  state[TOTAL] = (state[TOTAL] as number) + (state[WEIGHT] as number)
  state[WEIGHT] = (state[WEIGHT] as number) * GROWTH
  if (state[WEIGHT] > GROWTH_MAX) renormalise(state)
  return tellPeak(state, surprise)
}

/** Sum of the squared surprises of all features; learns the point. */
function surpriseOf(state: Float64Array, value: number, timestampMs: number): number {
  let sum = 0
  let feature = 0
  let average = AVERAGES_AT
  const take = (size: number): void => {
    sum += surpriseOfFeature(state, feature, size)
    feature += 1
  }
  for (const weight of LEVELS) {
    const distance = value - (state[average] as number)
    state[average] = (state[average] as number) + weight * distance
    average += 1
    take(distance)
    take(-distance)
  }
  for (const [fast, slow] of DIFFERENCES) {
    const quick = (state[average] as number) + fast * (value - (state[average] as number))
    const calm = (state[average + 1] as number) + slow * (value - (state[average + 1] as number))
    state[average] = quick
    state[average + 1] = calm
    average += 2
    take(quick - calm)
    take(calm - quick)
  }
  const residual = residualOf(state, value, timestampMs)
  take(Math.abs(residual))
  for (const weight of RESIDUALS) {
    const signed = (state[average] as number) + weight * (residual - (state[average] as number))
    const size = Math.abs(residual)
    const absolute =
      (state[average + 1] as number) + weight * (size - (state[average + 1] as number))
    state[average] = signed
    state[average + 1] = absolute
    average += 2
    take(Math.abs(signed))
    take(absolute)
  }
  take(value)
  take(value === 0 ? 1e12 : 1 / Math.abs(value))
  return sum
}

/** Distance from the usual value at this time of day, joined by straight lines; learns it. */
function residualOf(state: Float64Array, value: number, timestampMs: number): number {
  const position = (((timestampMs / SLOT_MS) % SLOTS) + SLOTS) % SLOTS
  const slot = Math.floor(position)
  const at = SLOTS_AT + 2 * slot
  const seen = state[at + 1] as number
  const usual = seen === 0 ? value : (state[at] as number)
  const residual = value - usual
  state[at + 1] = seen + 1
  state[at] = usual + residual * Math.max(SLOT_WEIGHT, 1 / (seen + 1))
  return residual
}

/** −ln of the share of the past in which this feature was at least so large, squared; learns the size. */
function surpriseOfFeature(state: Float64Array, feature: number, size: number): number {
  const start = feature * HISTOGRAM
  if (!(size > 0)) return 0
  const raw = Math.floor(Math.log2(size) * BINS_PER_OCTAVE) + BIN_OFFSET
  const bin = Math.min(BINS - 1, Math.max(0, raw))
  const block = bin >> 3
  let above = 0
  for (let index = block + 1; index < BLOCKS; index += 1) {
    above += state[start + BINS + index] as number
  }
  for (let index = bin; index < (block + 1) * BLOCK_BINS; index += 1) {
    above += state[start + index] as number
  }
  const weight = state[WEIGHT] as number
  const tail = (above + TAIL_PRIOR * weight) / ((state[TOTAL] as number) + TAIL_PRIOR * weight)
  state[start + bin] = (state[start + bin] as number) + weight
  state[start + BINS + block] = (state[start + BINS + block] as number) + weight
  const surprise = -Math.log(Math.min(1, tail))
  return surprise * surprise
}

function renormalise(state: Float64Array): void {
  const weight = state[WEIGHT] as number
  for (let index = 0; index < AVERAGES_AT; index += 1) {
    state[index] = (state[index] as number) / weight
  }
  state[TOTAL] = (state[TOTAL] as number) / weight
  state[WEIGHT] = 1
}

/** The score of a point higher than the hundred before it; 0 for the others. */
function tellPeak(state: Float64Array, surprise: number): number {
  const since = (state[SINCE_PEAK] as number) + 1
  if (surprise > (state[PEAK] as number) || since > PEAK_POINTS) {
    state[PEAK] = surprise
    state[SINCE_PEAK] = 0
    return surprise / (surprise + HALF_SCORE)
  }
  state[SINCE_PEAK] = since
  return 0
}
