import { columnsOf } from '#/schemas/incident.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { IncidentEvent, Insight } from '#/schemas/records.ts'
import type { Reads } from '#/schemas/reads.ts'
import { incidentRow } from './messages.ts'
import type { IncidentNews } from './messages.ts'

/** Incidents remembered, the last changed ones; others are asked for when they are needed. */
const NEWS_MAX = 2_000

/** Joins what two topics say about an incident: its steps, and its summary. */
export interface IncidentNewsStore {
  step(step: IncidentEvent): Promise<IncidentNews>
  /** Undefined when the incident is not known anywhere yet. */
  insight(insight: Insight): Promise<IncidentNews | undefined>
}

export function createIncidentNews(
  reads: Reads,
  onProblem: ((error: unknown) => void) | undefined,
): IncidentNewsStore {
  const known = new Map<string, IncidentNews>()
  const keep = (project: string, id: string, news: IncidentNews): IncidentNews => {
    const key = `${project}/${id}`
    known.delete(key)
    known.set(key, news)
    const oldest = known.keys().next()
    if (known.size > NEWS_MAX && oldest.done === false) known.delete(oldest.value)
    return news
  }
  /** From the projection, which may lag behind the log; then it is missing or a step old, and the next step heals it. */
  const stored = async (project: string, id: string): Promise<IncidentNews | undefined> => {
    const found = known.get(`${project}/${id}`)
    if (found !== undefined) return found
    try {
      const detail = await reads.incident({ project, id })
      if (detail === null) return undefined
      const { incident, summary } = detail
      return { row: rowOf(incident), summary: summary ?? undefined }
    } catch (error) {
      onProblem?.(error)
      return undefined
    }
  }
  return {
    async step(step) {
      const before = step.seq === 1 ? undefined : await stored(step.project, step.incident_id)
      const news = { row: incidentRow(step), summary: before?.summary }
      return keep(step.project, step.incident_id, news)
    },
    async insight(insight) {
      const before = await stored(insight.project, insight.incident_id)
      if (before === undefined) return undefined
      return keep(insight.project, insight.incident_id, { row: before.row, summary: insight })
    },
  }
}

function rowOf(incident: Incident): IncidentNews['row'] {
  const { id, project, silenced } = incident
  return { ...columnsOf(incident), id, project, silenced: silenced !== undefined }
}
