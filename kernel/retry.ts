import type { Clock } from '#/kernel/clock.ts'
import type { Random } from '#/kernel/random.ts'

export interface RetryOptions {
  clock: Clock
  random: Random
  /** Attempts in all, the first included; Infinity retries for ever. */
  attemptsMax: number
  delayFirstMs: number
  delayMaxMs: number
  /** Whether this error may pass by itself; others surface at once. */
  isRetryable(error: unknown): boolean
  /** Told before each wait, so that a retry is never silent. */
  onRetry?(error: unknown, attempt: number, delayMs: number): void
  signal?: AbortSignal
}

/**
 * Runs `operation` until it succeeds: exponential backoff with full jitter. The last error surfaces
 * when the attempts are used up, when it is not retryable, or when the signal aborts.
 */
export async function retry<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation(attempt)
    } catch (error) {
      const exhausted = attempt >= options.attemptsMax || options.signal?.aborted === true
      if (exhausted || !options.isRetryable(error)) throw error
      const ceilingMs = Math.min(options.delayMaxMs, options.delayFirstMs * 2 ** (attempt - 1))
      const delayMs = ceilingMs * (0.5 + options.random.unit() / 2)
      options.onRetry?.(error, attempt, delayMs)
      await options.clock.sleep(delayMs, options.signal)
    }
  }
}
