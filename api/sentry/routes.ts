import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AppDeps } from '#/api/deps.ts'
import { batchOf, bytesOf } from '#/api/ingest/body.ts'
import { DOOR_PROBLEMS, refuseIfNothing } from '#/api/ingest/door.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { text } from '#/api/params.ts'
import { sendProblem } from '#/api/problem.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import type { IngestParts } from '#/api/routes/ingest.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { LIMITS } from '#/schemas/event-input.ts'
import { admit, dsnKeyOf, presentedDsnKey } from './auth.ts'
import type { Dsns } from './dsns.ts'
import { jsonObject, parseEnvelope } from './envelope.ts'
import type { EnvelopeItem } from './envelope.ts'
import { errorEvent, feedbackEvent } from './error-event.ts'
import type { Sender } from './event-fields.ts'
import type { Fields } from './payload.ts'
import { streamedLogs, streamedSpans } from './streamed.ts'
import { transactionEvents } from './transaction-events.ts'

const QUERY = {
  sentry_key: text('The public key of the DSN, for senders that set no header.'),
  sentry_version: text('The version of the protocol, which is 7.'),
  sentry_client: text('Name and version of the SDK.'),
  sentry_timestamp: text('Not looked at.'),
  sentry_secret: text('Of SDKs of old; not looked at.'),
}
const TYPES = ['application/x-sentry-envelope', 'application/json', 'text/plain']
/** An envelope of the largest number of items, each a transaction with all its calls. */
const ITEMS_MAX = 100_000

/** Kinds of items that are known and not kept; others count as `other`. */
const SKIPPED_KINDS: ReadonlySet<string> = new Set([
  'session',
  'sessions',
  'client_report',
  'attachment',
  'profile',
  'profile_chunk',
  'replay_event',
  'replay_recording',
  'replay_video',
  'check_in',
  'statsd',
  'trace_metric',
])

/** What Sentry's SDKs send to. */
export function sentryRoutes(deps: AppDeps, parts: IngestParts): readonly Route[] {
  const { dsns } = deps
  if (dsns === undefined) return []
  const shared = {
    method: 'POST',
    tag: 'ingest',
    access: 'own',
    query: QUERY,
    answer: { status: 200, about: 'Durable. The id of the event.', type: 'application/json' },
    problems: [
      'unauthorized',
      'invalid_request',
      'invalid_event',
      'invalid_encoding',
      'body_too_large',
      ...DOOR_PROBLEMS,
    ],
    bodyBytesMax: LIMITS.bodyBytesMax,
    isCrossOrigin: true,
    admit: (request: FastifyRequest) => {
      const key = presentedDsnKey(request)
      // Tunnels and some SDKs name the DSN in the envelope alone; then its reader looks.
      if (key !== '') admit(dsns, request, key)
    },
    sendError: sendSentryError,
  } as const
  return [
    route({
      ...shared,
      path: '/api/:project/envelope',
      summary: 'Send an envelope as Sentry’s SDKs do: errors, transactions, feedback.',
      body: { about: 'A Sentry envelope.', types: TYPES, schema: { type: 'string' } },
      handle: (call) => takeEnvelope({ deps, dsns, parts }, call),
    }),
    route({
      ...shared,
      path: '/api/:project/store',
      summary: 'Send one event as Sentry’s SDKs of old do.',
      body: { about: 'A Sentry event.', types: TYPES, schema: { type: 'object' } },
      handle: (call) => takeStore({ deps, dsns, parts }, call),
    }),
  ]
}

interface Desk {
  deps: AppDeps
  dsns: Dsns
  parts: IngestParts
}

async function takeEnvelope(desk: Desk, { request, reply }: Call): Promise<void> {
  const { dsn: header, eventId, items } = parseEnvelope(await bodyOf(desk.deps, request))
  const sender = senderOf(desk, request, header)
  const inputs = items.flatMap((item) => eventsOf(desk.deps, { ...item, eventId }, sender))
  await take(desk, { request, reply, inputs })
}

