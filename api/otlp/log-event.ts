import { hash } from 'node:crypto'
import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { SEVERITY_OF } from '#/schemas/event-input-fields.ts'
import { httpFields, MAPPED, personalFields } from './http-fields.ts'
import type { AttributeValue, Attributes, OtlpLog } from './model.ts'
import type { ResourceFields } from './resource.ts'
import { exceptionFields, hasException } from './span-events.ts'

/** OpenTelemetry's 24 levels in steps of four; ours has no trace, and their FATAL is our 5. */
const SEVERITY_OF_STEP = [1, 1, 2, 3, 4, 5]
const ERROR_FROM = 17
const EXCEPTION_NAMES: ReadonlySet<string> = new Set([
  'exception.type',
  'exception.message',
  'exception.stacktrace',
])

/** Counts equal records of a body, so that a line that stands in it twice is two events. */
export type Occurrences = Map<string, number>

/** A record with an exception, or of level ERROR and worse, is an error; any other is a `custom` event. */
export function logEvent(
  log: OtlpLog,
  resource: ResourceFields,
  occurrences: Occurrences,
): EventInput {
  const isExceptional = hasException(log.attributes)
  const level = levelOf(log)
  const message = messageOf(log)
  const time = log.timeMs || log.observedMs
  return {
    ...resource.fields,
    ...personalFields(log.attributes),
    ...httpFields(log.attributes),
    event_type:
      isExceptional || log.severityNumber >= ERROR_FROM || level >= 4 ? 'error' : 'custom',
    ...idOf(log, resource, occurrences),
    ...(time > 0 ? { occurred_at: Math.floor(time) } : {}),
    ...(level === 0 ? {} : { severity: level }),
    ...(isExceptional ? exceptionOf(log, message) : { message }),
    trace_id: log.traceId,
    span_id: log.spanId,
    attributes: attributesOf(log, resource, isExceptional),
  }
}

/** 0 when neither the number nor the text tells. */
function levelOf({ severityNumber, severityText }: OtlpLog): number {
  if (severityNumber > 0) return SEVERITY_OF_STEP[Math.floor((severityNumber - 1) / 4)] ?? 5
  return SEVERITY_OF.get(severityText.trim().toLowerCase()) ?? 0
}

/** Structured bodies carry their text under one of these names. */
const MESSAGE_NAMES = ['message', 'msg', 'log', 'text', 'event']

function messageOf({ body, eventName }: OtlpLog): string {
  if (typeof body === 'object' && body !== null) {
    const fields = body as Record<string, unknown>
    const name = MESSAGE_NAMES.find((known) => textOf(fields[known]) !== '')
    return name === undefined ? JSON.stringify(body) : textOf(fields[name])
  }
  return textOf(body) || eventName
}

/** What the exception says goes first; the text of the record stays beside it. */
function exceptionOf(log: OtlpLog, message: string): EventInput {
  const fields = exceptionFields(log.attributes)
  return fields['message'] === '' ? { ...fields, message } : fields
}

function attributesOf(log: OtlpLog, resource: ResourceFields, isExceptional: boolean): Attributes {
  const attributes: Attributes = { ...resource.attributes }
  for (const name in log.attributes)
    if (!MAPPED.has(name) && !EXCEPTION_NAMES.has(name))
      attributes[name] = log.attributes[name] ?? null
  if (log.eventName !== '') attributes['event.name'] = log.eventName
  const isStructured = typeof log.body === 'object' && log.body !== null
  if (isStructured || (isExceptional && textOf(log.body) !== '')) attributes['body'] = log.body
  return attributes
}

/**
 * The same record sent again has the same id, which absorbs an exporter's retries. A record without any time gets
 * none: equal texts of different moments would count once.
 */
function idOf(log: OtlpLog, resource: ResourceFields, occurrences: Occurrences): EventInput {
  const { timeMs, observedMs, traceId, spanId, severityNumber, body, attributes } = log
  if (timeMs === 0 && observedMs === 0) return {}
  const { fields, attributes: about } = resource
  const instance: AttributeValue = about['service.instance.id'] ?? null
  const parts = [fields, instance, timeMs, observedMs, traceId, spanId, severityNumber, body]
  const digest = hash('sha1', JSON.stringify([...parts, log.eventName, attributes]), 'hex')
  const count = occurrences.get(digest) ?? 0
  occurrences.set(digest, count + 1)
  return { event_id: count === 0 ? digest : `${digest}-${count}` }
}
