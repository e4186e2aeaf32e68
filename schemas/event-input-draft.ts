import type { ErrorCode } from '#/kernel/errors.ts'
import { LIMITS } from './event-input-limits.ts'

export interface EventFailure {
  ok: false
  code: ErrorCode
  /** Where in the event: `attributes.user.name`; empty for the event as a whole. */
  path: string
  message: string
  remedy: string
}

/**
 * What is collected while one event is read. The first failure stands; readers go on with a harmless value, so that
 * the hot path needs neither exceptions nor a check after each field.
 */
export interface Draft {
  failure: EventFailure | undefined
  flags: string[]
}

export function fail(draft: Draft, path: string, message: string, remedy: string): void {
  draft.failure ??= { ok: false, code: 'invalid_event', path, message, remedy }
}

export function flag(draft: Draft, name: string): void {
  if (draft.flags.length < LIMITS.flagsMax - 1) draft.flags.push(name)
  else if (draft.flags.at(-1) !== 'more') draft.flags.push('more')
}

/** Avro text must be well-formed UTF-16, and a NUL ends a string in too many tools behind us. */
export function repaired(draft: Draft, text: string, path: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text
  flag(draft, `repaired:${path}`)
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

/** An id or name: short text; numbers are taken as text. Too long is refused, because half an id is another id. */
export function readName(
  draft: Draft,
  value: unknown,
  path: string,
  charsMax: number = LIMITS.nameCharsMax,
): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') {
    fail(draft, path, `${path} must be text.`, 'Send a string.')
    return ''
  }
  if (value.length > charsMax) {
    fail(
      draft,
      path,
      `${path} has ${value.length} characters, more than ${charsMax}.`,
      'Send a shorter one; long text belongs into message or attributes.',
    )
    return ''
  }
  return repaired(draft, value, path)
}

/** Free text: too long is cut and flagged, because most of a message is better than none. */
export function readText(draft: Draft, value: unknown, path: string, charsMax: number): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') {
    fail(draft, path, `${path} must be text.`, 'Send a string; structured data goes to attributes.')
    return ''
  }
  return repaired(draft, cut(draft, value, path, charsMax), path)
}

export function cut(draft: Draft, text: string, path: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  flag(draft, `truncated:${path}`)
  // Never between the halves of a surrogate pair.
  const last = text.charCodeAt(charsMax - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? charsMax - 1 : charsMax)
}
