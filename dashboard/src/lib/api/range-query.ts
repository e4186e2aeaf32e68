import type { Query } from '#lib/api/path.ts'
import { stepFor, type TimeRange } from '#lib/time/range.ts'

/** A range as the API takes it: milliseconds, and the width of the buckets wanted. */
export function rangeQuery(range: TimeRange, bucketsMax?: number): Query {
  const step = bucketsMax === undefined ? {} : { step: stepFor(range.to - range.from, bucketsMax) }
  return { from: Math.floor(range.from), to: Math.ceil(range.to), ...step }
}
