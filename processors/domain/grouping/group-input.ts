import type { GroupInput } from '#/processors/domain/grouping/fingerprint.ts'
import { SENT_FINGERPRINT, readSent } from '#/processors/domain/grouping/fingerprint-sender.ts'
import type { Frame } from '#/processors/domain/grouping/stack-frame.ts'
import type { Event } from '#/schemas/records.ts'

type Groupable = Pick<
  Event,
  | 'event_type'
  | 'service'
  | 'environment'
  | 'message'
  | 'error_type'
  | 'error_code'
  | 'route'
  | 'stack'
> &
  Partial<Pick<Event, 'attributes'>>

/** Errors belong to an issue, and so does whatever carries a text to group by. */
export function isGrouped(event: Groupable): boolean {
  return event.event_type === 'error' || event.message !== '' || event.stack !== ''
}

export function groupInputOf(event: Groupable): GroupInput {
  const input: GroupInput = { environment: event.environment, service: event.service }
  if (event.message !== '') input.message = event.message
  if (event.error_type !== '') input.error_type = event.error_type
  if (event.error_code !== '') input.error_code = event.error_code
  if (event.route !== '') input.route = event.route
  const sent = readSent(event.attributes?.[SENT_FINGERPRINT])
  if (sent !== undefined) input.sent = sent
  if (event.stack === '') return input
  const frames = framesOf(event.stack)
  if (frames === undefined) input.stack = event.stack
  else input.frames = frames
  return input
}

/** A stack is text, or the JSON array of frames some senders have. Wrongly typed fields are left out. */
function framesOf(stack: string): Frame[] | undefined {
  if (!stack.startsWith('[{')) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(stack)
  } catch {
    // A text that happens to begin like one.
    return undefined
  }
  return Array.isArray(parsed) ? parsed.map(frameOf) : undefined
}

function frameOf(raw: unknown): Frame {
  const frame: Frame = {}
  if (typeof raw !== 'object' || raw === null) return frame
  const fields = raw as Record<string, unknown>
  for (const name of ['function', 'file', 'module'] as const) {
    const value = fields[name]
    if (typeof value === 'string') frame[name] = value
  }
  for (const name of ['line', 'column'] as const) {
    const value = fields[name]
    if (typeof value === 'number') frame[name] = value
  }
  if (typeof fields['in_app'] === 'boolean') frame.in_app = fields['in_app']
  return frame
}
