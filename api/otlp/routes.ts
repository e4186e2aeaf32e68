import type { AppDeps } from '#/api/deps.ts'
import { batchOf, bytesOf, parseJson } from '#/api/ingest/body.ts'
import { DOOR_PROBLEMS } from '#/api/ingest/door.ts'
import type { Accepted } from '#/api/ingest/door.ts'
import type { IngestParts } from '#/api/routes/ingest.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { LIMITS } from '#/schemas/event-input.ts'
import { OTLP_TYPES, encodingOf, responseOf, sendStatus } from './answer.ts'
import type { OtlpEncoding, PartialSuccess } from './answer.ts'
import { logEvent } from './log-event.ts'
import { OTLP_LIMITS } from './model.ts'
import { createPeers } from './peers.ts'
import { readLogsJson, readTracesJson } from './read-json.ts'
import { readLogsProtobuf, readTracesProtobuf } from './read-protobuf.ts'
import { resourceFields } from './resource.ts'
import { createDrawn, traceEvents } from './trace-events.ts'
import type { Drawn } from './trace-events.ts'

const ITEMS_MAX = OTLP_LIMITS.recordsMax * (OTLP_LIMITS.exceptionsMax + 1)
const SKIPPED = { what: 'internal_span' } as const

/** What OpenTelemetry's SDKs and collectors send over HTTP. */
export function otlpRoutes(deps: AppDeps, parts: IngestParts): readonly Route[] {
  const peers = createPeers()
  return [
    otlpRoute({
      path: '/v1/traces',
      what: 'spans',
      handle: (call) =>
        take(deps, parts, call, {
          rejectedName: 'rejectedSpans',
          read: (body, encoding) =>
            traceEvents(
              encoding === 'json' ? readTracesJson(parseJson(body)) : readTracesProtobuf(body),
              { project: call.project, peers },
            ),
        }),
    }),
    otlpRoute({
      path: '/v1/logs',
      what: 'log records',
      handle: (call) =>
        take(deps, parts, call, { rejectedName: 'rejectedLogRecords', read: logEvents }),
    }),
  ]
}

function otlpRoute(wish: {
  path: string
  what: string
  handle: (call: Call) => Promise<void>
}): Route {
  return route({
    method: 'POST',
    path: wish.path,
    tag: 'ingest',
    summary: `Send ${wish.what} as OpenTelemetry's exporters do: OTLP over HTTP, gzip allowed.`,
    access: 'ingest',
    query: {},
    body: {
      about: `OTLP 1.x: an export request with ${wish.what}, as JSON or protobuf.`,
      types: Object.values(OTLP_TYPES),
      schema: { type: 'object' },
    },
    answer: {
      status: 200,
      about: 'Durable. Names what could not be taken, as a partial success.',
      type: OTLP_TYPES.json,
      schema: { type: 'object' },
    },
    otherAnswers: [{ status: 200, about: '', type: OTLP_TYPES.protobuf }],
    errorTypes: Object.values(OTLP_TYPES),
    problems: [
      'invalid_json',
      'invalid_request',
      'invalid_encoding',
      'body_too_large',
      'unsupported_media_type',
      ...DOOR_PROBLEMS,
    ],
    bodyBytesMax: LIMITS.bodyBytesMax,
    sendError: sendStatus,
    handle: wish.handle,
  })
}

interface Reading {
  rejectedName: string
  read: (body: Buffer, encoding: OtlpEncoding) => Drawn
}

async function take(
  deps: AppDeps,
  parts: IngestParts,
  { request, reply, key, project }: Call,
  { rejectedName, read }: Reading,
): Promise<void> {
  const startedMs = deps.clock.monotonicMs()
  const encoding = encodingOf(request)
  if (encoding === undefined)
    throw new FaultlineError('unsupported_media_type', 'OTLP is sent as protobuf or JSON.', {
      path: 'content-type',
      remedy: `Send ${OTLP_TYPES.protobuf} or ${OTLP_TYPES.json}.`,
    })
  const body = await bytesOf(request)
  deps.metrics.add('faultline_ingest_bytes_total', body.length)
  const drawn = read(body, encoding)
  parts.rate.take(key?.id ?? '', Math.max(1, drawn.records))
  if (drawn.skipped > 0) deps.metrics.add('faultline_ingest_skipped_total', drawn.skipped, SKIPPED)
  const accepted = await parts.door.accept(batchOf(drawn.items), { project, itemsMax: ITEMS_MAX })
  deps.metrics.observe('faultline_ingest_seconds', (deps.clock.monotonicMs() - startedMs) / 1000)
  const partial = partialOf(drawn, accepted, rejectedName)
  if (drawn.problems.size > 0)
    deps.metrics.add('faultline_ingest_events_total', drawn.problems.size, { result: 'rejected' })
  const answer = responseOf(encoding, partial)
  void reply.code(200).header('content-type', OTLP_TYPES[encoding]).send(answer)
}

function logEvents(body: Buffer, encoding: OtlpEncoding): Drawn {
  const groups = encoding === 'json' ? readLogsJson(parseJson(body)) : readLogsProtobuf(body)
  const drawn = createDrawn()
  const occurrences = new Map<string, number>()
  for (const { resource: attributes, records } of groups) {
    const resource = resourceFields(attributes)
    for (const log of records) {
      drawn.items.push(logEvent(log, resource, occurrences))
      drawn.recordOf.push(drawn.records)
      drawn.records += 1
    }
  }
  return drawn
}

/** Records named in the message; more would only fill logs. */
const SHOWN_MAX = 3

/** A span with a refused event counts as refused, even where others of it were taken. */
function partialOf(drawn: Drawn, accepted: Accepted, name: string): PartialSuccess | undefined {
  const problems = new Map(drawn.problems)
  for (const { index, message } of accepted.rejected) {
    const record = drawn.recordOf[index] ?? 0
    if (!problems.has(record)) problems.set(record, message)
  }
  if (problems.size === 0) return undefined
  const shown = [...problems]
    .slice(0, SHOWN_MAX)
    .map(([record, text]) => `record ${record}: ${text}`)
  const more = problems.size > SHOWN_MAX ? `; and ${problems.size - SHOWN_MAX} more` : ''
  return { name, rejected: problems.size, message: shown.join('; ') + more }
}
