import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { attributesOf, commonFields } from './event-fields.ts'
import type { Sender } from './event-fields.ts'
import { fieldsOf, listOf } from './payload.ts'
import type { Fields } from './payload.ts'

const CALLS_MAX = 100
const CALL = /^(?:http\.client|grpc\.client|rpc\.client|queue\.publish)/

/** HTTP's words for a span's status, as Sentry maps them. */
const HTTP_OF_STATUS: Readonly<Record<string, number>> = {
  ok: 200,
  invalid_argument: 400,
  out_of_range: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  resource_exhausted: 429,
  cancelled: 499,
  internal_error: 500,
  unknown_error: 500,
  unknown: 500,
  data_loss: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
}

/** A server's transaction is a request, any other a `custom` event; its calls to others are kept as such too. */
export function transactionEvents(event: Fields, sender: Sender): EventInput[] {
  const trace = fieldsOf(fieldsOf(event['contexts'])['trace'])
  const isRequest = textOf(trace['op']).startsWith('http.server')
  const fields = commonFields(event, sender)
  const started = secondsOf(event['start_timestamp'])
  const main: EventInput = {
    ...fields,
    event_type: isRequest ? 'http_request' : 'custom',
    ...(started > 0 ? { occurred_at: Math.floor(started * 1000) } : {}),
    ...durationOf(event),
    ...(isRequest ? { status_code: statusOf(event, trace) } : {}),
    attributes: {
      ...attributesOf({ ...event, breadcrumbs: [] }),
      'span.kind': isRequest ? 'server' : 'internal',
      'span.op': textOf(trace['op']),
    },
  }
  const calls = listOf(event['spans'])
    .map(fieldsOf)
    .filter((span) => CALL.test(textOf(span['op'])))
    .slice(0, CALLS_MAX)
  return [main, ...calls.map((span) => callEvent(span, fields))]
}

/** So that a span of another service below it is known as called from here. */
function callEvent(span: Fields, fields: EventInput): EventInput {
  const data = fieldsOf(span['data'])
  const ids = [textOf(span['trace_id']), textOf(span['span_id'])]
  const started = secondsOf(span['start_timestamp'])
  const { event_id: _, route: __, method: ___, ...rest } = fields
  return {
    ...rest,
    event_type: 'custom',
    severity: 2,
    ...(ids.every((id) => /^[0-9a-f]+$/.test(id)) ? { event_id: ids.join('-').slice(0, 64) } : {}),
    ...(started > 0 ? { occurred_at: Math.floor(started * 1000) } : {}),
    ...durationOf(span),
    route: `to ${textOf(data['server.address']) || textOf(span['description'])}`,
    trace_id: ids[0],
    span_id: ids[1],
    parent_span_id: textOf(span['parent_span_id']),
    attributes: {
      'span.kind': /publish/.test(textOf(span['op'])) ? 'producer' : 'client',
      'span.name': textOf(span['description']),
      ...(textOf(data['server.address']) === ''
        ? {}
        : { 'server.address': textOf(data['server.address']) }),
    },
  }
}

function durationOf(span: Fields): EventInput {
  const [from, to] = [secondsOf(span['start_timestamp']), secondsOf(span['timestamp'])]
  return from > 0 && to >= from ? { duration_ms: Math.round((to - from) * 1e6) / 1e3 } : {}
}

function secondsOf(value: unknown): number {
  if (typeof value === 'number') return value
  const text = textOf(value)
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000 || 0
}

function statusOf(event: Fields, trace: Fields): number {
  const data = fieldsOf(trace['data'])
  const response = fieldsOf(fieldsOf(event['contexts'])['response'])
  const code = Number(
    textOf(response['status_code']) ||
      textOf(data['http.response.status_code']) ||
      textOf(data['http.status_code']),
  )
  if (Number.isInteger(code) && code >= 100 && code <= 599) return code
  return HTTP_OF_STATUS[textOf(trace['status'])] ?? 0
}
