import type { Clock } from '#/kernel/clock.ts'

export interface ReadingOptions {
  clock: Clock
  /** Nobody asks again before a reading is this old. */
  freshMs: number
  /** While the next one is on its way, the last one is told until it is this old. */
  usableMs: number
}

/**
 * One reading for all who ask: probes cost the log nothing, and a busy moment does not look like an outage. When
 * readings fail or hang, the last good one is told for `usableMs` and then no more.
 */
export function shareReading<T>(read: () => Promise<T>, options: ReadingOptions): () => Promise<T> {
  const { clock, freshMs, usableMs } = options
  let last: { value: T; atMs: number } | undefined
  let next: Promise<T> | undefined

  const refresh = (): Promise<T> => {
    const atMs = clock.monotonicMs()
    const own = read().then(
      (value) => {
        last = { value, atMs }
        next = undefined
        return value
      },
      (error: unknown) => {
        next = undefined
        throw error
      },
    )
    // Whoever was told the last reading does not hear of this one's failure.
    own.catch(() => undefined)
    return own
  }

  return async () => {
    const ageMs = last === undefined ? Infinity : clock.monotonicMs() - last.atMs
    if (last !== undefined && ageMs < freshMs) return last.value
    next ??= refresh()
    return last !== undefined && ageMs < usableMs ? last.value : next
  }
}
