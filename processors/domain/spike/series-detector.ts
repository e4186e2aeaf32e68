import { assert } from '#/kernel/assert.ts'
import { EXTREMES_LENGTH, RunningExtremes, WINDOWS } from './running-extremes.ts'
import { TailHistograms } from './tail-histograms.ts'

/**
 * How unusual a point of a metric series is: an ensemble of tails. Each feature (distance from averages of many
 * time scales, differences of averages, distance from the usual day, size, unrest and calm, how low the highest, how
 * high the lowest and how narrow the range of a stretch is) is compared with its own past; the surprises −ln(tail)
 * are raised to the fourth power and summed with equal weights. Only a point clearly above the sixty before it is
 * told: one event, one score; and what is below the third-largest peak so far is told for less, since this series
 * is known to do that.
 */
export interface SeriesDetector {
  /** Takes the next point, in order of time; returns 0 to 1. What is not a finite number scores 0. */
  update(value: number, timestampMs: number): number
  /** The whole state as numbers; they survive JSON exactly. */
  snapshot(): number[]
}

/** Weights of the exponential averages whose distance from the point is a feature, above and below. */
const LEVELS = [0.6, 0.2, 0.05, 0.01, 0.002] as const
/** Fast and slow weights of averages whose difference is a feature, above and below. */
const DIFFERENCES = [
  [0.3, 0.03],
  [0.1, 0.01],
  [0.05, 0.003],
  [0.02, 0.002],
  [0.01, 0.001],
] as const
/** Levels whose mean distance from the points is a feature when it is small: a line that goes quiet. */
const CALM = [1, 2, 3] as const
/** Weights of the averages of the distance from the usual day. */
const RESIDUALS = [0.2, 0.05, 0.015] as const
/** Weights of the averages of the step from point to point. */
const UNREST = [1, 0.2, 0.05] as const
const FEATURES =
  2 * LEVELS.length +
  2 * DIFFERENCES.length +
  1 +
  2 * RESIDUALS.length +
  UNREST.length +
  2 +
  3 * WINDOWS.length +
  CALM.length

/** The usual day in steps of five minutes, each following its value at this weight. */
const SLOTS = 288
const SLOT_MS = 300_000
const SLOT_WEIGHT = 0.2

const PEAK_POINTS = 60
const PEAK_RATIO = 1.06
/** The strength that scores one half; it orders nothing, it only places 0.5 where alerts are worth having. */
const HALF_SCORE = 20
const VALUE_MAX = 1e150

const AVERAGES = LEVELS.length + 2 * DIFFERENCES.length + 2 * RESIDUALS.length + UNREST.length
const SLOTS_AT = AVERAGES
const RECENT_AT = SLOTS_AT + 2 * SLOTS
const SEEN = RECENT_AT + PEAK_POINTS
const LAST = SEEN + 1
const SCALE = SEEN + 2
/** The highest of the recent sums, and how many points ago it was. */
const HIGHEST = SEEN + 3
const HIGHEST_AGE = SEEN + 4
/** The highest of the peak under way, and points since; then the largest finished peaks, falling. */
const PEAK = SEEN + 5
const PEAK_AGE = SEEN + 6
const PEAKS_AT = SEEN + 7
const PEAKS = 3
const CALM_AT = PEAKS_AT + PEAKS
const EXTREMES_AT = CALM_AT + CALM.length
const LENGTH = EXTREMES_AT + EXTREMES_LENGTH

export function createSeriesDetector(): SeriesDetector {
  return new Ensemble()
}

/** Continues where the detector that gave these numbers stood. */
export function restoreSeriesDetector(numbers: readonly number[]): SeriesDetector {
  return new Ensemble(numbers)
}

class Ensemble implements SeriesDetector {
  readonly #tails = new TailHistograms(FEATURES)
  readonly #state = new Float64Array(LENGTH)
  readonly #extremes = new RunningExtremes(this.#state.subarray(EXTREMES_AT))
  #feature = 0
  #sum = 0

  constructor(numbers?: readonly number[]) {
    if (numbers === undefined) return
    assert(numbers.length >= LENGTH, 'a snapshot of a series holds its averages')
    this.#state.set(numbers.slice(0, LENGTH))
    this.#tails.restore(numbers.slice(LENGTH))
  }

  snapshot(): number[] {
    return [...this.#state, ...this.#tails.snapshot()]
  }

  update(value: number, timestampMs: number): number {
    if (!Number.isFinite(value)) return 0
    const state = this.#state
    const point = Math.min(VALUE_MAX, Math.max(-VALUE_MAX, value))
    if (state[SEEN] === 0) {
      state.fill(point, 0, LEVELS.length + 2 * DIFFERENCES.length)
      state[LAST] = point
    }
    if (state[SCALE] === 0 && point !== 0) {
      // A power of two, so that a series and its double give the same scores.
      state[SCALE] = 2 ** Math.floor(Math.log2(Math.abs(point)))
      this.#tails.setScale(state[SCALE])
    }
    state[SEEN] = (state[SEEN] as number) + 1
    this.#feature = 0
    this.#sum = 0
    const at = this.#takeResiduals(this.#takeLevels(point), this.#residual(point, timestampMs))
    this.#takeUnrest(at, point)
    this.#take(point)
    this.#takeInverse(Math.abs(point))
    this.#takeExtremes(point)
    this.#tails.turn()
    return this.#tell(Math.sqrt(Math.sqrt(this.#sum)))
  }

  #take(size: number): void {
    this.#sum += fourth(this.#tails.surprise(this.#feature, size))
    this.#feature += 1
  }

