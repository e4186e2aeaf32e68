import type { ClickHouse } from '#/clickhouse/client.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Familiarity, SimilarIncident } from '#/schemas/view.ts'

const SIMILAR_MAX = 5
const SIMILARITY_MIN = 0.2
const PAST_DAYS = 30
const FREQUENT_ABOVE = 0.2
const RARE_BELOW = 0.05

interface Row extends Omit<SimilarIncident, 'opened_at' | 'resolved_at'> {
  opened_ms: string
  resolved_ms: string | null
}

const share = (column: string, name: string): string =>
  `length(arrayIntersect(${column}, {${name}:Array(String)})) / greatest(length(arrayDistinct(arrayConcat(${column}, {${name}:Array(String)}))), 1)`

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

/** Earlier incidents with the same issues or services, the most alike first. */
export async function similarIncidents(
  clickhouse: ClickHouse,
  incident: Incident,
): Promise<readonly SimilarIncident[]> {
  const rows = await clickhouse.query<Row>(
    `SELECT i.incident_id AS id, number, title, status, severity, toUnixTimestamp64Milli(opened_at) AS opened_ms,
       toUnixTimestamp64Milli(resolved_at) AS resolved_ms, arrayMap(s -> toString(s), i.services) AS services,
       round(0.75 * (${share('fingerprints', 'fingerprints')}) + 0.25 * (${share('arrayMap(s -> toString(s), i.services)', 'services')}), 2) AS similarity,
       arrayIntersect(fingerprints, {fingerprints:Array(String)}) AS common_fingerprints, steps.sentence AS ended
     FROM (SELECT * FROM incidents FINAL WHERE ${EARLIER}
       AND (hasAny(fingerprints, {fingerprints:Array(String)}) OR hasAny(arrayMap(s -> toString(s), services), {services:Array(String)}))
       ORDER BY opened_at DESC LIMIT 1000) AS i
     LEFT JOIN (SELECT incident_id, argMax(sentence, seq) AS sentence FROM incident_events
       WHERE project = {project:String} AND kind = 'resolved' GROUP BY incident_id) AS steps ON steps.incident_id = i.incident_id
     WHERE similarity >= ${SIMILARITY_MIN} ORDER BY similarity DESC, opened_ms DESC LIMIT ${SIMILAR_MAX}`,
    { params: paramsOf(incident) },
  )
  return rows.map(({ opened_ms, resolved_ms, ...row }) => ({
    ...row,
    opened_at: Number(opened_ms),
    resolved_at: resolved_ms === null ? null : Number(resolved_ms),
  }))
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
