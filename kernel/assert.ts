/** A broken invariant: a bug of ours, never bad input. It stops the task that finds it. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws when `condition` does not hold; `message` says what had to be true. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}
