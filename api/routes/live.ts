import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from '@fastify/websocket'
import { admitSocket, FRAME_BYTES_READ, serveRoomSocket } from '#/api/collab/socket.ts'
import type { AppDeps } from '#/api/deps.ts'
import { checkOrigin } from '#/api/exposure.ts'
import type { Hub, Subscription } from '#/api/live/hub.ts'
import { openSse } from '#/api/live/sse-stream.ts'
import { list, text } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { seesProject, type Principal } from '#/schemas/principal.ts'

const SSE_ANSWER = { status: 200, type: 'text/event-stream' } as const
const lastIdParam = text('The id to go on from, where the header Last-Event-ID cannot be set.', 200)

export function liveRoutes(deps: AppDeps, hub: Hub): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/stream',
      tag: 'live',
      summary: 'Events, incidents and metrics as they happen (server-sent events).',
      access: 'read',
      query: {
        channels: list('Services to hear of; `all` or nothing for every one.'),
        last_event_id: lastIdParam,
      },
      answer: {
        ...SSE_ANSWER,
        about: 'Messages event, incident, metric; `resync` when some were lost.',
      },
      problems: ['overloaded'],
      isStream: true,
      handle(call) {
        const channels = channelsOf(call.query.channels)
        return stream(deps, hub, call, (sink) =>
          hub.openMessages({ ...wishOf(call), sink, channels, transport: 'sse' }),
        )
      },
    }),
    route({
      method: 'GET',
      path: '/api/stream/frames',
      tag: 'live',
      summary: 'Everything as coalesced frames, at most thirty a second (server-sent events).',
      access: 'read',
      query: { last_event_id: lastIdParam },
      answer: { ...SSE_ANSWER, about: 'Frames; `resync` when some were lost.' },
      problems: ['overloaded'],
      isStream: true,
      handle: (call) =>
        stream(deps, hub, call, (sink) => hub.openFrames({ ...wishOf(call), sink })),
    }),
  ]
}

/** Null for every service. */
function channelsOf(names: readonly string[]): ReadonlySet<string> | null {
  return names.length === 0 || names.includes('all') ? null : new Set(names)
}

function wishOf(call: {
  request: Call['request']
  project: string
  query: { last_event_id: string }
}) {
  const header = call.request.headers['last-event-id']
  const lastId = typeof header === 'string' ? header : call.query.last_event_id
  return { project: call.project, lastId }
}

async function stream(
  deps: AppDeps,
  hub: Hub,
  call: Call,
  open: (sink: ReturnType<typeof openSse>) => Promise<Subscription>,
): Promise<undefined> {
  checkRoom(deps, hub)
  await hub.ready()
  let subscription: Subscription | undefined
  let isGone = false
  const sink = openSse(call.reply, () => {
    isGone = true
    unwatch()
    subscription?.close()
  })
  const unwatch = endWithRight(deps, call, () => sink.end())
  try {
    subscription = await open(sink)
    if (isGone) subscription.close()
  } catch (error) {
    // The answer has begun: all that is left is to end it, and the client tries again.
    deps.onProblem?.(error, call.request.id)
    sink.end()
  }
  return undefined
}

/**
 * Ends a stream with the right to it, within a second: whoever has less of a right now opens it again, as everybody
 * does whose stream ends.
 */
function endWithRight(
  { accounts, config }: AppDeps,
  { principal, project }: { principal: Principal | undefined; project: string },
  end: () => void,
): () => void {
  // A token for metrics alone is no principal, and reads nothing here.
  if (accounts === undefined || (principal === undefined && config.readAccess !== 'open'))
    return () => undefined
  return accounts.watch(principal, (now) => {
    if (now === null || !seesProject(now, project)) end()
  })
}

function checkRoom(deps: AppDeps, hub: Hub): void {
  const sockets = deps.collab?.gateway.sessionCount() ?? 0
  if (hub.clientCount() + sockets < deps.config.streamsMax) return
  throw new FaultlineError('overloaded', 'There are too many live streams.', {
    remedy: 'Close a tab, or raise the limit of streams.',
  })
}

const CHANNELS_MAX = 100

export const WEBSOCKET_OPTIONS = { options: { maxPayload: FRAME_BYTES_READ } }

export interface WebSocketParts {
  hub: Hub
  /** What plain GETs of the same addresses are answered with. */
  page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>
}

/** The same messages over a WebSocket on `/` and `/ws`, for clients that send `{"type":"subscribe"}`. */
export function registerWebSockets(
  app: FastifyInstance,
  deps: AppDeps,
  parts: WebSocketParts,
): void {
  for (const url of ['/', '/ws'])
    app.route({
      method: 'GET',
      url,
      onRequest: async (request) => {
        if (!request.ws) return
        checkOrigin(request.headers.origin, request.headers.host)
        checkRoom(deps, parts.hub)
        request.admission = await admitSocket(deps, deps.collab?.access, request)
      },
      handler: (request, reply) => parts.page(request, reply),
      wsHandler: (socket, request) =>
        deps.collab === undefined
          ? serveSocket(deps, parts.hub, { socket, request })
          : serveRoomSocket(deps, { ...deps.collab, hub: parts.hub }, { socket, request }),
    })
}

function serveSocket(
  deps: AppDeps,
  hub: Hub,
  { socket, request }: { socket: WebSocket; request: FastifyRequest },
): void {
  const project = request.admission?.project ?? deps.config.defaultProject
  const sink = {
    write: (message: Buffer) => socket.send(message, { binary: false }),
    bufferedBytes: () => socket.bufferedAmount,
    end: () => socket.close(1001),
  }
  let opening: Promise<Subscription> | undefined
  const unwatch = endWithRight(deps, { principal: request.principal, project }, () =>
    socket.close(4401),
  )
  socket.on('close', unwatch)
  socket.on('error', () => socket.terminate())
  socket.on('close', () => void opening?.then((own) => own.close()).catch(() => undefined))
  socket.on('message', (data: Buffer) => {
    const channels = subscribed(data.toString('utf8'))
    if (channels === undefined) {
      const message = 'Send {"type":"subscribe","channels":["all"]}.'
      socket.send(JSON.stringify({ type: 'error', message }))
      return
    }
    if (opening === undefined) {
      const wish = { project, lastId: '', sink, channels, transport: 'websocket' } as const
      opening = hub.openMessages(wish)
      opening.catch((error: unknown) => {
        deps.onProblem?.(error, request.id)
        socket.close(1011)
      })
      return
    }
    void opening.then((own) => own.setChannels(channels)).catch(() => undefined)
  })
}

/** The channels of a subscribe message; undefined for anything else. */
function subscribed(message: string): ReadonlySet<string> | null | undefined {
  let value: { type?: unknown; channels?: unknown } | null
  try {
    value = JSON.parse(message) as typeof value
  } catch {
    return undefined
  }
  const channels = value?.channels
  if (value?.type !== 'subscribe' || !Array.isArray(channels) || channels.length > CHANNELS_MAX)
    return undefined
  if (!channels.every((name) => typeof name === 'string')) return undefined
  return channels.length === 0 ? new Set() : channelsOf(channels)
}
