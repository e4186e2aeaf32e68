import { apply, applyUnchecked } from './apply.ts'
import type { PayloadOf } from './commands.ts'
import { emptyRoom } from './state.ts'
import type { RoomEvent, RoomState } from './state.ts'

/** `known`: what the room had recorded at a moment. `true`: what had happened by then, whenever it was recorded. */
export type Knowledge = 'known' | 'true'

/** The room after its first `seq` events. */
export function foldTo(
  incidentId: string,
  events: readonly RoomEvent[],
  seq = Number.POSITIVE_INFINITY,
): RoomState {
  let state = emptyRoom(incidentId)
  for (const event of events) {
    if (event.seq > seq) break
    state = apply(state, event)
  }
  return state
}

/** When the thing happened that the event tells of. */
export function happenedAt(event: RoomEvent): number {
  return event.kind === 'engine'
    ? (event.payload as unknown as PayloadOf<'engine'>).step.at
    : event.ts
}

/** Since times of a room strictly increase, a moment is one seq. */
export function seqAt(events: readonly RoomEvent[], atMs: number): number {
  return events.findLast((event) => event.ts <= atMs)?.seq ?? 0
}

export function foldAt(
  incidentId: string,
  events: readonly RoomEvent[],
  moment: { atMs: number; knowledge: Knowledge },
): RoomState {
  const { atMs, knowledge } = moment
  if (knowledge === 'known') return foldTo(incidentId, events, seqAt(events, atMs))
  let state = emptyRoom(incidentId)
  for (const event of events) if (happenedAt(event) <= atMs) state = applyUnchecked(state, event)
  return state
}