async function takeStore(desk: Desk, { request, reply }: Call): Promise<void> {
  const body = await bodyOf(desk.deps, request)
  const sender = senderOf(desk, request, '')
  const event = jsonObject(body, notAnEvent)
  const inputs =
    event['type'] === 'transaction' ? transactionEvents(event, sender) : [errorEvent(event, sender)]
  await take(desk, { request, reply, inputs })
}

const notAnEvent = (reason: string): FaultlineError =>
  new FaultlineError('invalid_request', `The event is not ${reason}.`, {
    path: 'event',
    remedy: 'Send the JSON object of one event.',
  })

async function bodyOf(deps: AppDeps, request: FastifyRequest): Promise<Buffer> {
  const body = await bytesOf(request)
  deps.metrics.add('faultline_ingest_bytes_total', body.length)
  return body
}

/** Who is sending: known since the headers, or told by the envelope itself. */
function senderOf({ dsns, parts }: Desk, request: FastifyRequest, header: string): Sender {
  const isKnown = request.apiKey !== undefined
  const publicKey = isKnown ? presentedDsnKey(request) : dsnKeyOf(header)
  const { service } = admit(dsns, request, publicKey)
  if (isKnown) return { service }
  const wait = parts.rate.waitSeconds(request.apiKey?.id ?? '')
  if (wait > 0)
    throw new FaultlineError('rate_limited', 'This DSN sends more than its rate allows.', {
      remedy: `Wait ${wait} s.`,
    })
  return { service }
}

/** The events of an item; items that are none are counted and passed over. */
function eventsOf(
  deps: AppDeps,
  { type, payload, eventId }: EnvelopeItem & { eventId: string },
  sender: Sender,
): EventInput[] {
  const object = (): Fields => jsonObject(payload, notAnEvent)
  switch (type) {
    case 'event':
      return [errorEvent({ event_id: eventId, ...object() }, sender)]
    case 'transaction':
      return transactionEvents(object(), sender)
    case 'span':
      return streamedSpans(object(), sender)
    case 'log':
      return streamedLogs(object(), sender)
    case 'feedback':
    case 'user_report':
      return [feedbackEvent(object(), sender)]
    default: {
      const what = SKIPPED_KINDS.has(type) ? type : 'other'
      deps.metrics.add('faultline_ingest_skipped_total', 1, { what })
      return []
    }
  }
}

async function take(
  { deps, parts }: Desk,
  given: { request: FastifyRequest; reply: FastifyReply; inputs: readonly EventInput[] },
): Promise<void> {
  const { request, reply, inputs } = given
  const key = request.apiKey
  parts.rate.take(key?.id ?? '', Math.max(1, inputs.length))
  const startedMs = deps.clock.monotonicMs()
  const accepted = await parts.door.accept(batchOf(inputs), {
    project: key?.project ?? '',
    itemsMax: ITEMS_MAX,
  })
  deps.metrics.observe('faultline_ingest_seconds', (deps.clock.monotonicMs() - startedMs) / 1000)
  // SDKs do not look at what was refused beside what was taken, but a lone refusal is told.
  refuseIfNothing(accepted)
  const id = inputs[0]?.['event_id'] ?? accepted.last?.event_id
  void reply
    .code(200)
    .header('content-type', 'application/json')
    .send(JSON.stringify(id === undefined ? {} : { id }))
}

/** Beside the problem, the headers SDKs obey: for how long to be quiet, about everything, and why. */
function sendSentryError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: FaultlineError,
): FastifyReply {
  void reply.header('x-sentry-error', error.message.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 200))
  if (error.retryable) {
    const wait = Number(reply.getHeader('retry-after') ?? SENTRY_WAIT_SECONDS)
    void reply.header('retry-after', wait)
    void reply.header('x-sentry-rate-limits', `${wait}::organization:${error.code}`)
  }
  return sendProblem(request, reply, error)
}

/** An SDK drops what it may not send; five seconds as elsewhere would be told to every error of an outage. */
const SENTRY_WAIT_SECONDS = 5
