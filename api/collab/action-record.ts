import { isKnownKind } from '#/schemas/collab/commands.ts'
import type { Json, JsonObject } from '#/schemas/collab/json.ts'
import type { Actor, Command, Rejection, RejectionCode, RoomEvent } from '#/schemas/collab/state.ts'
import type { Action } from '#/schemas/records.ts'

/** A command on its way to the sequencer of its incident. */
export interface Submitted {
  project: string
  incidentId: string
  /** `at` is set anew when it is decided. */
  command: Command
}

interface Context {
  expect?: { field: string; rev: number }
  base?: number
}

/** The record of `investigation.commands.v1`. */
export function recordOfCommand({ project, incidentId, command }: Submitted): Action {
  const { cmdId, kind, payload, actor, at, expect, base } = command
  const context: Context = {
    ...(expect === undefined ? {} : { expect }),
    ...(base === undefined ? {} : { base }),
  }
  return {
    project,
    incident_id: incidentId,
    seq: 0,
    command_id: cmdId,
    kind,
    actor: actor.id,
    actor_name: actor.name,
    role: actor.role,
    at,
    payload: JSON.stringify(payload),
    result: '',
    previous: '{}',
    context: JSON.stringify(context),
  }
}

/** Undefined for a record that is none, such as one a newer version wrote. */
export function commandOf(action: Action): Submitted | undefined {
  const payload = parsed(action.payload)
  const context = parsed(action.context) as Context | undefined
  if (!isKnownKind(action.kind) || payload === undefined || context === undefined) return undefined
  const { project, incident_id: incidentId, command_id: cmdId, kind, at } = action
  const actor: Actor = {
    id: action.actor,
    name: action.actor_name,
    role: action.role as Actor['role'],
  }
  return { project, incidentId, command: { cmdId, kind, payload, actor, at, ...context } }
}

/** The records of `investigation.actions.v1`: an event … */
export function recordOfEvent(submitted: Submitted, event: RoomEvent): Action {
  const { base } = event
  return {
    ...recordOfCommand(submitted),
    seq: event.seq,
    at: event.ts,
    payload: JSON.stringify(event.payload),
    previous: JSON.stringify(event.prev),
    context: JSON.stringify(base === undefined ? {} : { base }),
  }
}

/** … or a rejection, which takes no number. */
export function recordOfRejection(
  submitted: Submitted,
  rejection: Rejection,
  room: { seq: number; at: number },
): Action {
  const { cmdId: _, code, ...rest } = rejection
  return {
    ...recordOfCommand(submitted),
    ...room,
    payload: '{}',
    result: code,
    context: JSON.stringify(rest),
  }
}

export function eventOf(action: Action): RoomEvent | undefined {
  const payload = parsed(action.payload)
  const prev = parsed(action.previous)
  if (payload === undefined || prev === undefined || !isKnownKind(action.kind)) return undefined
  const { base } = (parsed(action.context) ?? {}) as Context
  const event = {
    seq: action.seq,
    cmdId: action.command_id,
    actor: { id: action.actor, name: action.actor_name },
    ts: action.at,
    kind: action.kind,
    payload,
    prev: prev as unknown as RoomEvent['prev'],
  }
  return base === undefined ? event : { ...event, base }
}

export function rejectionOf(action: Action): Rejection {
  const rest = (parsed(action.context) ?? {}) as unknown as Omit<Rejection, 'cmdId' | 'code'>
  return { ...rest, cmdId: action.command_id, code: action.result as RejectionCode }
}

/** Decisions of other desks, such as silences, share the topic; rooms leave them alone. */
export function isOfRoom(action: Action): boolean {
  return action.role !== '' && action.incident_id !== ''
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined
  } catch {
    return undefined
  }
}
