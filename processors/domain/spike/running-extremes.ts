/**
 * Largest and smallest of the last points of a series, for windows of several lengths over one ring. A peak that
 * stays away, or a line that goes flat, has no unusual point: only a stretch of points tells it.
 */
export const WINDOWS = [12, 48, 150, 288] as const
const RING = 288
const SEEN_AT = RING
/** Per window: the largest and how many points ago it was, the smallest and how many points ago. */
const WINDOW_AT = RING + 1
/** Numbers its state takes. */
export const EXTREMES_LENGTH = WINDOW_AT + 4 * WINDOWS.length

export class RunningExtremes {
  readonly #state: Float64Array

  /** Works in place on `state`, all zeros at first. */
  constructor(state: Float64Array) {
    this.#state = state
  }

  push(value: number): void {
    const state = this.#state
    const seen = state[SEEN_AT] as number
    state[seen % RING] = value
    state[SEEN_AT] = seen + 1
    for (let index = 0; index < WINDOWS.length; index += 1) {
      const at = WINDOW_AT + 4 * index
      this.#follow(at, WINDOWS[index] as number, 1)
      this.#follow(at + 2, WINDOWS[index] as number, -1)
    }
  }

  /** False until the window has been filled once. */
  isFull(index: number): boolean {
    return (this.#state[SEEN_AT] as number) > (WINDOWS[index] as number)
  }

  largest(index: number): number {
    return this.#state[WINDOW_AT + 4 * index] as number
  }

  smallest(index: number): number {
    return -(this.#state[WINDOW_AT + 4 * index + 2] as number)
  }

  /** Keeps the largest of `sign` times the points; looks through the window only when the largest leaves it. */
  #follow(at: number, window: number, sign: 1 | -1): void {
    const state = this.#state
    const seen = state[SEEN_AT] as number
    const newest = sign * (state[(seen - 1) % RING] as number)
    const age = (state[at + 1] as number) + 1
    if (seen === 1 || newest >= (state[at] as number)) {
      state[at] = newest
      state[at + 1] = 0
    } else if (age < window) state[at + 1] = age
    else {
      let largest = -Infinity
      for (let back = window - 1; back >= 0; back -= 1) {
        const value = sign * (state[(seen - 1 - back) % RING] as number)
        if (value < largest) continue
        largest = value
        state[at + 1] = back
      }
      state[at] = largest
    }
  }
}
