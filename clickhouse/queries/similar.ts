import type { ClickHouse } from '#/clickhouse/client.ts'
import type { Incident } from '#/schemas/incident.ts'
import { cardLine } from '#/schemas/knowledge.ts'
import type { Familiarity, SimilarIncident } from '#/schemas/view.ts'
import { incidentTokens, rankByBm25, type IncidentFacts } from './bm25.ts'
import { judgedWeight, knowledgeOf } from './knowledge.ts'

const SIMILAR_MAX = 5
/** Incidents compared: those with the same issues first, then the latest. */
const CANDIDATES_MAX = 500
const SIMILARITY_MIN = 0.15
/** An incident somebody wrote the solution of is worth more than one that ended by itself. */
const SOLVED_WEIGHT = 1.25
const CONSIDERED_MAX = 20
const PAST_DAYS = 30
const FREQUENT_ABOVE = 0.2
const RARE_BELOW = 0.05

interface Row {
  id: string
  number: number
  title: string
  status: SimilarIncident['status']
  severity: number
  opened_ms: string
  resolved_ms: string | null
  services: string[]
  fingerprints: string[]
  root: string
  titles: string[]
  kinds: string[]
  causes: string[]
  ended: string
}

function paramsOf(incident: Incident): Record<string, unknown> {
  return {
    project: incident.project,
    id: incident.id,
    fingerprints: incident.members.map((one) => one.fingerprint).filter((one) => one !== ''),
    services: incident.services,
    openedAt: incident.openedAt,
  }
}

const EARLIER = `project = {project:String} AND incident_id != {id:String} AND redirect_to = ''
  AND opened_at <= fromUnixTimestamp64Milli({openedAt:Int64})`

/** What two incidents are compared by. */
export function factsOf(incident: Incident): IncidentFacts {
  return {
    services: incident.services,
    fingerprints: incident.members.map(({ fingerprint }) => fingerprint),
    titles: incident.members.map(({ title }) => title),
    kinds: [...new Set(incident.members.map(({ kind }) => kind))],
    root: incident.root,
    causes: [...new Set(incident.causes.map(({ kind }) => kind))],
  }
}

/**
 * Earlier incidents by what they have in common with this one: BM25 over issues, services, words of messages, kinds
 * of alerts and causes. Those with a confirmed solution go first among equals; what worked and what failed is shown.
 */
export async function similarIncidents(
  clickhouse: ClickHouse,
  incident: Incident,
): Promise<readonly SimilarIncident[]> {
  const rows = await candidates(clickhouse, incident)
  const documents = rows.map((item) => ({ item, tokens: incidentTokens(item) }))
  const near = rankByBm25(incidentTokens(factsOf(incident)), documents)
    .filter(({ similarity }) => similarity >= SIMILARITY_MIN)
    .slice(0, CONSIDERED_MAX)
  const ids = near.map(({ item }) => item.id)
  const known = await knowledgeOf(clickhouse, { project: incident.project, incidents: ids })
  const own = new Set(incident.members.map(({ fingerprint }) => fingerprint))
  return near
    .map(({ item, similarity }) => {
      const found = known.get(item.id)
      const solved = (found?.worked.length ?? 0) > 0 ? SOLVED_WEIGHT : 1
      return {
        item,
        similarity,
        found,
        weight: similarity * solved * (found === undefined ? 1 : judgedWeight(found)),
      }
    })
    .toSorted((a, b) => b.weight - a.weight || Number(b.item.opened_ms) - Number(a.item.opened_ms))
    .slice(0, SIMILAR_MAX)
    .map(({ item, similarity, found }) => ({
      id: item.id,
      number: item.number,
      title: item.title,
      status: item.status,
      severity: item.severity,
      opened_at: Number(item.opened_ms),
      resolved_at: item.resolved_ms === null ? null : Number(item.resolved_ms),
      services: item.services,
      similarity: Math.round(100 * similarity) / 100,
      common_fingerprints: item.fingerprints.filter((one) => own.has(one)),
      ended: item.ended,
      worked: (found?.worked ?? []).map(cardLine),
      failed: (found?.failed ?? []).map(cardLine),
    }))
}

function candidates(clickhouse: ClickHouse, incident: Incident): Promise<Row[]> {
  const members = "JSONExtract(detail, 'members', 'Array(Tuple(title String, kind String))')"
  return clickhouse.query<Row>(
    `SELECT i.incident_id AS id, number, title, status, severity, toUnixTimestamp64Milli(opened_at) AS opened_ms,
       toUnixTimestamp64Milli(resolved_at) AS resolved_ms, arrayMap(s -> toString(s), i.services) AS services, fingerprints, root,
       arraySlice(tupleElement(${members}, 'title'), 1, 50) AS titles, arrayDistinct(tupleElement(${members}, 'kind')) AS kinds,
       arrayDistinct(tupleElement(JSONExtract(detail, 'causes', 'Array(Tuple(kind String))'), 'kind')) AS causes, steps.sentence AS ended
     FROM (SELECT * FROM incidents FINAL WHERE ${EARLIER}
       ORDER BY hasAny(fingerprints, {fingerprints:Array(String)}) DESC, opened_at DESC LIMIT ${CANDIDATES_MAX}) AS i
     LEFT JOIN (SELECT incident_id, argMax(sentence, seq) AS sentence FROM incident_events
       WHERE project = {project:String} AND kind = 'resolved' GROUP BY incident_id) AS steps ON steps.incident_id = i.incident_id`,
    { params: paramsOf(incident) },
  )
}

export function familiarityOf(counts: { alike: number; incidents: number }): Familiarity {
  const { alike, incidents } = counts
  const part = incidents === 0 ? 0 : alike / incidents
  if (alike === 0) return { label: 'new', ...counts }
  if (part > FREQUENT_ABOVE) return { label: 'frequent', ...counts }
  return { label: part < RARE_BELOW ? 'rare' : 'occasional', ...counts }
}

/** Of the incidents of the 30 days before, how many share an issue with this one. */
export async function familiarity(
  clickhouse: ClickHouse,
  incident: Incident,
): Promise<Familiarity> {
  const [row] = await clickhouse.query<{ alike: string; incidents: string }>(
    `SELECT countIf(hasAny(fingerprints, {fingerprints:Array(String)})) AS alike, count() AS incidents FROM incidents FINAL
     WHERE ${EARLIER} AND opened_at > fromUnixTimestamp64Milli({openedAt:Int64}) - INTERVAL ${PAST_DAYS} DAY`,
    { params: paramsOf(incident) },
  )
  return familiarityOf({
    alike: Number(row?.alike ?? 0),
    incidents: Number(row?.incidents ?? 0),
  })
}
