import { apply } from '#/schemas/collab/apply.ts'
import { emptyRoom } from '#/schemas/collab/state.ts'
import type { Rejection, RoomEvent, RoomState } from '#/schemas/collab/state.ts'
import type { Action } from '#/schemas/records.ts'
import { eventOf, isOfRoom, rejectionOf } from './action-record.ts'

/** What became of a command. */
export type Decided = { event: RoomEvent } | { rejection: Rejection }

export type Taken =
  | { incidentId: string; room: Room; event: RoomEvent; actorId: string }
  | {
      incidentId: string
      room: Room | undefined
      rejection: Rejection
      actorId: string
      kind: string
    }

/** One room as the log tells it. */
export interface Room {
  readonly project: string
  state: RoomState
  /** The last events, oldest first. */
  recent: RoomEvent[]
  /** Where each event lies in its partition, by seq from 1; empty where the reader has no offsets. */
  offsets: number[]
  partition: number
  /** Every 100 events, for looking back. */
  snapshots: RoomState[]
}

export interface RoomBookOptions {
  /** False is the negative control of the fuzzer: then a command told "rejected" can be applied later. */
  remembersRejections?: boolean
}

export const SNAPSHOT_EVENTS = 100
const RECENT_EVENTS = 200

/**
 * All rooms, by folding `investigation.actions.v1`. The sequencer has one and every gateway has one; what they hold
 * follows from the log alone.
 */
export class RoomBook {
  readonly #rooms = new Map<string, Room>()
  /** By incident, then by actor and command id: a command is decided once, also when it was refused. */
  readonly #decided = new Map<string, Map<string, number | Rejection>>()
  readonly #remembersRejections: boolean

  constructor({ remembersRejections = true }: RoomBookOptions = {}) {
    this.#remembersRejections = remembersRejections
  }

  room(incidentId: string): Room | undefined {
    return this.#rooms.get(incidentId)
  }

  rooms(): IterableIterator<[string, Room]> {
    return this.#rooms.entries()
  }

  stateOf(incidentId: string): RoomState {
    return this.#rooms.get(incidentId)?.state ?? emptyRoom(incidentId)
  }

  /** A seq for an accepted command whose event is no longer at hand. */
  decided(
    incidentId: string,
    name: { actorId: string; cmdId: string },
  ): number | Decided | undefined {
    const known = this.#decided.get(incidentId)?.get(nameOf(name))
    if (known === undefined) return undefined
    if (typeof known !== 'number') return { rejection: known }
    const event = this.#rooms.get(incidentId)?.recent.find(({ seq }) => seq === known)
    return event === undefined ? known : { event }
  }

  /** Undefined for records that are not of a room, and for an event that was taken before. */
  take(action: Action, place: { partition: number; offset: number }): Taken | undefined {
    if (!isOfRoom(action)) return undefined
    const { incident_id: incidentId, actor: actorId, command_id: cmdId, kind } = action
    if (action.result !== '') {
      const rejection = rejectionOf(action)
      if (this.#remembersRejections) this.#remember(incidentId, { actorId, cmdId }, rejection)
      return { incidentId, room: this.#rooms.get(incidentId), rejection, actorId, kind }
    }
    const event = eventOf(action)
    if (event === undefined) return undefined
    const room = this.#rooms.get(incidentId) ?? this.#open(action, place.partition)
    if (event.seq <= room.state.seq) return undefined
    room.state = apply(room.state, event)
    room.recent.push(event)
    if (room.recent.length > RECENT_EVENTS * 2) room.recent.splice(0, RECENT_EVENTS)
    room.offsets.push(place.offset)
    if (event.seq % SNAPSHOT_EVENTS === 0) room.snapshots.push(room.state)
    this.#remember(incidentId, { actorId, cmdId }, event.seq)
    return { incidentId, room, event, actorId }
  }

  #open({ project, incident_id: incidentId }: Action, partition: number): Room {
    const state = emptyRoom(incidentId)
    const room: Room = { project, state, recent: [], offsets: [], partition, snapshots: [] }
    this.#rooms.set(incidentId, room)
    return room
  }

  #remember(
    incidentId: string,
    name: { actorId: string; cmdId: string },
    outcome: number | Rejection,
  ): void {
    let known = this.#decided.get(incidentId)
    if (known === undefined) this.#decided.set(incidentId, (known = new Map()))
    known.set(nameOf(name), outcome)
  }
}

/** Ids of commands are chosen by clients: one person cannot use up another one's. */
function nameOf({ actorId, cmdId }: { actorId: string; cmdId: string }): string {
  return `${actorId}\n${cmdId}`
}
