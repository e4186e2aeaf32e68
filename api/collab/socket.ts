import type { Duplex } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { WebSocket } from '@fastify/websocket'
import { projectOf } from '#/api/accounts/project-choice.ts'
import { authorize } from '#/api/auth.ts'
import type { AppDeps } from '#/api/deps.ts'
import type { Hub, Subscription } from '#/api/live/hub.ts'
import { CLOSE, SOCKET_LIMITS, TICKET_PREFIX } from '#/schemas/collab/protocol.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Admission, CollabAccess } from './access.ts'
import type { Gateway } from './gateway.ts'
import { createIrpVoice } from './irp.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a handshake that was let in. */
    admission: Admission | undefined
  }
}

/** What is sent and not yet taken by the network; past it the receiver is too slow to be told everything. */
const BUFFER_BYTES_MAX = 4 << 20
/**
 * The largest frame that is read at all, for which the library closes with 1009. Between this and the limit of the
 * protocol the answer is 4413 with the limit in it.
 */
export const FRAME_BYTES_READ = 1 << 20

let lastText = ''
let lastBytes = Buffer.alloc(0)

/** What goes to everybody in a room comes here once for each of them, one after the other: it is encoded once. */
function bytesOf(text: string): Buffer {
  if (text !== lastText) {
    lastText = text
    lastBytes = Buffer.from(text)
  }
  return lastBytes
}

export interface CollabParts {
  gateway: Gateway
  access: CollabAccess
}

/** Before the handshake is answered: a ticket, a key or a cookie says who; else reads must be open. */
export async function admitSocket(
  deps: AppDeps,
  access: CollabAccess | undefined,
  request: FastifyRequest,
): Promise<Admission> {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',')
  const ticket = offered
    .map((value) => value.trim())
    .find((value) => value.startsWith(TICKET_PREFIX))
  if (ticket !== undefined) {
    if (access === undefined)
      throw new FaultlineError('unauthorized', 'There are no tickets where there are no accounts.')
    return access.redeem(ticket.slice(TICKET_PREFIX.length))
  }
  await Promise.resolve(authorize(deps, request, 'read'))
  const project = projectOf(request, { fallback: deps.config.defaultProject })
  return { principal: request.principal, project }
}

/** One socket of `/` or `/ws`: rooms, and IID's subscription beside them. */
export function serveRoomSocket(
  deps: AppDeps,
  { gateway, access, hub }: CollabParts & { hub: Hub },
  { socket, request }: { socket: WebSocket; request: FastifyRequest },
): void {
  const { principal, project } = request.admission ?? {
    principal: undefined,
    project: deps.config.defaultProject,
  }
  const irp = createIrpVoice((text) => socket.send(bytesOf(text), { binary: false }))
  const live = createLiveFeed(deps, hub, { socket, project, requestId: request.id })
  // An injected handshake has none.
  const line = request.raw.socket as Duplex | undefined
  const session = gateway.open({
    principal,
    project,
    wire: {
      send(text) {
        if (socket.bufferedAmount > BUFFER_BYTES_MAX)
          return session.close(CLOSE.again, 'The connection is too slow; come back.')
        irp.send(text)
      },
      hold: () => line?.cork(),
      flush: () => line?.uncork(),
      close: (code, reason) => socket.close(code, reason),
    },
    onSubscribe: (channels) => live.subscribe(channels),
  })
  const unwatch = access.watch(principal, (now) => session.revise(now))
  socket.on('error', () => socket.terminate())
  socket.on('close', () => {
    unwatch()
    live.close()
    session.ended()
  })
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (data.length > SOCKET_LIMITS.frameBytes) return session.receive({ bytes: data.length })
    const text = data.toString('utf8')
    irp.heard(text)
    // A binary frame holds no message of ours; its bytes are read as text and answered with what is wrong.
    session.receive(isBinary ? `binary ${text.slice(0, 40)}` : text)
  })
}

/** IID's `event` and `incident` messages for the services a client asks for. */
function createLiveFeed(
  deps: AppDeps,
  hub: Hub,
  { socket, project, requestId }: { socket: WebSocket; project: string; requestId: string },
) {
  let opening: Promise<Subscription> | undefined
  const sink = {
    write: (message: Buffer) => socket.send(message, { binary: false }),
    bufferedBytes: () => socket.bufferedAmount,
    end: () => socket.close(1001),
  }
  return {
    subscribe(names: readonly string[]): void {
      const channels = names.includes('all') ? null : new Set(names)
      if (opening !== undefined) {
        void opening.then((own) => own.setChannels(channels)).catch(() => undefined)
        return
      }
      opening = hub.openMessages({ project, lastId: '', sink, channels, transport: 'websocket' })
      opening.catch((error: unknown) => {
        deps.onProblem?.(error, requestId)
        socket.close(1011)
      })
    },
    close: () => void opening?.then((own) => own.close()).catch(() => undefined),
  }
}
