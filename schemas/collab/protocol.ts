/**
 * The protocol of the collaboration WebSocket, version 1: every message in both directions, the limits, the codes a
 * connection is closed with. Messages are JSON objects in text frames. Rules: SPEC.md.
 */
import { COMMAND_KINDS } from './commands.ts'
import type { CommandKind } from './commands.ts'
import type { JsonObject } from './json.ts'
import { check, list, matching, nullable, object, oneOf, optional, text, whole } from './shape.ts'
import type { Checked, Shape, ShapeOf } from './shape.ts'
import type { PersonRef, Rejection, RoomEvent, RoomState } from './state.ts'
import type { Role } from '#/schemas/principal.ts'

export const PROTOCOL_VERSION = 1
/** Offered as the first value of `Sec-WebSocket-Protocol`; the second one is `ticket.` and the ticket. */
export const SUBPROTOCOL = 'faultline.v1'
export const TICKET_PREFIX = 'ticket.'

export const CLOSE = {
  unauthorized: 4401,
  forbidden: 4403,
  idle: 4408,
  size: 4413,
  rate: 4429,
  full: 4410,
  /** The server goes away, or the receiver is too slow: come back. */
  again: 1013,
} as const

export const SOCKET_LIMITS = {
  frameBytes: 64 * 1024,
  commandsPerSecond: 20,
  commandsBurst: 60,
  focusPerSecond: 10,
  /** Messages of any kind; past it the connection is closed. */
  messagesPerSecond: 200,
  roomPeople: 600,
  heartbeatMs: 10_000,
  goneMs: 30_000,
  presenceMs: 100,
} as const

/** Where somebody's attention is. */
export interface Focus {
  section: string
  cardId?: string
  field?: string
}

/** One person in the room, however many tabs. */
export interface Present extends PersonRef {
  role: Role | 'none'
  focus: Focus | null
  tabs: number
}

const name = text({ charsMin: 1, charsMax: 200 })
const clientId = matching(/^[A-Za-z0-9_-]{1,40}$/, '1 to 40 characters of A-Z a-z 0-9 _ -')
const cmdId = matching(/^[A-Za-z0-9_-]{1,40}:\d{1,10}$/, '<clientId>:<n>')

/** Only that it is an object; what is in it is checked by kind, where a rejection can say so. */
const anyObject: Shape<JsonObject> = (value, path) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : object({})(value, path)

const SEQ_MAX = 2 ** 31

const CLIENT_MESSAGES = {
  hello: object({
    type: oneOf(['hello']),
    incidentId: name,
    /** The last seq the client has; 0 for none. */
    lastSeq: whole({ min: 0, max: SEQ_MAX }),
    clientId,
  }),
  cmd: object({
    type: oneOf(['cmd']),
    cmdId,
    kind: oneOf(COMMAND_KINDS),
    payload: anyObject,
    expect: optional(object({ field: name, rev: whole({ min: 0, max: SEQ_MAX }) })),
    /** The last seq its author had seen when writing it. */
    base: optional(whole({ min: 0, max: SEQ_MAX })),
  }),
  focus: object({
    type: oneOf(['focus']),
    section: text({ charsMax: 100 }),
    cardId: optional(nullable(text({ charsMax: 64 }))),
    field: optional(nullable(text({ charsMax: 64 }))),
  }),
  'focus:updated': object({
    type: oneOf(['focus:updated']),
    section: text({ charsMax: 100 }),
    field: optional(nullable(text({ charsMax: 64 }))),
  }),
  ping: object({ type: oneOf(['ping']) }),
  leave: object({ type: oneOf(['leave']) }),
  subscribe: object({
    type: oneOf(['subscribe']),
    channels: list(text({ charsMax: 200 }), { max: 100 }),
  }),
  'incident:join': object({ type: oneOf(['incident:join']), incidentId: name }),
  'incident:updateStatus': object({
    type: oneOf(['incident:updateStatus']),
    incidentId: name,
    status: oneOf(['open', 'active', 'investigating', 'resolved']),
  }),
} as const

type ClientMessages = { [K in keyof typeof CLIENT_MESSAGES]: ShapeOf<(typeof CLIENT_MESSAGES)[K]> }
export type ClientMessage = ClientMessages[keyof ClientMessages]
export type Hello = ClientMessages['hello']
export type CommandMessage = ClientMessages['cmd'] & { kind: CommandKind }

/** Never throws. What is not understood is named with its path. */
export function readClientMessage(frame: string): Checked<ClientMessage> {
  let value: unknown
  try {
    value = JSON.parse(frame)
  } catch {
    return { ok: false, path: '', reason: 'the frame is not JSON' }
  }
  const type = (value as { type?: unknown } | null)?.type
  if (typeof type !== 'string' || !Object.hasOwn(CLIENT_MESSAGES, type))
    return {
      ok: false,
      path: 'type',
      reason: `type must be one of ${Object.keys(CLIENT_MESSAGES).join(', ')}`,
    }
  const shape = CLIENT_MESSAGES[type as keyof ClientMessages] as Shape<ClientMessage>
  return check(shape, value, 'message')
}

export interface Welcome {
  type: 'welcome'
  version: typeof PROTOCOL_VERSION
  incidentId: string
  seq: number
  /** Whole, when the client has nothing or is too far behind … */
  snapshot?: RoomState
  /** … or what it missed. */
  events?: readonly RoomEvent[]
  you: PersonRef & { role: Role | 'none' }
  limits: typeof SOCKET_LIMITS
  now: number
}

export type ServerMessage =
  | Welcome
  | ({ type: 'event' } & RoomEvent)
  | ({ type: 'reject' } & Rejection)
  | { type: 'presence'; full: readonly Present[] }
  | { type: 'presence'; delta: { set: readonly Present[]; gone: readonly string[] } }
  /** The command was accepted long ago, as this event; the room the client has contains it. */
  | { type: 'done'; cmdId: string; seq: number }
  | { type: 'pong'; now: number }
  | { type: 'error'; path: string; message: string }
  | { type: 'bye'; code: number; reason: string }
