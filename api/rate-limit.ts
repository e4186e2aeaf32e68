import type { Clock } from '#/kernel/clock.ts'

export interface RateLimitOptions {
  /** Tokens a second that come back. */
  perSecond: number
  /** Tokens a key may save up: the largest burst. */
  burst: number
}

export interface RateLimit {
  /** Seconds to wait before the next call may succeed, 0 when it may now. */
  waitSeconds(key: string): number
  /**
   * Takes tokens that were needed. The bucket may go below zero: a batch is taken as a whole, and what comes after
   * it waits until the debt is paid.
   */
  take(key: string, tokens: number): void
}

interface Bucket {
  tokens: number
  atMs: number
}

/** Keys that were quiet long enough to be full again are forgotten once there are this many. */
const BUCKETS_MAX = 10_000

/** One token bucket per key, user or address. */
export function createRateLimit(clock: Clock, options: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>()
  const bucketOf = (key: string): Bucket => {
    const nowMs = clock.monotonicMs()
    let bucket = buckets.get(key)
    if (bucket === undefined) {
      if (buckets.size >= BUCKETS_MAX) forgetFull(nowMs)
      bucket = { tokens: options.burst, atMs: nowMs }
      buckets.set(key, bucket)
    }
    bucket.tokens = refilled(bucket, nowMs)
    bucket.atMs = nowMs
    return bucket
  }
  const refilled = (bucket: Bucket, nowMs: number): number =>
    Math.min(options.burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * options.perSecond)
  const forgetFull = (nowMs: number): void => {
    for (const [key, bucket] of buckets)
      if (refilled(bucket, nowMs) >= options.burst) buckets.delete(key)
    // All busy: the oldest goes, whose worst gain is one more burst.
    const oldest = buckets.keys().next()
    if (buckets.size >= BUCKETS_MAX && oldest.done === false) buckets.delete(oldest.value)
  }
  return {
    waitSeconds(key) {
      const { tokens } = bucketOf(key)
      return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / options.perSecond)
    },
    take(key, tokens) {
      bucketOf(key).tokens -= tokens
    },
  }
}
