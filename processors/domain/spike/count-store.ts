import { GUARD_LENGTH } from './periodic-jobs.ts'
import { PEAKS_LENGTH } from './past-peaks.ts'
import { PROFILE_LENGTH } from './seasonal-profile.ts'

/** Numbers of one key in double precision: what is summed for weeks. */
export const CORE = {
  /** Minute of the first event, and the last minute closed. */
  birth: 0,
  last: 1,
  /** Level: discounted events and discounted exposure in minutes × season. */
  events: 2,
  exposure: 3,
  /** Correction of the level over hours: discounted events and expectation. */
  recentEvents: 4,
  recentExpected: 5,
  /** Dispersion: sums of excess squared residual and of squared expectation. */
  excess: 6,
  square: 7,
  /** The two excursions. */
  low: 8,
  high: 9,
  /** Level at which the test stands still during an excursion; 0 when it follows. */
  frozen: 10,
  /** Slot of the key's habits plus one; 0 while it has none. */
  habits: 11,
} as const
export const CORE_LENGTH = 12

/** Numbers of one key in single precision. Times are minutes of age plus one; 0 means none. */
export const SIDE = {
  peak: 0,
  alarmAt: 1,
  /** The level's sums as they were when the excursion began. */
  keptEvents: 2,
  keptExposure: 3,
  keptRecentEvents: 4,
  keptRecentExpected: 5,
  /** The open hour. */
  hourObserved: 6,
  hourExpected: 7,
  /** The excursion: its start, what was seen in it and what was expected. */
  startAt: 8,
  observed: 9,
  expected: 10,
  burstAt: 11,
  /** Events expected since the level was frozen. */
  frozenExpected: 12,
} as const
export const SIDE_LENGTH = 13

/** Habits: only for keys that have happened often enough to have any. */
export const PEAKS_AT = PROFILE_LENGTH
export const GUARD_AT = PEAKS_AT + PEAKS_LENGTH
export const HABITS_LENGTH = GUARD_AT + GUARD_LENGTH

/** Bytes of one key: rare ones, and ones with habits. */
export const KEY_BYTES_MIN = CORE_LENGTH * 8 + SIDE_LENGTH * 4
export const KEY_BYTES_MAX = KEY_BYTES_MIN + HABITS_LENGTH * 4

const SLAB_BITS = 4
const SLAB_KEYS = 1 << SLAB_BITS

/** Fixed-size records in slabs: a million keys are a few thousand arrays, not a million objects. */
export class CountStore {
  readonly #cores: Float64Array[] = []
  readonly #sides: Float32Array[] = []
  readonly #habits: Float32Array[] = []
  readonly #freeKeys: number[] = []
  readonly #freeHabits: number[] = []
  #keyCount = 0
  #habitsCount = 0

  add(): number {
    const free = this.#freeKeys.pop()
    if (free !== undefined) return free
    const slot = this.#keyCount
    this.#keyCount += 1
    if (slot >> SLAB_BITS === this.#cores.length) {
      this.#cores.push(new Float64Array(SLAB_KEYS * CORE_LENGTH))
      this.#sides.push(new Float32Array(SLAB_KEYS * SIDE_LENGTH))
    }
    return slot
  }

  /** Frees the slot; its numbers are cleared. */
  remove(slot: number): void {
    const habits = this.habitsSlot(slot)
    if (habits >= 0) {
      const at = this.habitsAt(habits)
      this.habits(habits).fill(0, at, at + HABITS_LENGTH)
      this.#freeHabits.push(habits)
    }
    this.core(slot).fill(0, this.coreAt(slot), this.coreAt(slot) + CORE_LENGTH)
    this.side(slot).fill(0, this.sideAt(slot), this.sideAt(slot) + SIDE_LENGTH)
    this.#freeKeys.push(slot)
  }

  core(slot: number): Float64Array {
    return this.#cores[slot >> SLAB_BITS] as Float64Array
  }

  coreAt(slot: number): number {
    return (slot & (SLAB_KEYS - 1)) * CORE_LENGTH
  }

  side(slot: number): Float32Array {
    return this.#sides[slot >> SLAB_BITS] as Float32Array
  }

  sideAt(slot: number): number {
    return (slot & (SLAB_KEYS - 1)) * SIDE_LENGTH
  }

  habits(habits: number): Float32Array {
    return this.#habits[habits >> SLAB_BITS] as Float32Array
  }

  habitsAt(habits: number): number {
    return (habits & (SLAB_KEYS - 1)) * HABITS_LENGTH
  }

  /** The key's slot of habits, or -1. */
  habitsSlot(slot: number): number {
    return (this.core(slot)[this.coreAt(slot) + CORE.habits] as number) - 1
  }

  addHabits(slot: number): number {
    let habits = this.#freeHabits.pop()
    if (habits === undefined) {
      habits = this.#habitsCount
      this.#habitsCount += 1
      if (habits >> SLAB_BITS === this.#habits.length) {
        this.#habits.push(new Float32Array(SLAB_KEYS * HABITS_LENGTH))
      }
    }
    this.core(slot)[this.coreAt(slot) + CORE.habits] = habits + 1
    return habits
  }

  /** The key's numbers, habits last and only where it has any. Floats come back exactly. */
  snapshot(slot: number): number[] {
    const core = this.core(slot)
    const numbers = [...core.subarray(this.coreAt(slot), this.coreAt(slot) + CORE_LENGTH)]
    const habits = this.habitsSlot(slot)
    // Slots differ from run to run; that there are habits is what matters.
    numbers[CORE.habits] = habits >= 0 ? 1 : 0
    const side = this.side(slot)
    numbers.push(...side.subarray(this.sideAt(slot), this.sideAt(slot) + SIDE_LENGTH))
    if (habits < 0) return numbers
    const at = this.habitsAt(habits)
    numbers.push(...this.habits(habits).subarray(at, at + HABITS_LENGTH))
    return numbers
  }

  /** Takes what `snapshot` gave into a fresh slot. */
  restore(numbers: readonly number[]): number {
    const slot = this.add()
    const head = CORE_LENGTH + SIDE_LENGTH
    this.core(slot).set(numbers.slice(0, CORE_LENGTH), this.coreAt(slot))
    this.side(slot).set(numbers.slice(CORE_LENGTH, head), this.sideAt(slot))
    if (numbers[CORE.habits] === 1) {
      const habits = this.addHabits(slot)
      this.habits(habits).set(numbers.slice(head, head + HABITS_LENGTH), this.habitsAt(habits))
    }
    return slot
  }
}
