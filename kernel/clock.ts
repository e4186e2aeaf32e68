/** The only source of wall-clock time; everything else is given one, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
  /** Milliseconds from an arbitrary origin that never goes back; for durations only. */
  monotonicMs(): number
  /** Resolves after `durationMs`, or at once when `signal` aborts. Never rejects. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (durationMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, durationMs)
      signal?.addEventListener('abort', done, { once: true })
    }),
}

/** A clock that moves only when told to; sleepers wake in the order of their deadlines. */
export interface ManualClock extends Clock {
  advance(durationMs: number): Promise<void>
}

export function createManualClock(startMs = 0): ManualClock {
  let currentMs = startMs
  let sleepers: { deadlineMs: number; wake: () => void }[] = []
  return {
    nowMs: () => currentMs,
    monotonicMs: () => currentMs - startMs,
    sleep: (durationMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve()
          return
        }
        const sleeper = { deadlineMs: currentMs + durationMs, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener(
          'abort',
          () => {
            sleepers = sleepers.filter((other) => other !== sleeper)
            resolve()
          },
          { once: true },
        )
      }),
    async advance(durationMs) {
      const targetMs = currentMs + durationMs
      for (;;) {
        const next = sleepers
          .filter((sleeper) => sleeper.deadlineMs <= targetMs)
          .toSorted((a, b) => a.deadlineMs - b.deadlineMs)[0]
        if (next === undefined) break
        currentMs = Math.max(currentMs, next.deadlineMs)
        sleepers = sleepers.filter((sleeper) => sleeper !== next)
        next.wake()
        await new Promise((resolve) => setImmediate(resolve))
      }
      currentMs = targetMs
    },
  }
}
