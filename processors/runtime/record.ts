import type { ConsumedRecord } from '#/processors/log/port.ts'

/**
 * What became of one record. Poison is a value, not an exception: a stage throws only for bugs and for broken
 * infrastructure.
 */
export type Result =
  /** Processed; whatever it led to was emitted. */
  | { readonly kind: 'ok' }
  /** Left out on purpose (a duplicate, a repeated tick). Counted, never silent. */
  | { readonly kind: 'drop'; readonly reason: string }
  /** Cannot be processed by this stage, ever: it goes to the dead letters, whole. */
  | { readonly kind: 'dlq'; readonly code: string; readonly error: string }
  /** Goes on as it is to another topic, same partition; state was updated as far as it could be. */
  | { readonly kind: 'redirect'; readonly topic: string; readonly reason: string }

export const OK: Result = { kind: 'ok' }

export function drop(reason: string): Result {
  return { kind: 'drop', reason }
}

export function deadLetter(code: string, error: string): Result {
  return { kind: 'dlq', code, error }
}

export function redirect(topic: string, reason: string): Result {
  return { kind: 'redirect', topic, reason }
}

/** A record that could not be processed, with where it came from. */
export interface DeadLetterDraft {
  /** Consumer group that gave up on it. */
  stage: string
  topic: string
  partition: number
  record: ConsumedRecord
  code: string
  error: string
}
