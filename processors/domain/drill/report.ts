import { foldTo } from '#/schemas/collab/history.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import { viewOf } from '#/schemas/collab/views.ts'
import type { DrillReport, DrillRoom, DrillView } from '#/schemas/drill-view.ts'
import { isPerson, MILESTONES, momentsOf, statusesOf, type Told } from './milestones.ts'
import { compareCanvas } from './pairs.ts'
import { drillClock } from './retime.ts'

/** Everything a report is made of: two logs and what is known about the drill. */
export interface DrillRecord {
  drill: DrillView
  answer: readonly string[]
  /** When the incident began, in recorded time. */
  beganMs: number
  /** Events of the window as recorded, played, and kept by the sandbox. */
  events: DrillReport['events']
  recorded: readonly RoomEvent[]
  /** Every room of the sandbox. */
  rooms: readonly { id: string; events: readonly RoomEvent[] }[]
}

/** The same record gives the same report: nothing else is looked at. */
export function drillReport({ drill, ...record }: DrillRecord): DrillReport {
  const { answer, beganMs, recorded: recordedEvents, events } = record
  const { speed, from: fromMs } = drill
  const beganInDrillMs = drillClock({ speed, fromMs }, drill.started_at).dueAt(beganMs)
  const recordedView = viewOf(foldTo(drill.incident_id, recordedEvents))
  const rooms = roomsOf(record.rooms, recordedView.services)
  const compared = record.rooms.find(({ id }) =>
    rooms.some((room) => room.compared && room.id === id),
  )
  const drillEvents = compared?.events ?? []
  const drillView = viewOf(foldTo(compared?.id ?? '', drillEvents))
  const left: Told = { events: recordedEvents, beganMs, speed: 1, answer }
  const right: Told = { events: drillEvents, beganMs: beganInDrillMs, speed, answer }
  const moments = { recorded: momentsOf(left), drill: momentsOf(right) }
  return {
    drill,
    answer,
    began: { recorded: beganMs, drill: beganInDrillMs },
    milestones: MILESTONES.map(({ key, name }) => ({
      key,
      name,
      recorded: moments.recorded.get(key) ?? null,
      drill: moments.drill.get(key) ?? null,
    })),
    statuses: { recorded: statusesOf(left), drill: statusesOf(right) },
    people: { recorded: peopleOf(recordedEvents), drill: peopleOf(drillEvents) },
    changes: { recorded: changesOf(recordedEvents), drill: changesOf(drillEvents) },
    ...compareCanvas(recordedView, drillView),
    rooms,
    events,
  }
}

/** Compared is where people did most; of several such the one of the same services, then the one that came first. */
function roomsOf(rooms: DrillRecord['rooms'], services: readonly string[]): DrillRoom[] {
  const known = rooms.map(({ id, events }) => {
    const view = viewOf(foldTo(id, events))
    return {
      id,
      number: view.number,
      title: view.title,
      changes: changesOf(events),
      shared: view.services.filter((name) => services.includes(name)).length,
      firstMs: events[0]?.ts ?? 0,
    }
  })
  const [chosen] = known.toSorted(
    (a, b) =>
      b.changes - a.changes ||
      b.shared - a.shared ||
      a.firstMs - b.firstMs ||
      (a.id < b.id ? -1 : 1),
  )
  return known
    .toSorted((a, b) => a.number - b.number || (a.id < b.id ? -1 : 1))
    .map(({ id, number, title, changes }) => ({
      id,
      number,
      title,
      changes,
      compared: id === chosen?.id,
    }))
}

function changesOf(events: readonly RoomEvent[]): number {
  return events.filter((event) => isPerson(event)).length
}

function peopleOf(events: readonly RoomEvent[]): string[] {
  return [
    ...new Set(events.filter((one) => isPerson(one)).map(({ actor }) => actor.name)),
  ].toSorted()
}
