import { readObject } from '#/api/answer.ts'
import { act, sendRejection } from '#/api/collab/acting.ts'
import type { ActingParts, Outcome, Wish } from '#/api/collab/acting.ts'
import { findRoom, roomAt } from '#/api/collab/reading.ts'
import type { Gateway } from '#/api/collab/gateway.ts'
import type { AppDeps } from '#/api/deps.ts'
import { wholeNumber, wrong } from '#/api/params.ts'
import { momentParams } from '#/api/read-params.ts'
import { createRateLimit } from '#/api/rate-limit.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { checkPayload, isCommandKind } from '#/schemas/collab/commands.ts'
import type { CommandKind } from '#/schemas/collab/commands.ts'
import type { JsonObject } from '#/schemas/collab/json.ts'
import { SOCKET_LIMITS } from '#/schemas/collab/protocol.ts'
import { sentenceOf } from '#/schemas/collab/sentences.ts'
import { reportRoutes } from './room-reports.ts'

const type = 'application/json'
const SEQ_MAX = 2 ** 31 - 1

/** Changes to incidents, and what their rooms hold: adapters of the commands a socket sends. */
export function roomRoutes(deps: AppDeps): readonly Route[] {
  const { collab, random } = deps
  if (collab === undefined) return []
  const { gateway } = collab
  const rate = createRateLimit(deps.clock, {
    perSecond: SOCKET_LIMITS.commandsPerSecond,
    burst: SOCKET_LIMITS.commandsBurst,
  })
  const parts = { gateway, random, rate }
  return [
    ...openingRoutes(parts),
    ...changingRoutes(parts),
    ...readingRoutes(gateway),
    ...reportRoutes(deps, collab),
  ]
}

const answer = { type, schema: { type: 'object' } }

const roomOf = (gateway: Gateway, { project, path }: Call) =>
  findRoom(gateway, { project, id: path['id'] ?? '' })

function openingRoutes(parts: ActingParts): readonly Route[] {
  const { random } = parts
  return [
    route({
      method: 'POST',
      path: '/api/incidents',
      tag: 'incidents',
      summary: 'Open an incident by hand, without telemetry.',
      access: 'respond',
      query: {},
      body: {
        about: '`title`, `severity` 1 to 5, `services`.',
        types: [type],
        schema: { type: 'object' },
      },
      answer: { ...answer, status: 201, about: 'Its id; the number follows within seconds.' },
      problems: ['invalid_json', 'invalid_request', 'rate_limited'],
      async handle(call) {
        const incidentId = `m${random
          .int(2 ** 48)
          .toString(16)
          .padStart(12, '0')}`
        const payload = payloadOf('create', readObject(call), SENT_AS)
        const outcome = await act(parts, call, { incidentId, kind: 'create', payload })
        if ('rejection' in outcome) return sendRejection(call.reply, outcome.rejection)
        void call.reply.header('location', `/api/incidents/${incidentId}`)
        return { id: incidentId, seq: outcome.event.seq, url: `/incidents/${incidentId}` }
      },
    }),
  ]
}

function changingRoutes(parts: ActingParts): readonly Route[] {
  const room = (call: Call) => roomOf(parts.gateway, call)
  return [
    route({
      method: 'PATCH',
      path: '/api/incidents/:id',
      tag: 'incidents',
      summary: 'Change status, severity, assignee or title of an incident.',
      access: 'respond',
      query: {},
      body: {
        about:
          '`status`, `severity` (1 to 5, null releases it), `assignee` ({id, name} or null), `title`, `reason`. `If-Match` with the ETag of the read refuses what changed since (409 with the current value).',
        types: [type],
        schema: { type: 'object' },
      },
      answer: { ...answer, status: 200, about: 'What was applied, and the new revision.' },
      problems: ['invalid_json', 'invalid_request', 'not_found', 'conflict', 'rate_limited'],
      async handle(call) {
        const { incidentId } = room(call)
        const seen = revisionOf(call)
        const applied: string[] = []
        let seq = 0
        for (const { kind, payload } of changesOf(readObject(call))) {
          const outcome = await act(parts, call, { incidentId, kind, payload, seen })
          if ('rejection' in outcome)
            return sendRejection(call.reply, outcome.rejection, { applied })
          applied.push(kind)
          seq = outcome.event.seq
        }
        void call.reply.header('etag', `"${seq}"`)
        return { id: incidentId, applied, revision: seq }
      },
    }),
    route({
      method: 'POST',
      path: '/api/incidents/:id/commands',
      tag: 'incidents',
      summary: 'Send any command of a room: notes, action items, cards, links, pins.',
      access: 'respond',
      query: {},
      body: {
        about: '`kind`, `payload`, and `seen`, the last seq the caller knows.',
        types: [type],
        schema: { type: 'object' },
      },
      answer: { ...answer, status: 201, about: 'The event.' },
      problems: ['invalid_json', 'invalid_request', 'not_found', 'conflict', 'rate_limited'],
      async handle(call) {
        const { incidentId } = room(call)
        return answerOf(call, await act(parts, call, wishOf(incidentId, readObject(call))))
      },
    }),
  ]
}

