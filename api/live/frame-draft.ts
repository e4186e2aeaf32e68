import type { DeployView, EventView, Frame, IncidentRow } from '#/schemas/view.ts'
import type { EventPrefix } from './event-prefix.ts'

/** Width of a cell. Charts of the dashboard add cells up to what they show. */
export const CELL_MS = 1_000
export const FRAME_EVENTS_MAX = 50
/** Cells, incidents and deploys of one frame; further ones only count. A reload shows them. */
const CELLS_MAX = 500
const ROWS_MAX = 200

/** One frame being collected. Events stay bytes until it is sent, because most are overwritten before. */
export interface FrameDraft {
  add(prefix: EventPrefix, record: Buffer): void
  addIncident(row: IncidentRow): void
  isEmpty(): boolean
  /** The frame in two texts: whole, and without its sample of events, which a ring can keep longer. */
  finish(seq: string, at: number, view: FrameViews): { full: string; lean: string }
}

export interface FrameViews {
  event(record: Buffer): EventView
  deploy(record: Buffer): DeployView
}

export function createFrameDraft(): FrameDraft {
  const cells = new Map<number, number>()
  const incidents = new Map<string, IncidentRow>()
  const deploys: Buffer[] = []
  const newest: Buffer[] = []
  let count = 0
  return {
    add(prefix, record) {
      newest[count % FRAME_EVENTS_MAX] = record
      count += 1
      if (prefix.isDeploy && deploys.length < ROWS_MAX) deploys.push(record)
      // One number per cell: bucket and severity, which is below ten.
      const key = Math.floor(prefix.occurredAt / CELL_MS) * 10 + prefix.severity
      const known = cells.get(key)
      if (known !== undefined) cells.set(key, known + 1)
      else if (cells.size < CELLS_MAX) cells.set(key, 1)
    },
    addIncident(row) {
      if (incidents.has(row.id) || incidents.size < ROWS_MAX) incidents.set(row.id, row)
    },
    isEmpty: () => count === 0 && incidents.size === 0,
    finish(seq, at, view) {
      const order = count <= FRAME_EVENTS_MAX ? newest : rotate(newest, count % FRAME_EVENTS_MAX)
      const lean: Frame = {
        seq,
        at,
        cells: [...cells].map(([key, events]) => {
          const severity = ((key % 10) + 10) % 10
          return [((key - severity) / 10) * CELL_MS, severity, events] as const
        }),
        incidents: [...incidents.values()],
        deploys: deploys.map((record) => view.deploy(record)),
        events: [],
        count,
      }
      const events = order.map((record) => view.event(record))
      return { full: JSON.stringify({ ...lean, events }), lean: JSON.stringify(lean) }
    },
  }
}

function rotate<T>(items: readonly T[], start: number): T[] {
  return [...items.slice(start), ...items.slice(0, start)]
}
