import type { FastifyReply } from 'fastify'
import { PROBLEM_TYPE } from '#/api/problem.ts'
import type { RateLimit } from '#/api/rate-limit.ts'
import type { Call } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import { comparedField } from '#/schemas/collab/commands.ts'
import type { CommandKind } from '#/schemas/collab/commands.ts'
import type { JsonObject } from '#/schemas/collab/json.ts'
import { entityAt } from '#/schemas/collab/state.ts'
import type { Actor, Rejection, RejectionCode, RoomEvent } from '#/schemas/collab/state.ts'
import type { Gateway } from './gateway.ts'

export interface Wish {
  incidentId: string
  kind: CommandKind
  payload: JsonObject
  /** The last seq the caller had seen; undefined for "as it is now". */
  seen?: number | undefined
}

export type Outcome = { event: RoomEvent } | { rejection: Rejection }

export interface ActingParts {
  gateway: Gateway
  random: Random
  /** By author; the same as a socket has. */
  rate: RateLimit
}

/** One change by HTTP: the same command a socket would send. Its author joins by it. */
export async function act(
  { gateway, random, rate }: ActingParts,
  call: Call,
  wish: Wish,
): Promise<Outcome> {
  const { principal, project, nowMs } = call
  if (principal === undefined)
    throw new FaultlineError('unauthorized', 'A change needs somebody who makes it.')
  const wait = rate.waitSeconds(principal.id)
  if (wait > 0)
    throw new FaultlineError('rate_limited', 'Too many changes; send it again later.', {
      retryAfterSeconds: wait,
    })
  rate.take(principal.id, 1)
  const actor: Actor = { id: principal.id, name: principal.name, role: principal.role }
  const run = (kind: CommandKind, payload: JsonObject, expect?: { field: string; rev: number }) => {
    const cmdId = `http-${random.int(2 ** 48).toString(36)}:1`
    const command = { cmdId, kind, payload, actor, at: nowMs }
    return gateway.execute({
      project,
      incidentId: wish.incidentId,
      command: expect === undefined ? command : { ...command, expect },
    })
  }
  const state = gateway.rooms.book.stateOf(wish.incidentId)
  const isJoined = entityAt(state, 'people', actor.id)?.['joined']?.value === true
  if (wish.kind !== 'create' && wish.kind !== 'join' && !isJoined) {
    const joined = await run('join', {})
    // Somebody else's tab of the same person may just have done it.
    if ('rejection' in joined && joined.rejection.code !== 'transition') return joined
  }
  const field = comparedField(wish.kind, wish.payload, wish.seen !== undefined)
  if (field === undefined) return run(wish.kind, wish.payload)
  const rev = state.root[field]?.rev ?? 0
  // What the caller saw is a moment of the room: a field that was written since is not what it saw.
  const seenRev = wish.seen !== undefined && rev > wish.seen ? wish.seen : rev
  return run(wish.kind, wish.payload, { field, rev: seenRev })
}

const STATUS_OF: Readonly<Record<RejectionCode, number>> = {
  conflict: 409,
  transition: 409,
  forbidden: 403,
  not_joined: 403,
  missing: 404,
  invalid: 400,
  rate: 429,
}

const TITLE_OF: Readonly<Record<RejectionCode, string>> = {
  conflict: 'The value changed since it was read.',
  transition: 'It does not go there from where it is.',
  forbidden: 'This may not be done by you.',
  not_joined: 'Join the incident first.',
  missing: 'It is not there.',
  invalid: 'A part of the change is missing or wrong.',
  rate: 'Too many changes.',
}

/** RFC 9457, with what stands instead and whose it is. */
export function sendRejection(
  reply: FastifyReply,
  { code, reason, current, by, path }: Rejection,
  more: object = {},
): undefined {
  const status = STATUS_OF[code]
  const body = {
    type: '/docs#conflict',
    title: TITLE_OF[code],
    status,
    code,
    detail: reason,
    ...(path === undefined ? {} : { path }),
    ...(current === undefined ? {} : { current }),
    ...(by === undefined ? {} : { by }),
    ...more,
  }
  void reply
    .code(status)
    .header('content-type', PROBLEM_TYPE)
    .header('cache-control', 'no-store')
    .send(JSON.stringify(body))
  return undefined
}
