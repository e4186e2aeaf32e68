import type { Clock } from '#/kernel/clock.ts'

/** So many a second, and so many at once. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = clock.monotonicMs()
  }

  take(): boolean {
    const nowMs = this.#clock.monotonicMs()
    const refill = ((nowMs - this.#atMs) / 1_000) * this.#perSecond
    this.#tokens = Math.min(this.#burst, this.#tokens + refill)
    this.#atMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
