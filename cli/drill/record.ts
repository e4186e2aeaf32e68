/**
 * What a drill leaves: both logs and the report that follows from them, each line chained to the one before. Whoever
 * reads it computes the report again, and one changed byte is found.
 */
import { BrokenLine, chainLines, readChain } from '#/cli/chained-lines.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { drillReport } from '#/processors/domain/drill/report.ts'
import type { DrillRecord } from '#/processors/domain/drill/report.ts'
import { drillMarkdown } from '#/processors/domain/drill/report-text.ts'
import { canonicalJson } from '#/schemas/collab/json.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import type { DrillReport } from '#/schemas/drill-view.ts'

const FORMAT = 'faultline.drill.v1'

type Facts = Omit<DrillRecord, 'recorded' | 'rooms'>

type Body =
  | { kind: 'head'; format: string; facts: Facts; rooms: readonly string[]; events: number }
  /** `room` is empty for the real incident. */
  | { kind: 'event'; room: string; event: RoomEvent }
  | { kind: 'report'; report: DrillReport }

export interface ReadRecord {
  report: DrillReport
  markdown: string
  head: string
}

export function writeRecord(record: DrillRecord): string {
  const { recorded, rooms, ...facts } = record
  const events: Body[] = [
    ...recorded.map((event) => ({ kind: 'event', room: '', event }) as const),
    ...rooms.flatMap(({ id, events: own }) =>
      own.map((event) => ({ kind: 'event', room: id, event }) as const),
    ),
  ]
  const names = rooms.map(({ id }) => id)
  const head: Body = { kind: 'head', format: FORMAT, facts, rooms: names, events: events.length }
  return chainLines([head, ...events, { kind: 'report', report: drillReport(record) }])
}

/** Fails with `log_corrupt` that names the line. */
export function readRecord(text: string): ReadRecord {
  try {
    const chain = readChain(text)
    const bodies = chain.bodies as Body[]
    const record = recordOf(bodies)
    const report = drillReport(record)
    const last = bodies.at(-1)
    if (last?.kind !== 'report' || canonicalJson(last.report) !== canonicalJson(report))
      throw new BrokenLine(bodies.length, 'the report does not follow from the two logs')
    return { report, markdown: drillMarkdown(report), head: chain.head }
  } catch (error) {
    const place = error instanceof BrokenLine && error.line > 0 ? ` (line ${error.line})` : ''
    throw new FaultlineError(
      'log_corrupt',
      `The record of this drill does not hold: ${messageOf(error)}${place}.`,
      { cause: error },
    )
  }
}

function recordOf(bodies: readonly Body[]): DrillRecord {
  const [head] = bodies
  if (head?.kind !== 'head' || head.format !== FORMAT)
    throw new BrokenLine(1, 'the format is not known here')
  const events = bodies.flatMap((body) => (body.kind === 'event' ? [body] : []))
  if (events.length !== head.events)
    throw new BrokenLine(1, `${head.events} events, of which ${events.length} are there`)
  const of = (id: string): RoomEvent[] =>
    events.filter(({ room }) => room === id).map(({ event }) => event)
  const rooms = head.rooms.map((id) => ({ id, events: of(id) }))
  return { ...head.facts, recorded: of(''), rooms }
}
