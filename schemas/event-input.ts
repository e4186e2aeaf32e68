import type { Event } from '#/schemas/records.ts'
import { addAttribute, createAttributes, freeName } from './event-input-attributes.ts'
import type { Attributes } from './event-input-attributes.ts'
import { fail, flag, readName, readText } from './event-input-draft.ts'
import type { Draft, EventFailure } from './event-input-draft.ts'
import {
  EVENT_TYPES,
  FIELD_NAMES,
  FIELD_OF,
  LIFTED,
  SEVERITY_OF,
  SLOT,
} from './event-input-fields.ts'
import { LIMITS } from './event-input-limits.ts'
import { readStack } from './event-input-stack.ts'
import { TIME_MS_MAX, TIME_MS_MIN, parseTime } from './event-input-time.ts'

export { LIMITS } from './event-input-limits.ts'
export { restoreAttributes } from './event-input-attributes.ts'
export type { EventFailure } from './event-input-draft.ts'

export interface InputContext {
  /** Of the key; what the body says about a project is an attribute like any other. */
  project: string
  nowMs: number
  makeId(): string
  /** A missing event_type is told from the severity instead of refused. */
  typeOptional?: boolean
  /** For files: `received_at` of the input is taken, so that they keep their order of arrival. */
  trustReceivedAt?: boolean
}

export type Canonical = { ok: true; event: Event } | EventFailure

const EVENT_TYPE_SET: ReadonlySet<string> = new Set(EVENT_TYPES)
const EVENT_ID = /^[A-Za-z0-9_-]{1,64}$/
const NONE: readonly string[] = []

// Reused from call to call: one event is read at a time, and this is the hottest path of the door.
const slots: unknown[] = Array.from<unknown>({ length: FIELD_NAMES.length })
const slotNames: string[] = Array.from<string>({ length: FIELD_NAMES.length }).fill('')
let unknownNames: string[] = []

/**
 * One event as the platform keeps it, or why it is refused. Every rule of the event contract is here: other
 * spellings, defaults, bounds (LIMITS), what is repaired, cut or flagged. The answer never throws.
 */
export function canonicalize(input: unknown, context: InputContext): Canonical {
  const draft: Draft = { failure: undefined, flags: [] }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    fail(draft, '', 'An event must be a JSON object.', 'Send {"event_type": …, "service": …}.')
    return draft.failure as EventFailure
  }
  const fields = input as Record<string, unknown>
  collect(fields, context.trustReceivedAt === true)
  const attributes = readAttributes(draft, fields)
  const event = build(draft, attributes, context)
  if (draft.failure !== undefined) return draft.failure
  return { ok: true, event }
}

/** Sorts the fields of the input into slots by their name or alias; the rest are attributes. */
function collect(input: Record<string, unknown>, trustReceivedAt: boolean): void {
  slots.fill(undefined)
  slotNames.fill('')
  if (unknownNames.length > 0) unknownNames = []
  for (const name in input) {
    const field = FIELD_OF.get(name)
    if (field === undefined || (field.slot === SLOT.received_at && !trustReceivedAt)) {
      unknownNames.push(name)
      continue
    }
    const taken = slotNames[field.slot] ?? ''
    if (taken !== '' && field.alias) {
      unknownNames.push(name)
      continue
    }
    if (taken !== '') unknownNames.push(taken)
    slots[field.slot] = input[name]
    slotNames[field.slot] = name
  }
}

function readAttributes(draft: Draft, input: Record<string, unknown>): Attributes {
  const attributes = createAttributes()
  const given = slots[SLOT.attributes]
  if (given !== undefined && given !== null) {
    if (typeof given !== 'object' || Array.isArray(given)) {
      const path = slotNames[SLOT.attributes] ?? 'attributes'
      fail(draft, path, `${path} must be an object.`, 'Send {"name": value, …}.')
    } else {
      const own = given as Record<string, unknown>
      for (const name in own) addAttribute(draft, attributes, name, own[name])
      for (const [field, names] of LIFTED) lift(own, SLOT[field], names)
    }
  }
  for (const name of unknownNames)
    addAttribute(draft, attributes, freeName(attributes, name), input[name])
  return attributes
}

function lift(attributes: Record<string, unknown>, slot: number, names: readonly string[]): void {
  if (slots[slot] !== undefined && slots[slot] !== null) return
  for (const name of names) {
    if (typeof attributes[name] !== 'string') continue
    slots[slot] = attributes[name]
    slotNames[slot] = `attributes.${name}`
    return
  }
}

function build(draft: Draft, attributes: Attributes, context: InputContext): Event {
  const givenId = readEventId(draft)
  const statusCode = readStatus(draft)
  const severity = readSeverity(draft)
  const type = readType(draft, severity, context)
  return {
    project: context.project,
    event_id: givenId === '' ? context.makeId() : givenId,
    id_made: givenId === '',
    event_type: type,
    occurred_at: readOccurredAt(draft, attributes, context),
    received_at: readReceivedAt(draft, context),
    service: readService(draft),
    environment: nameAt(draft, SLOT.environment).trim() || 'prod',
    release: nameAt(draft, SLOT.release),
    host: nameAt(draft, SLOT.host),
    severity: severity === 0 ? defaultSeverity(type, statusCode) : severity,
    message: readText(draft, slots[SLOT.message], 'message', LIMITS.messageCharsMax),
    error_type: nameAt(draft, SLOT.error_type),
    error_code: nameAt(draft, SLOT.error_code),
    stack: readStack(draft, slots[SLOT.stack]),
    route: readText(draft, slots[SLOT.route], 'route', LIMITS.routeCharsMax),
    method: nameAt(draft, SLOT.method),
    status_code: statusCode,
    duration_ms: readDuration(draft),
    user_id: nameAt(draft, SLOT.user_id),
    session_id: nameAt(draft, SLOT.session_id),
    request_id: nameAt(draft, SLOT.request_id),
    trace_id: nameAt(draft, SLOT.trace_id),
    span_id: nameAt(draft, SLOT.span_id),
    parent_span_id: nameAt(draft, SLOT.parent_span_id),
    tags: readTags(draft),
    attributes: attributes.values,
    attribute_kinds: attributes.kinds,
    flags: draft.flags,
  }
}

