import { isUtf8 } from 'node:buffer'
import { FaultlineError } from '#/kernel/errors.ts'

export interface EnvelopeItem {
  type: string
  payload: Buffer
}

export interface Envelope {
  /** The DSN of the header, for senders that put it nowhere else. */
  dsn: string
  /** The id of its event, for senders that put it nowhere else. */
  eventId: string
  items: EnvelopeItem[]
}

/** More items than any SDK sends; an item is at least three bytes, so a body could hold millions. */
const ITEMS_MAX = 1_000
const NEWLINE = 10

/**
 * Sentry's envelope: a line of JSON, then for each item a line of JSON and a payload, of the length the line tells or
 * up to the end of its line. Fails with `invalid_request` at the place that cannot be read.
 */
export function parseEnvelope(body: Buffer): Envelope {
  const header = lineAt(body, 0)
  const { dsn, event_id: eventId } = jsonLine(header.line, 'the header of the envelope')
  const items: EnvelopeItem[] = []
  for (let at = header.next; at < body.length;) {
    const { line, next } = lineAt(body, at)
    at = next
    // Senders may end with an empty line.
    if (line.length === 0) continue
    if (items.length >= ITEMS_MAX)
      throw new FaultlineError(
        'body_too_large',
        `The envelope holds more than ${ITEMS_MAX} items.`,
        {
          remedy: 'Send several envelopes.',
        },
      )
    const what = `item ${items.length}`
    const { type, length } = jsonLine(line, `the header of ${what}`)
    const payload = payloadAt(body, { at, length, what })
    items.push({ type: textOf(type), payload })
    at += payload.length
    if (body[at] === NEWLINE) at += 1
  }
  return { dsn: textOf(dsn), eventId: textOf(eventId), items }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function payloadAt(
  body: Buffer,
  { at, length, what }: { at: number; length: unknown; what: string },
): Buffer {
  if (length === undefined || length === null) return lineAt(body, at).line
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0)
    throw wrong(`The length of ${what} is no whole number.`)
  if (length > body.length - at)
    throw wrong(`The payload of ${what} ends after ${body.length - at} of ${length} bytes.`)
  return body.subarray(at, at + length)
}

function lineAt(body: Buffer, at: number): { line: Buffer; next: number } {
  const newline = body.indexOf(NEWLINE, at)
  const end = newline < 0 ? body.length : newline
  const line = body.subarray(at, body[end - 1] === 13 && end > at ? end - 1 : end)
  return { line, next: Math.min(end + 1, body.length + 1) }
}

function jsonLine(line: Buffer, what: string): Record<string, unknown> {
  return jsonObject(line, (reason) => wrong(`${what} is not ${reason}.`))
}

/** A JSON object of bytes from outside; `refuse` makes the error from what it is not. */
export function jsonObject(
  bytes: Buffer,
  refuse: (reason: string) => FaultlineError,
): Record<string, unknown> {
  if (!isUtf8(bytes)) throw refuse('UTF-8')
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw refuse('JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw refuse('a JSON object')
}

function wrong(detail: string): FaultlineError {
  const text = `${detail.charAt(0).toUpperCase()}${detail.slice(1)}`
  return new FaultlineError('invalid_request', text, {
    path: 'envelope',
    remedy: 'Send an envelope as Sentry’s SDKs do: lines of JSON, each item with its length.',
  })
}