function readingRoutes(gateway: Gateway): readonly Route[] {
  const room = (call: Call) => roomOf(gateway, call)
  return [
    route({
      method: 'GET',
      path: '/api/incidents/:id/room',
      tag: 'incidents',
      summary: 'Cards, links, notes, items and decisions of an incident, now or at a moment.',
      access: 'read',
      query: {
        ...momentParams,
        seq: wholeNumber('After this many events.', { min: 0, max: SEQ_MAX, fallback: 0 }),
      },
      answer: { ...answer, status: 200, about: 'The room with its hash.' },
      problems: ['not_found'],
      handle(call) {
        const { at: atMs, as: knowledge, seq } = call.query
        return roomAt(gateway, room(call).incidentId, { atMs, seq, knowledge })
      },
    }),
    route({
      method: 'GET',
      path: '/api/incidents/:id/room/events',
      tag: 'incidents',
      summary: 'Every event of an incident’s room, or those since one was last seen.',
      access: 'read',
      query: {
        since: wholeNumber('Behind this seq.', { min: 0, max: SEQ_MAX, fallback: 0 }),
      },
      answer: { ...answer, status: 200, about: 'Events with a sentence each, oldest first.' },
      problems: ['not_found'],
      async handle(call) {
        // The room as it is now is what the events asked for now lead to: nothing is folded again.
        const {
          incidentId,
          room: { state },
        } = room(call)
        const events = await gateway.history(incidentId)
        const items = events
          .filter(({ seq }) => seq > call.query.since)
          .map((event) => ({ ...event, sentence: sentenceOf(event, state) }))
        return { items, next: null, since: call.query.since, seq: state.seq }
      },
    }),
  ]
}

function answerOf(call: Call, outcome: Outcome): unknown {
  return 'rejection' in outcome ? sendRejection(call.reply, outcome.rejection) : outcome.event
}

/** RFC 9110 §13.1.1; a revision is a seq of the room. */
function revisionOf(call: Call): number | undefined {
  const header = call.request.headers['if-match']
  if (header === undefined || header === '*') return undefined
  const match = /^"?(\d{1,10})"?$/.exec(header)
  if (match === null)
    throw wrong('if-match', 'If-Match must be the ETag of a read.', 'Read the incident again.')
  return Number(match[1])
}

function wishOf(incidentId: string, body: Readonly<Record<string, unknown>>): Wish {
  const { kind, payload = {}, seen } = body
  if (typeof kind !== 'string' || !isCommandKind(kind))
    throw wrong('kind', 'kind must be a command of rooms.')
  if (seen !== undefined && !Number.isInteger(seen)) throw wrong('seen', 'seen must be a seq.')
  return {
    incidentId,
    kind,
    payload: payloadOf(kind, payload),
    ...(seen === undefined ? {} : { seen: seen as number }),
  }
}

/** Names the field as its sender wrote it: without the `payload` that only commands have, when `sentAs` is given. */
function payloadOf(
  kind: CommandKind,
  payload: unknown,
  sentAs?: Readonly<Record<string, string>>,
): JsonObject {
  const checked = checkPayload(kind, payload)
  if (!checked.ok) {
    const path = checked.path.replace('payload.', '')
    const [first = '', ...rest] = path.split('.')
    const sent = [sentAs?.[first] ?? first, ...rest].join('.')
    const reason =
      sentAs === undefined ? checked.reason : checked.reason.replace(checked.path, sent)
    throw wrong(sent, `${reason}.`, 'The body of this address at /docs tells what it takes.')
  }
  return checked.value as unknown as JsonObject
}

const PATCHED = ['status', 'severity', 'assignee', 'title', 'reason', 'label']

function changesOf(
  body: Readonly<Record<string, unknown>>,
): { kind: CommandKind; payload: JsonObject }[] {
  for (const name of Object.keys(body))
    if (!PATCHED.includes(name))
      throw wrong(
        name,
        `${name.slice(0, 60)} is not changed here.`,
        `Known: ${PATCHED.join(', ')}.`,
      )
  const { status, severity, assignee, title, reason, label } = body
  const wanted: [CommandKind, unknown][] = []
  if (status !== undefined)
    wanted.push([
      'status_change',
      {
        status,
        ...(reason === undefined ? {} : { reason }),
        ...(label === undefined || label === null ? {} : { label }),
      },
    ])
  else if (label !== undefined) wanted.push(['label', { label }])
  if (severity === null) wanted.push(['severity_unlock', {}])
  else if (severity !== undefined) wanted.push(['severity_lock', { level: severity }])
  if (assignee !== undefined) wanted.push(['assignment', { assignee }])
  if (title !== undefined) wanted.push(['rename', { title }])
  if (wanted.length === 0) throw wrong('status', `Give at least one of ${PATCHED.join(', ')}.`)
  return wanted.map(([kind, payload]) => ({ kind, payload: payloadOf(kind, payload, SENT_AS) }))
}

/** What fields of commands are called in the bodies of POST and PATCH. */
const SENT_AS: Readonly<Record<string, string>> = { level: 'severity' }
