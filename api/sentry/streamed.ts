import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { logEvent } from '#/api/otlp/log-event.ts'
import { OTLP_LIMITS, SPAN_KIND, STATUS_ERROR, setAttribute } from '#/api/otlp/model.ts'
import type { Attributes, OtlpLog, OtlpSpan } from '#/api/otlp/model.ts'
import { resourceFields } from '#/api/otlp/resource.ts'
import type { ResourceFields } from '#/api/otlp/resource.ts'
import { spanEvents, spanProblem } from '#/api/otlp/span-events.ts'
import { serviceOfRelease } from './event-fields.ts'
import type { Sender } from './event-fields.ts'
import { fieldsOf, listOf } from './payload.ts'
import type { Fields } from './payload.ts'

// SDKs of 2026 send spans and logs one by one, in lists with OpenTelemetry's attributes: so they are read as such.

/** Spans or log records of one item. */
const RECORDS_MAX = 1_000

/** `{"items": […]}` of an item `span`. Failures come as events of their own, so spans make none. */
export function streamedSpans(payload: Fields, sender: Sender): EventInput[] {
  return recordsOf(payload).flatMap((record) => {
    const attributes = attributesOf(record)
    const span = spanOf(record, attributes)
    if (spanProblem(span) !== '') return []
    const resource = resourceOf(attributes, sender)
    return spanEvents(span, { resource, callee: undefined, isTold: true })
  })
}

/** `{"items": […]}` of an item `log`. */
export function streamedLogs(payload: Fields, sender: Sender): EventInput[] {
  const occurrences = new Map<string, number>()
  return recordsOf(payload).map((record) => {
    const attributes = attributesOf(record)
    const log: OtlpLog = {
      timeMs: Number(record['timestamp']) * 1000 || 0,
      observedMs: 0,
      severityNumber: Number(record['severity_number']) || 0,
      severityText: textOf(record['level']),
      body: textOf(record['body']),
      eventName: '',
      attributes: shown(attributes),
      traceId: textOf(record['trace_id']),
      spanId: textOf(record['span_id']),
    }
    return logEvent(log, resourceOf(attributes, sender), occurrences)
  })
}

const recordsOf = (payload: Fields): Fields[] =>
  listOf(payload['items']).slice(0, RECORDS_MAX).map(fieldsOf)

const KINDS: readonly (readonly [RegExp, number])[] = [
  [/^(?:http|grpc|rpc)\.server/, SPAN_KIND.server],
  [/^(?:http|grpc|rpc)\.client/, SPAN_KIND.client],
  [/^queue\.publish/, SPAN_KIND.producer],
  [/^queue\.process/, SPAN_KIND.consumer],
]

function spanOf(record: Fields, attributes: Attributes): OtlpSpan {
  const operation = textOf(attributes['sentry.op'])
  return {
    traceId: textOf(record['trace_id']),
    spanId: textOf(record['span_id']),
    parentSpanId: textOf(record['parent_span_id']),
    name: textOf(record['name']),
    kind: KINDS.find(([pattern]) => pattern.test(operation))?.[1] ?? SPAN_KIND.internal,
    startMs: Number(record['start_timestamp']) * 1000 || 0,
    endMs: Number(record['end_timestamp']) * 1000 || 0,
    attributes: shown(attributes),
    events: [],
    statusCode: textOf(record['status']) === 'error' ? STATUS_ERROR : 0,
    statusMessage: '',
  }
}

/** Each value stands beside its type. */
function attributesOf(record: Fields): Attributes {
  const attributes: Attributes = {}
  const all = Object.entries(fieldsOf(record['attributes'])).slice(0, OTLP_LIMITS.attributesMax)
  for (const [name, held] of all) {
    const { value } = fieldsOf(held)
    if (value !== undefined) setAttribute(attributes, name, value)
  }
  return attributes
}

/** What the SDK says of itself and of the machine, the same on every span. */
const LEFT_OUT = /^(?:sentry\.(?!op$)|device\.|app\.|culture\.|process\.|os\.|user\.geo)/

function shown(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !LEFT_OUT.test(name)))
}

function resourceOf(attributes: Attributes, sender: Sender): ResourceFields {
  const release = textOf(attributes['sentry.release'])
  return resourceFields({
    'service.name':
      textOf(attributes['service.name']) || sender.service || serviceOfRelease(release) || 'sentry',
    'service.version': release,
    'deployment.environment.name': textOf(attributes['sentry.environment']),
    'host.name': textOf(attributes['server.name']),
  })
}
