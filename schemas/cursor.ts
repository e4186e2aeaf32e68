import { FaultlineError } from '#/kernel/errors.ts'

/**
 * A cursor is the sort key of the last row of a page, so that the next page begins behind it however many rows came
 * or went meanwhile (keyset paging). It is opaque text for the address bar: base64url of a JSON list.
 */
export type CursorKey = readonly (string | number)[]

const CURSOR_CHARS_MAX = 1024

function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url')
}

/** A page of rows that were asked for with one more than it takes; the cursor is the key of its last. */
export function cutPage<T>(
  rows: readonly T[],
  limit: number,
  keyOf: (row: T) => CursorKey,
): { items: T[]; next: string | null } {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null
  return { items, next }
}

/** The sort key of a cursor with `length` parts. Fails with `invalid_request` at path `cursor`. */
export function decodeCursor(cursor: string, length: number): CursorKey {
  if (cursor.length > CURSOR_CHARS_MAX) throw refuse()
  let key: unknown
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch (error) {
    throw refuse(error)
  }
  if (!Array.isArray(key) || key.length !== length) throw refuse()
  if (!key.every((part) => typeof part === 'string' || Number.isFinite(part))) throw refuse()
  return key as CursorKey
}

function refuse(cause?: unknown): FaultlineError {
  return new FaultlineError('invalid_request', 'The cursor is not one this endpoint gave out.', {
    path: 'cursor',
    remedy: 'Start without a cursor, then use `next` of the answer.',
    cause,
  })
}
