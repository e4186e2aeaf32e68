import type { IncidentAction } from '#/processors/domain/incident/actions.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import type { PayloadOf } from '#/schemas/collab/commands.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import type { Action } from '#/schemas/records.ts'

/** A decision as it waited for its slice. */
export interface Refused {
  project: string
  /** Of the command that was decided. */
  commandId: string
  action: IncidentAction
  reason: string
  /** When it was decided, and when the engine came to it. */
  decidedAt: number
  at: number
}

/** Bounds of the payload: what comes from a command is shorter, what comes from elsewhere is cut. */
const CHARS_MAX = { id: 200, reason: 500 }

/**
 * What the engine would not do goes back to the room that decided it, as a command of the platform: it becomes part
 * of the room's history and is told to everybody in it. Its id names the decision (a room has one at a moment), so
 * that it is told once.
 */
export function refusalCommand(refused: Refused): Action {
  const { project, commandId, action, reason, decidedAt, at } = refused
  const payload: PayloadOf<'refused'> = {
    cmdId: commandId.slice(0, CHARS_MAX.id),
    kind: action.kind,
    by: action.actor.slice(0, CHARS_MAX.id),
    reason: reason.slice(0, CHARS_MAX.reason),
  }
  return {
    ...PLAIN_ACTION,
    project,
    incident_id: action.incidentId,
    seq: 0,
    command_id: `refused:${decidedAt}`,
    kind: 'refused',
    actor: ENGINE.id,
    actor_name: ENGINE.name,
    role: ENGINE.role,
    at,
    payload: JSON.stringify(payload),
  }
}