  /** The smaller, the more unusual; nothing is as far as a size can go. */
  #takeInverse(size: number): void {
    const scale = this.#state[SCALE] as number
    this.#take(Math.min(scale * 2 ** 19, (scale * scale) / size))
  }

  #takeExtremes(point: number): void {
    const extremes = this.#extremes
    extremes.push(point)
    for (let index = 0; index < WINDOWS.length; index += 1) {
      if (!extremes.isFull(index)) {
        this.#feature += 3
        continue
      }
      const largest = extremes.largest(index)
      this.#takeInverse(Math.abs(largest))
      this.#takeInverse(largest - extremes.smallest(index))
      this.#take(extremes.smallest(index))
    }
  }

  /** Moves an average, faster while it is young, and returns it. */
  #follow(at: number, weight: number, value: number): number {
    const before = this.#state[at] as number
    const share = Math.max(weight, 1 / (this.#state[SEEN] as number))
    const average = before + share * (value - before)
    this.#state[at] = average
    return average
  }

  #takeLevels(point: number): number {
    let at = 0
    for (const weight of LEVELS) {
      const distance = point - (this.#state[at] as number)
      this.#follow(at, weight, point)
      this.#takeCalm(at, weight, Math.abs(distance))
      at += 1
      this.#take(distance)
      this.#take(-distance)
    }
    for (const [fast, slow] of DIFFERENCES) {
      const difference = this.#follow(at, fast, point) - this.#follow(at + 1, slow, point)
      at += 2
      this.#take(difference)
      this.#take(-difference)
    }
    return at
  }

  #takeCalm(level: number, weight: number, size: number): void {
    const index = level - CALM[0]
    if (index < 0 || index >= CALM.length) return
    const state = this.#state
    const at = CALM_AT + index
    state[at] = (state[at] as number) + weight * (size - (state[at] as number))
    // A young average is small because it began at zero.
    if ((state[SEEN] as number) * weight > 2) this.#takeInverse(state[at])
    else this.#feature += 1
  }

  #takeResiduals(start: number, residual: number): number {
    const size = Math.abs(residual)
    this.#take(size)
    let at = start
    for (const weight of RESIDUALS) {
      const state = this.#state
      const signed = (state[at] as number) + weight * (residual - (state[at] as number))
      const absolute = (state[at + 1] as number) + weight * (size - (state[at + 1] as number))
      state[at] = signed
      state[at + 1] = absolute
      at += 2
      this.#take(Math.abs(signed))
      this.#take(absolute)
    }
    return at
  }

  #takeUnrest(start: number, point: number): void {
    const state = this.#state
    const step = Math.abs(point - (state[LAST] as number))
    state[LAST] = point
    let at = start
    for (const weight of UNREST) {
      const unrest = (state[at] as number) + weight * (step - (state[at] as number))
      state[at] = unrest
      at += 1
      this.#take(unrest)
    }
  }

  /** Distance from the usual value at this time of day, which it learns. */
  #residual(point: number, timestampMs: number): number {
    const state = this.#state
    const slot = Math.floor((((timestampMs / SLOT_MS) % SLOTS) + SLOTS) % SLOTS)
    const at = SLOTS_AT + 2 * Math.min(SLOTS - 1, slot)
    const seen = state[at + 1] as number
    const residual = seen === 0 ? 0 : point - (state[at] as number)
    state[at] =
      seen === 0 ? point : (state[at] as number) + residual * Math.max(SLOT_WEIGHT, 1 / (seen + 1))
    state[at + 1] = seen + 1
    return residual
  }

  /** The score of a point clearly above the ones before it; 0 for all others. */
  #tell(strength: number): number {
    const state = this.#state
    if ((state[HIGHEST_AGE] as number) >= PEAK_POINTS) this.#findHighest()
    const highest = state[HIGHEST] as number
    state[RECENT_AT + ((state[SEEN] as number) % PEAK_POINTS)] = strength
    state[HIGHEST_AGE] = (state[HIGHEST_AGE] as number) + 1
    if (strength >= highest) {
      state[HIGHEST] = strength
      state[HIGHEST_AGE] = 0
    }
    const known = state[PEAKS_AT + PEAKS - 1] as number
    this.#followPeak(strength)
    if (strength <= PEAK_RATIO * highest) return 0
    const told = known > strength ? (strength * strength) / known : strength
    const cube = told * told * told
    return cube / (cube + HALF_SCORE ** 3)
  }

  /** A peak has ended when this many points stayed below it; the largest ones are kept. */
  #followPeak(strength: number): void {
    const state = this.#state
    const peak = state[PEAK] as number
    if (strength > peak) {
      state[PEAK] = strength
      state[PEAK_AGE] = 0
      return
    }
    state[PEAK_AGE] = (state[PEAK_AGE] as number) + 1
    if (state[PEAK_AGE] < PEAK_POINTS) return
    let falling = peak
    for (let at = PEAKS_AT; at < PEAKS_AT + PEAKS; at += 1) {
      const kept = state[at] as number
      state[at] = Math.max(kept, falling)
      falling = Math.min(kept, falling)
    }
    state[PEAK] = strength
    state[PEAK_AGE] = 0
  }

  #findHighest(): void {
    const state = this.#state
    const seen = state[SEEN] as number
    state[HIGHEST] = 0
    // The oldest of them is the one about to be replaced.
    for (let age = 1; age <= PEAK_POINTS; age += 1) {
      const sum = state[RECENT_AT + ((seen + PEAK_POINTS - age) % PEAK_POINTS)] as number
      if (sum <= state[HIGHEST]) continue
      state[HIGHEST] = sum
      state[HIGHEST_AGE] = age - 1
    }
  }
}

function fourth(value: number): number {
  const square = value * value
  return square * square
}
