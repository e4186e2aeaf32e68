import { createHmac } from 'node:crypto'
import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { isSameHash } from '#/api/key-format.ts'
import { FaultlineError } from '#/kernel/errors.ts'

type Fields = Readonly<Record<string, unknown>>

/** What one delivery of a hook becomes. */
export interface Drawn {
  events: EventInput[]
  /** Why nothing, or not all, became an event; for whoever sets the hook up. */
  skipped: string[]
}

/** What the address adds, where the payload cannot know it. */
export interface HookDefaults {
  service: string
  environment: string
}

/** More alerts than any group holds. */
export const HOOK_ITEMS_MAX = 1_000

/**
 * Whether `signature` is the HMAC of the body with this secret: `sha256=` and hexadecimal digits, as GitHub writes it, or
 * the digits alone.
 */
export function isSigned(body: Buffer, secret: string, signature: string): boolean {
  const digest = createHmac('sha256', secret).update(body).digest('hex')
  return isSameHash(digest, signature.replace(/^sha256=/, '').toLowerCase())
}

/** The value at `a.b.0.c`; undefined when there is none. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const name of path === '' ? [] : path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Fields)[name]
  }
  return at
}

export function fieldsAt(value: unknown, path: string): Fields {
  const found = valueAt(value, path)
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Fields)
    : {}
}

export function textAt(value: unknown, path: string): string {
  return textOf(valueAt(value, path))
}

/** The first of these that holds a text. */
export function firstText(value: unknown, paths: readonly string[]): string {
  for (const path of paths) {
    const text = textAt(value, path)
    if (text !== '') return text
  }
  return ''
}

export function notA(what: string, path: string, remedy: string): FaultlineError {
  return new FaultlineError(
    'invalid_request',
    `This is no payload of ${what}: ${path} is missing.`,
    {
      path,
      remedy,
    },
  )
}
