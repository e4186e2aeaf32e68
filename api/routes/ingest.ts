import type { AppDeps } from '#/api/deps.ts'
import { INGEST_TYPES, decompressed, formatOf, parseBody } from '#/api/ingest/body.ts'
import type { ParsedBody } from '#/api/ingest/body.ts'
import { DOOR_PROBLEMS, failureOf } from '#/api/ingest/door.ts'
import type { Accepted, Door } from '#/api/ingest/door.ts'
import type { RateLimit } from '#/api/rate-limit.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { LIMITS } from '#/schemas/event-input.ts'
import type { Event } from '#/schemas/records.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const LIMITED = { result: 'limited' } as const

export interface IngestParts {
  door: Door
  rate: RateLimit
}

export function ingestRoutes(deps: AppDeps, parts: IngestParts): readonly Route[] {
  const bodyBytesMax = LIMITS.bodyBytesMax
  const problems = [
    'invalid_json',
    'invalid_event',
    'invalid_encoding',
    'body_too_large',
    'unsupported_media_type',
    ...DOOR_PROBLEMS,
  ] as const
  return [
    route({
      method: 'POST',
      path: '/v1/events',
      tag: 'ingest',
      summary: 'Send one event, an array of events, or one per line (NDJSON), gzip allowed.',
      access: 'ingest',
      query: {},
      body: {
        about: 'An event, or several. Unknown fields are kept as attributes.',
        types: INGEST_TYPES,
        schema: { $ref: '#/components/schemas/EventInput' },
      },
      answer: {
        status: 202,
        about: 'Durable. For several events: how many were accepted and which were not.',
        type: 'application/json',
        schema: { $ref: '#/components/schemas/Accepted' },
      },
      problems,
      bodyBytesMax,
      handle: (call) => acceptEvents(deps, parts, call),
    }),
    route({
      method: 'POST',
      path: '/api/events',
      tag: 'ingest',
      summary: 'Send one event; the answer repeats it.',
      access: 'ingest',
      query: {},
      body: {
        about: 'An event; event_type may be missing.',
        types: ['application/json'],
        schema: { $ref: '#/components/schemas/EventInput' },
      },
      answer: { status: 201, about: 'Durable.', type: 'application/json' },
      problems,
      bodyBytesMax,
      handle: (call) => acceptOne(deps, parts, call),
    }),
  ]
}

async function acceptEvents(deps: AppDeps, parts: IngestParts, call: Call): Promise<void> {
  const startedMs = deps.clock.monotonicMs()
  const body = await readBody(deps, call)
  const accepted = await take(parts, call, body)
  const failure = failureOf(body, accepted)
  if (failure !== undefined) throw failure
  deps.metrics.observe('faultline_ingest_seconds', (deps.clock.monotonicMs() - startedMs) / 1000)
  const { last, count, rejected, receivedAtMs } = accepted
  // Ids are of letters, digits, _ and -, so that the text below is JSON without escaping.
  const answer =
    body.isBatch || last === undefined
      ? JSON.stringify({ accepted: count, rejected })
      : `{"event_id":"${last.event_id}","received_at":"${isoTime(receivedAtMs)}"}`
  void call.reply.code(202).header('content-type', JSON_TYPE).send(answer)
}

async function acceptOne(deps: AppDeps, parts: IngestParts, call: Call): Promise<void> {
  const body = await readBody(deps, call)
  if (body.isBatch)
    throw new FaultlineError('invalid_event', 'This address takes one event at a time.', {
      remedy: 'Send several to /v1/events.',
    })
  const accepted = await take(parts, call, body, { typeOptional: true })
  const failure = failureOf(body, accepted)
  if (failure !== undefined || accepted.last === undefined) throw failure
  const answer = JSON.stringify(receiptOf(accepted.last, body.items[0] as Record<string, unknown>))
  void call.reply.code(201).header('content-type', JSON_TYPE).send(answer)
}

/** The shape and order of fields its clients compare; metadata and tags come back exactly as sent. */
function receiptOf(event: Event, input: Record<string, unknown>): object {
  return {
    success: true,
    message: 'Event ingested successfully',
    data: {
      eventId: event.event_id,
      service: event.service,
      severity: event.severity,
      timestamp: isoTime(event.occurred_at),
      metadata: input['metadata'] ?? input['attributes'] ?? {},
      tags: input['tags'] ?? [],
    },
  }
}

async function readBody(deps: AppDeps, { request }: Call): Promise<ParsedBody> {
  const format = formatOf(request.headers['content-type'])
  const raw = request.body
  if (!Buffer.isBuffer(raw) || raw.length === 0)
    throw new FaultlineError('invalid_json', 'The body is empty.', { remedy: 'Send an event.' })
  const encoding = request.headers['content-encoding']
  const bytes = encoding === undefined ? raw : await decompressed(raw, encoding)
  deps.metrics.add('faultline_ingest_bytes_total', bytes.length)
  return parseBody(bytes, format)
}

function take(
  parts: IngestParts,
  call: Call,
  body: ParsedBody,
  options: { typeOptional?: boolean } = {},
): Promise<Accepted> {
  parts.rate.take(call.key?.id ?? '', body.items.length)
  return parts.door.accept(body, { project: call.project, ...options })
}

/** Counts a refusal for its rate; the events behind it are unknown, so it counts as one. */
export function countLimited(deps: AppDeps): void {
  deps.metrics.add('faultline_ingest_events_total', 1, LIMITED)
}

let isoMs = Number.NaN
let isoText = ''

/** RFC 3339 in UTC; thousands of answers share one millisecond. */
function isoTime(ms: number): string {
  if (ms !== isoMs) {
    isoMs = ms
    isoText = new Date(ms).toISOString()
  }
  return isoText
}
