import { wallClock } from '#lib/time/now.ts'

/**
 * The time ages are counted from. It starts at the server's reading, so that the first render in the browser
 * equals the HTML, and then follows the browser's clock corrected by the difference to the server's.
 */
export class Ticker {
  #now = $state(0)
  #skewMs = 0

  constructor(serverNow: number) {
    this.#now = serverNow
  }

  get now(): number {
    return this.#now
  }

  /** Ticks every `everyMs` until the returned function is called. */
  start(everyMs = 1000): () => void {
    this.#skewMs = this.#now - wallClock()
    const timer = setInterval(() => {
      this.#now = wallClock() + this.#skewMs
    }, everyMs)
    return () => {
      clearInterval(timer)
    }
  }
}
