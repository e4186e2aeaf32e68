import { FaultlineError } from '#/kernel/errors.ts'
import { apply } from '#/schemas/collab/apply.ts'
import { foldAt, happenedAt, seqAt } from '#/schemas/collab/history.ts'
import type { Knowledge } from '#/schemas/collab/history.ts'
import { emptyRoom, hashRoom } from '#/schemas/collab/state.ts'
import type { RoomEvent, RoomState } from '#/schemas/collab/state.ts'
import { viewOf } from '#/schemas/collab/views.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { MomentOf } from '#/schemas/reads.ts'
import type { IncidentDetail } from '#/schemas/view.ts'
import type { Gateway } from './gateway.ts'
import type { Room } from './room-book.ts'

/** By id, or by its number within the project. */
export function findRoom(
  gateway: Gateway,
  { project, id }: { project: string; id: string },
): { incidentId: string; room: Room } {
  const { book } = gateway.rooms
  const direct = book.room(id)
  if (direct !== undefined && direct.project === project) return { incidentId: id, room: direct }
  if (/^#?\d{1,9}$/.test(id)) {
    const number = Number(id.replace('#', ''))
    for (const [incidentId, room] of book.rooms())
      if (room.project === project && room.state.root['number']?.value === number)
        return { incidentId, room }
  }
  throw new FaultlineError('not_found', 'There is no incident of this id or number.')
}

export interface Moment {
  atMs: number | null
  seq: number
  knowledge: Knowledge
}

/** The room now, at a seq, or at a moment. Looking back begins at the nearest snapshot. */
export async function roomAt(
  gateway: Gateway,
  incidentId: string,
  { atMs, seq, knowledge }: Moment,
): Promise<{ room: RoomState; hash: string; seq: number }> {
  if (atMs === null && seq === 0) return told(gateway.rooms.book.stateOf(incidentId))
  const events = await gateway.history(incidentId)
  if (atMs !== null && knowledge === 'true')
    return told(foldAt(incidentId, events, { atMs, knowledge }))
  const wanted = atMs === null ? seq : seqAt(events, atMs)
  const known = gateway.rooms.book.room(incidentId)?.snapshots ?? []
  let state = known.findLast((snapshot) => snapshot.seq <= wanted) ?? emptyRoom(incidentId)
  for (const event of events) {
    if (event.seq > wanted) break
    if (event.seq > state.seq) state = apply(state, event)
  }
  return told(state)
}

function told(room: RoomState): { room: RoomState; hash: string; seq: number } {
  return { room, hash: hashRoom(room), seq: room.seq }
}

/** An incident the store does not have yet, from what its room knows. */
export function detailOfRoom({ state, project }: Room): IncidentDetail {
  const view = viewOf(state)
  const openedAt = state.root['openedAt']?.value
  const incident: Incident = {
    id: state.incidentId,
    number: view.number,
    project,
    seq: 0,
    status: view.status,
    title: view.title,
    severity: { ...view.severity, score: 0, z: 0, terms: [] },
    openedAt: typeof openedAt === 'number' ? openedAt : state.at,
    updatedAt: state.at,
    resolvedAt: null,
    lastActivityAt: state.at,
    services: view.services,
    members: [],
    events: 0,
    users: 0,
    root: '',
    suspectDeploy: '',
    causes: [],
    redirectTo: view.redirectTo,
    recurrenceOf: '',
    regressed: false,
    flapping: false,
    timeline: [],
  }
  return {
    incident,
    summary: null,
    chart: [],
    deploys: [],
    errors: 0,
    member_errors: {},
    similar: [],
    familiarity: { label: 'new', alike: 0, incidents: 0 },
  }
}

/** What the answer about an incident says of its room. */
export function roomPart(state: RoomState, history: readonly RoomEvent[]): object {
  return { room: { ...viewOf(state), hash: hashRoom(state) }, history }
}

/** The same at a moment: what came later, or was not known yet, is not there. */
export function roomPartAt(
  { state: { incidentId } }: Room,
  history: readonly RoomEvent[],
  moment: MomentOf,
): object {
  const counted = history.filter((event) =>
    moment.knowledge === 'known' ? event.ts <= moment.atMs : happenedAt(event) <= moment.atMs,
  )
  return roomPart(foldAt(incidentId, history, moment), counted)
}
