/**
 * How rare a size is among the past sizes of a feature, for many features in one array. Sizes are counted in
 * bins of their binary logarithm, four to a doubling, old ones fading; a size beyond all earlier ones goes on
 * growing rarer with its distance from them.
 */
const BINS = 256
const BLOCK_BITS = 4
const BLOCK_BINS = 1 << BLOCK_BITS
const BLOCKS = BINS / BLOCK_BINS
const FEATURE_LENGTH = BINS + BLOCKS
/** Bins lie from 2^-44 to 2^20 times the scale of the series. */
const BIN_OF_SCALE = 44 * 4
/** The past fades to a third in 20,000 points: the newest weigh more by growing, instead of all others shrinking. */
const GROWTH = 1 / (1 - 1 / 20_000)
const WEIGHT_MAX = 1e25
/** Share of one point that stands for all sizes never seen. */
const UNSEEN = 0.1
/** A size e times the largest so far is this many nats rarer, up to a bound. */
const NATS_PER_E = 2
const BEYOND_NATS_MAX = 3

/** One number seen as its bits: logarithms without the library's, which were half of a point's time. */
const number = new Float64Array(1)
const halves = new Uint32Array(number.buffer)
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0
const MANTISSA = 0xf_ff_ff
const mantissaOf = (value: number): number => {
  number[0] = value
  return (halves[HIGH] as number) & MANTISSA
}
const QUARTER = mantissaOf(2 ** 0.25)
const HALF = mantissaOf(2 ** 0.5)
const THREE_QUARTERS = mantissaOf(2 ** 0.75)

/** ⌊4·log₂⌋ of a positive number: bins of equal width, told from its exponent and three bounds. */
export function quarterOctave(size: number): number {
  number[0] = size
  const high = halves[HIGH] as number
  const mantissa = high & MANTISSA
  const quarter = mantissa < HALF ? (mantissa < QUARTER ? 0 : 1) : mantissa < THREE_QUARTERS ? 2 : 3
  return 4 * ((high >>> 20) - 1023) + quarter
}

const LOG_BITS = 11
const LOGS = Float64Array.from({ length: 1 << LOG_BITS }, (_, at) =>
  Math.log(1 + (at + 0.5) / (1 << LOG_BITS)),
)

/** ln of a positive number, right to 0.0003: far less than what the bins round away. */
export function roughLog(value: number): number {
  number[0] = value
  const high = halves[HIGH] as number
  return ((high >>> 20) - 1023) * Math.LN2 + (LOGS[(high & MANTISSA) >>> (20 - LOG_BITS)] as number)
}

export class TailHistograms {
  readonly #features: number
  readonly #mass: Float32Array
  /** Largest size of each feature. */
  readonly #largest: Float64Array
  /** The last block of each feature that holds anything: sizes mostly lie near it, so that sums are short. */
  readonly #lastBlock: Uint8Array
  #weight = 1
  #total = 0
  #firstBin = 0

  constructor(features: number) {
    this.#features = features
    this.#mass = new Float32Array(features * FEATURE_LENGTH)
    this.#largest = new Float64Array(features)
    this.#lastBlock = new Uint8Array(features)
  }

  /** Sets the scale of the series, once, before the first size. */
  setScale(scale: number): void {
    this.#firstBin = quarterOctave(scale) - BIN_OF_SCALE
  }

  /** −ln of the share of the past with at least this size; learns it. 0 for sizes that are not positive. */
  surprise(feature: number, size: number): number {
    if (!(size > 0)) return 0
    const mass = this.#mass
    const start = feature * FEATURE_LENGTH
    const bin = Math.min(BINS - 1, Math.max(0, quarterOctave(size) - this.#firstBin))
    const block = bin >> BLOCK_BITS
    const blocks = start + BINS
    let above = 0
    const lastBlock = this.#lastBlock[feature] as number
    for (let index = block + 1; index <= lastBlock; index += 1)
      above += mass[blocks + index] as number
    const end = start + ((block + 1) << BLOCK_BITS)
    for (let index = start + bin; index < end; index += 1) above += mass[index] as number
    if (block > lastBlock) this.#lastBlock[feature] = block
    const weight = this.#weight
    const share = (above + UNSEEN * weight) / (this.#total + UNSEEN * weight)
    mass[start + bin] = (mass[start + bin] as number) + weight
    mass[blocks + block] = (mass[blocks + block] as number) + weight
    const largest = this.#largest[feature] as number
    let nats = share < 1 ? Math.max(0, -roughLog(share)) : 0
    if (size > largest) {
      this.#largest[feature] = size
      if (largest > 0) nats += Math.min(BEYOND_NATS_MAX, NATS_PER_E * Math.log(size / largest))
    }
    return nats
  }

  /** Ends a point: the next one weighs a little more than all before it. */
  turn(): void {
    this.#total += this.#weight
    this.#weight *= GROWTH
    if (this.#weight < WEIGHT_MAX) return
    for (let index = 0; index < this.#mass.length; index += 1) {
      this.#mass[index] = (this.#mass[index] as number) / this.#weight
    }
    this.#total /= this.#weight
    this.#weight = 1
  }

  /** Pairs of place and mass where there is any, after the other numbers. */
  snapshot(): number[] {
    const numbers = [this.#weight, this.#total, this.#firstBin, ...this.#largest]
    for (const [index, mass] of this.#mass.entries()) if (mass !== 0) numbers.push(index, mass)
    return numbers
  }

  restore(numbers: readonly number[]): void {
    this.#weight = numbers[0] as number
    this.#total = numbers[1] as number
    this.#firstBin = numbers[2] as number
    const pairs = 3 + this.#features
    this.#largest.set(numbers.slice(3, pairs))
    for (let at = pairs; at < numbers.length; at += 2) {
      const index = numbers[at] as number
      this.#mass[index] = numbers[at + 1] as number
      const feature = Math.floor(index / FEATURE_LENGTH)
      const block = (index % FEATURE_LENGTH) - BINS
      if (block > (this.#lastBlock[feature] as number)) this.#lastBlock[feature] = block
    }
  }
}
