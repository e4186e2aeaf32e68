/**
 * The place in time all charts and rows of a page show together. A moving cursor is shown everywhere; locked it stays,
 * until it is let go, so that a number can be compared across charts and lists.
 */
export class Crosshair {
  #at = $state<number | null>(null)
  #locked = $state(false)

  /** Milliseconds since the epoch, null for none. */
  get at(): number | null {
    return this.#at
  }

  get locked(): boolean {
    return this.#locked
  }

  /** The pointer or the keyboard of a chart moves; a lock holds. */
  show(at: number | null): void {
    if (!this.#locked) this.#at = at
  }

  /** Locks where it is, or at `at`; lets go when it is locked. Returns whether it is locked now. */
  toggleLock(at: number | null = this.#at): boolean {
    if (this.#locked) {
      this.#locked = false
      return false
    }
    this.#at = at
    this.#locked = at !== null
    return this.#locked
  }

  release(): void {
    this.#locked = false
    this.#at = null
  }

  /** Whether something at `time` lies in the bucket under a locked cursor. */
  holds(time: number, widthMs = 60_000): boolean {
    return this.#locked && this.#at !== null && Math.abs(time - this.#at) <= widthMs
  }
}
