import { isUndoable, reverseOf, writesOf } from './effects.ts'
import { LIMITS } from './commands.ts'
import { withWrites } from './state.ts'
import type { RoomEvent, RoomState } from './state.ts'

/** The room after an event. Throws on one that cannot be the next: that is a broken log or a bug, never bad input. */
export function apply(state: RoomState, event: RoomEvent): RoomState {
  if (event.seq !== state.seq + 1)
    throw new RangeError(`event ${event.seq} does not follow ${state.seq} in ${state.incidentId}`)
  if (event.ts <= state.at)
    throw new RangeError(
      `event ${event.seq} of ${state.incidentId} is not later than the one before`,
    )
  return applyUnchecked(state, event)
}

/** For histories with events left out, such as "true at": seq jumps there. */
export function applyUnchecked(state: RoomState, event: RoomEvent): RoomState {
  const writes = writesOf(state, event)
  const { seq, ts, actor } = event
  const recent = isUndoable(event.kind)
    ? [
        ...state.recent,
        { seq, by: actor.id, ...undoneBy(event), ...reverseOf(state, writes) },
      ].slice(-LIMITS.undoable)
    : state.recent
  return { ...withWrites(state, writes, { rev: seq, by: actor, at: ts }), seq, at: ts, recent }
}

function undoneBy({ kind, payload }: RoomEvent): { undoes?: number } {
  return kind === 'undo' ? { undoes: payload['seq'] as number } : {}
}
