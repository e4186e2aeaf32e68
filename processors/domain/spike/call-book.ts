import type { Detection } from './types.ts'

/** Services remembered that this one calls; past it the one not named for longest is forgotten. */
const CALLS_MAX = 32
const OPENING: ReadonlySet<string> = new Set(['novel', 'spike', 'drop', 'silence', 'latency'])

/**
 * Whom a service was seen to call, mostly when all was well. What opens an episode says it, so that the graph of
 * incidents knows the way before anything on it failed. Plain data: names, the one named last at the end.
 */
export type CallBook = string[]

export function noteCall(book: CallBook, callee: string | undefined): void {
  // Named again and again, as a service of few calls does: the common case changes nothing.
  if (callee === undefined || book.at(-1) === callee) return
  const at = book.indexOf(callee)
  if (at >= 0) book.splice(at, 1)
  book.push(callee)
  if (book.length > CALLS_MAX) book.shift()
}

/** The same findings; those that open an episode carry the calls. */
export function withCalls(book: CallBook, found: Detection[]): Detection[] {
  if (book.length === 0 || found.length === 0) return found
  const calls = book.toSorted((a, b) => (a < b ? -1 : 1))
  return found.map((one) => (OPENING.has(one.kind) ? { ...one, calls } : one))
}