function nameAt(draft: Draft, slot: number): string {
  const value = slots[slot]
  return value === undefined ? '' : readName(draft, value, slotNames[slot] ?? '')
}

function readEventId(draft: Draft): string {
  const value = slots[SLOT.event_id]
  if (value === undefined || value === null) return ''
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text === 'string' && EVENT_ID.test(text)) return text
  fail(
    draft,
    'event_id',
    'event_id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -.',
    'Send a UUID, or leave it out and one is made.',
  )
  return ''
}

function readType(draft: Draft, severity: number, context: InputContext): Event['event_type'] {
  const value = slots[SLOT.event_type]
  if (typeof value === 'string' && EVENT_TYPE_SET.has(value)) return value as Event['event_type']
  const isMissing = value === undefined || value === null
  if (isMissing && context.typeOptional === true)
    return severity === 1 || severity === 2 ? 'custom' : 'error'
  const problem = isMissing ? 'is required' : 'is not a known kind'
  const remedy = `Send one of ${EVENT_TYPES.join(', ')}.`
  fail(draft, 'event_type', `event_type ${problem}.`, remedy)
  return 'custom'
}

function readService(draft: Draft): string {
  const service = nameAt(draft, SLOT.service).trim()
  if (service === '')
    fail(draft, 'service', 'service is required.', 'Send the name of the service that emits this.')
  return service
}

/** 0 when not given. */
function readSeverity(draft: Draft): number {
  const value = slots[SLOT.severity]
  if (value === undefined || value === null) return 0
  const known =
    typeof value === 'string'
      ? (SEVERITY_OF.get(value.trim().toLowerCase()) ?? Number(value))
      : value
  if (known === 1 || known === 2 || known === 3 || known === 4 || known === 5) return known
  fail(
    draft,
    'severity',
    'severity must be 1 to 5 or a name.',
    'Send 1 debug, 2 info, 3 warning, 4 error or 5 fatal.',
  )
  return 0
}

function defaultSeverity(type: Event['event_type'], statusCode: number): number {
  if (type === 'error' || statusCode >= 500) return 4
  return statusCode >= 400 ? 3 : 2
}

function readStatus(draft: Draft): number {
  const value = slots[SLOT.status_code]
  if (value === undefined || value === null || value === '') return 0
  const code = typeof value === 'string' ? Number(value) : value
  if (typeof code === 'number' && Number.isInteger(code) && code >= 0 && code <= 999) return code
  const path = 'status_code'
  fail(draft, path, 'status_code must be a whole number from 0 to 999.', 'Send an HTTP status.')
  return 0
}

function readDuration(draft: Draft): number | null {
  const value = slots[SLOT.duration_ms]
  if (value === undefined || value === null || value === '') return null
  const duration = typeof value === 'string' ? Number(value) : value
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration
  const path = 'duration_ms'
  fail(draft, path, 'duration_ms must be a number from 0.', 'Send milliseconds.')
  return null
}

function readTags(draft: Draft): readonly string[] {
  const value = slots[SLOT.tags]
  if (value === undefined || value === null) return NONE
  if (!Array.isArray(value) || value.length > LIMITS.tagsMax) {
    fail(draft, 'tags', `tags must be a list of at most ${LIMITS.tagsMax}.`, 'Send ["a", "b"].')
    return NONE
  }
  return value.map((tag, index) => readName(draft, tag, `tags[${index}]`, LIMITS.tagCharsMax))
}

function readOccurredAt(draft: Draft, attributes: Attributes, context: InputContext): number {
  const value = slots[SLOT.occurred_at]
  if (value === undefined || value === null || value === '') {
    flag(draft, 'time_made')
    return context.nowMs
  }
  const time = parseTime(value)
  if (time === undefined) {
    const path = slotNames[SLOT.occurred_at] ?? 'occurred_at'
    const remedy = 'Send RFC 3339 (2026-01-31T02:30:00Z) or milliseconds since the epoch.'
    fail(draft, path, `${path} is not a time.`, remedy)
    return context.nowMs
  }
  if (time.flag !== '') flag(draft, time.flag)
  if (time.ms < context.nowMs - LIMITS.pastMs) flag(draft, 'past')
  else if (time.ms > context.nowMs + LIMITS.futureMs) flag(draft, 'future')
  if (time.ms >= TIME_MS_MIN && time.ms <= TIME_MS_MAX) return time.ms
  flag(draft, 'time_clamped')
  addAttribute(draft, attributes, freeName(attributes, 'event.occurred_at'), value)
  return Math.min(Math.max(time.ms, TIME_MS_MIN), TIME_MS_MAX)
}

function readReceivedAt(draft: Draft, context: InputContext): number {
  const value = slots[SLOT.received_at]
  if (value === undefined || value === null) return context.nowMs
  const time = parseTime(value)
  if (time !== undefined && time.ms >= TIME_MS_MIN && time.ms <= TIME_MS_MAX) return time.ms
  fail(draft, 'received_at', 'received_at is not a time.', 'Leave it out, or send RFC 3339.')
  return context.nowMs
}
