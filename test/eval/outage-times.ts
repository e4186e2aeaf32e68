/** When a generated fault first spoke, and when its incident opened: what no detector can be faster than. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FaultTime {
  /** Minutes from the beginning of the fault to the arrival of its first event. */
  firstEventMin: number
  /** Minutes from that arrival to the opening of its incident; null when it has none. */
  openedMin: number | null
}

interface Labels {
  labels: readonly (readonly [id: number, fault: number, issue: number])[]
  truth: readonly { id: number; start: number }[]
}

interface FoundIncident {
  opened_at: string
  level_turns: number
  members: readonly string[]
}

export const linesOf = <T>(file: string): T[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)

/** The incident of a fault is the one that holds most of its events. */
export function faultTimes(folder: string, incidentsFile: string): FaultTime[] {
  const { labels, truth } = JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8')) as Labels
  const faultOf = new Map(labels.map(([id, fault]) => [`e${id}`, fault]))
  const firstMs = new Map<number, number>()
  for (const event of linesOf<{ event_id: string; received_at: string }>(
    join(folder, 'events.ndjson'),
  )) {
    const fault = faultOf.get(event.event_id) ?? 0
    if (!firstMs.has(fault)) firstMs.set(fault, Date.parse(event.received_at))
  }
  const found = linesOf<FoundIncident>(incidentsFile)
  const shares = found.map(({ members }) => {
    const counts = new Map<number, number>()
    for (const member of members) {
      const fault = faultOf.get(member) ?? 0
      counts.set(fault, (counts.get(fault) ?? 0) + 1)
    }
    return counts
  })
  return truth.flatMap(({ id, start }) => {
    const first = firstMs.get(id)
    if (first === undefined) return []
    const counts = shares.map((share) => share.get(id) ?? 0)
    const most = Math.max(0, ...counts)
    const openedAt = most === 0 ? undefined : found[counts.indexOf(most)]?.opened_at
    const openedMin = openedAt === undefined ? null : (Date.parse(openedAt) - first) / 60_000
    return [{ firstEventMin: (first - start) / 60_000, openedMin }]
  })
}

export function levelTurnsOf(incidentsFile: string): number[] {
  return linesOf<FoundIncident>(incidentsFile).map((incident) => incident.level_turns)
}
