import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { MAPPED, httpFields, personalFields, requestFields } from './http-fields.ts'
import { OTLP_LIMITS, SPAN_KIND, STATUS_ERROR } from './model.ts'
import type { Attributes, OtlpSpan } from './model.ts'
import type { ResourceFields } from './resource.ts'

export interface SpanContext {
  resource: ResourceFields
  /** The service this span called, where another span tells. */
  callee: string | undefined
  /** A span below, of the same service, tells this failure already. */
  isTold: boolean
}

const KIND_NAMES = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const IDS = { trace: /^[0-9a-f]{32}$/, span: /^[0-9a-f]{16}$/, zero: /^0+$/ }

/** Why a span cannot be taken; empty when it can. Ids of only zeros are invalid (W3C Trace Context). */
export function spanProblem({ traceId, spanId, startMs }: OtlpSpan): string {
  if (!IDS.trace.test(traceId) || IDS.zero.test(traceId))
    return 'traceId must be 16 bytes, not all zero'
  if (!IDS.span.test(spanId) || IDS.zero.test(spanId)) return 'spanId must be 8 bytes, not all zero'
  return startMs > 0 ? '' : 'startTimeUnixNano is missing'
}

/**
 * What becomes of a span: a server's is a request; a caller's or a consumer's is kept so that calls can be followed;
 * each exception is an error, and so is a failure without one. What is left, an ordinary step inside a service, is
 * not kept.
 */
export function spanEvents(span: OtlpSpan, context: SpanContext): EventInput[] {
  const events: EventInput[] = []
  const id = `${span.traceId}-${span.spanId}`
  if (span.kind === SPAN_KIND.server) events.push(requestEvent(span, context, id))
  else if (span.kind >= SPAN_KIND.client && span.kind <= SPAN_KIND.consumer)
    events.push(callEvent(span, context, id))
  const exceptions = exceptionsOf(span)
  for (const [index, { attributes, timeMs }] of exceptions.entries())
    events.push({
      ...common(span, context),
      ...httpFields(span.attributes),
      ...exceptionFields(attributes),
      event_type: 'error',
      event_id: `${id}-e${index}`,
      occurred_at: Math.floor(timeMs || span.endMs || span.startMs),
      attributes: attributesOf(span, context, attributes),
    })
  if (exceptions.length === 0 && span.statusCode === STATUS_ERROR && !context.isTold)
    events.push(failureEvent(span, context, id))
  return events
}

/** Whether any event of this span is an error; cheaper than making them. */
export function isFailure(span: OtlpSpan): boolean {
  return span.statusCode === STATUS_ERROR || span.events.some(isException)
}

function exceptionsOf(span: OtlpSpan): OtlpSpan['events'] {
  if (span.events.length === 0) return span.events
  return span.events.filter(isException).slice(0, OTLP_LIMITS.exceptionsMax)
}

const isException = ({ name }: { name: string }): boolean => name === 'exception'

/** The names that spans' events and log records share. */
export function exceptionFields(attributes: Attributes): EventInput {
  return {
    message: textOf(attributes['exception.message']),
    error_type: textOf(attributes['exception.type']),
    stack: textOf(attributes['exception.stacktrace']),
  }
}

export function hasException(attributes: Attributes): boolean {
  return (
    textOf(attributes['exception.type']) !== '' || textOf(attributes['exception.message']) !== ''
  )
}

function common(span: OtlpSpan, { resource }: SpanContext): EventInput {
  return {
    ...resource.fields,
    ...personalFields(span.attributes),
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId,
  }
}

function requestEvent(span: OtlpSpan, context: SpanContext, id: string): EventInput {
  return {
    ...common(span, context),
    ...requestFields(span),
    event_type: 'http_request',
    event_id: id,
    occurred_at: Math.floor(span.startMs),
    ...durationOf(span),
    attributes: attributesOf(span, context),
  }
}

/** Without a message it belongs to no issue, and a `custom` event counts in no rate: it only ties services. */
function callEvent(span: OtlpSpan, context: SpanContext, id: string): EventInput {
  return {
    ...common(span, context),
    ...httpFields(span.attributes),
    event_type: 'custom',
    // Something to read in lists, of few values.
    route: whereTo(span, context),
    severity: span.statusCode === STATUS_ERROR ? 3 : 2,
    event_id: id,
    occurred_at: Math.floor(span.startMs),
    ...durationOf(span),
    attributes: attributesOf(span, context),
  }
}

function whereTo({ kind, name, attributes }: OtlpSpan, { callee }: SpanContext): string {
  const queue = textOf(attributes['messaging.destination.name'])
  if (kind === SPAN_KIND.consumer) return `from ${queue || name}`
  return `to ${callee ?? (textOf(attributes['server.address']) || queue || name)}`
}

/** A failed span without an exception: what its status says, else its name. */
function failureEvent(span: OtlpSpan, context: SpanContext, id: string): EventInput {
  const type = textOf(span.attributes['error.type'])
  const server = span.kind === SPAN_KIND.server ? requestFields(span) : httpFields(span.attributes)
  return {
    ...common(span, context),
    ...server,
    event_type: 'error',
    event_id: `${id}-f`,
    occurred_at: Math.floor(span.endMs || span.startMs),
    message: span.statusMessage || `${span.name} failed${type === '' ? '' : `: ${type}`}`,
    // An HTTP status is no class of errors.
    ...(type === '' || /^\d+$/.test(type) ? {} : { error_type: type }),
    attributes: attributesOf(span, context),
  }
}

function durationOf({ startMs, endMs }: OtlpSpan): EventInput {
  return endMs >= startMs ? { duration_ms: Math.round((endMs - startMs) * 1e3) / 1e3 } : {}
}

function attributesOf(
  span: OtlpSpan,
  { resource, callee }: SpanContext,
  exception?: Attributes,
): Attributes {
  const attributes: Attributes = { ...resource.attributes }
  for (const name in span.attributes)
    if (!MAPPED.has(name)) attributes[name] = span.attributes[name] ?? null
  attributes['span.kind'] = KIND_NAMES[span.kind] ?? 'unspecified'
  attributes['span.name'] = span.name
  if (callee !== undefined) attributes['peer.service'] = callee
  if (exception?.['exception.escaped'] !== undefined)
    attributes['exception.escaped'] = exception['exception.escaped']
  return attributes
}
