import type { ClickHouse } from '#/clickhouse/client.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { InsightDetail } from '#/schemas/insight.ts'
import type { IncidentQuery, IncidentSort, MomentOf, RangeQuery } from '#/schemas/reads.ts'
import type {
  IncidentDetail,
  IncidentRow,
  IncidentStats,
  InsightView,
  Page,
  SeriesPoint,
} from '#/schemas/view.ts'
import { deploysAround } from './deploys.ts'
import { memberErrors, withCounts } from './incident-counts.ts'
import { incidentRow, ROW_COLUMNS, type Row } from './incident-row.ts'
import { incidentsAt, issueMinutesAt, OF_MEMBERS, stepsAt } from './moment.ts'
import { familiarity, similarIncidents } from './similar.ts'

/** How much later a summary by rules must be to replace one by a model. */
const MODEL_KEPT_MS = 300_000

const SORT_KEYS: Readonly<Record<IncidentSort, string>> = {
  updated_at: 'toUnixTimestamp64Milli(updated_at)',
  opened_at: 'toUnixTimestamp64Milli(opened_at)',
  // The level, then the score: a level that is held stays above lower ones. Worst first means descending, so that one
  // order fits all.
  severity: 'toInt64((5 - severity) * 1000 + severity_score)',
  events: 'events',
}

function sortValue(row: IncidentRow, sort: IncidentSort): number {
  if (sort === 'severity') return (5 - row.severity) * 1000 + row.severity_score
  return sort === 'events' ? row.events : row[sort]
}

function conditions(query: IncidentQuery): { where: string; params: Record<string, unknown> } {
  const parts = ['project = {project:String}', "redirect_to = ''"]
  const params: Record<string, unknown> = { project: query.project }
  const add = (part: string, name: string, value: unknown): void => {
    parts.push(part)
    params[name] = value
  }
  if (query.status.length > 0) add('status IN {status:Array(String)}', 'status', query.status)
  if (query.severity.length > 0)
    add('severity IN {severity:Array(UInt8)}', 'severity', query.severity)
  if (query.services.length > 0)
    add('hasAny(services, {services:Array(String)})', 'services', query.services)
  if (query.text !== '') {
    add(
      "(positionCaseInsensitiveUTF8(title, {text:String}) > 0 OR toString(number) = trimLeft({text:String}, '#'))",
      'text',
      query.text,
    )
  }
  if (query.from !== null)
    add('updated_at >= fromUnixTimestamp64Milli({from:Int64})', 'from', query.from)
  if (query.to !== null) add('opened_at < fromUnixTimestamp64Milli({to:Int64})', 'to', query.to)
  return { where: parts.join(' AND '), params }
}

export async function incidentPage(
  clickhouse: ClickHouse,
  query: IncidentQuery,
): Promise<Page<IncidentRow>> {
  const { where, params } = conditions(query)
  const key = SORT_KEYS[query.sort]
  const direction = query.order === 'asc' ? 'ASC' : 'DESC'
  let behind = ''
  if (query.cursor !== null) {
    const [value, id] = decodeCursor(query.cursor, 2)
    behind = ` AND (${key}, incident_id) ${query.order === 'asc' ? '>' : '<'} ({cursorValue:Int64}, {cursorId:String})`
    Object.assign(params, { cursorValue: Number(value), cursorId: String(id) })
  }
  const table = incidentsAt(query.moment)
  Object.assign(params, table.params)
  const rows = await clickhouse.query<Row>(
    `SELECT ${ROW_COLUMNS} FROM ${table.where} WHERE ${where}${behind} ORDER BY ${key} ${direction}, incident_id ${direction} LIMIT {limit:UInt32} SETTINGS prefer_column_name_to_alias = 1`,
    { params: { ...params, limit: query.limit + 1 } },
  )
  const { items, next } = cutPage(rows.map(incidentRow), query.limit, (last) => [
    sortValue(last, query.sort),
    last.id,
  ])
  return { items: await withCounts(clickhouse, query, items), next }
}

export async function incidentStats(
  clickhouse: ClickHouse,
  query: RangeQuery,
): Promise<IncidentStats> {
  const params = { project: query.project, from: query.from, to: query.to }
  const current = "project = {project:String} AND redirect_to = ''"
  const [counts, averages] = await Promise.all([
    clickhouse.query<{ status: string; severity: number; n: string; recent: string }>(
      `SELECT status, severity, count() AS n, countIf(resolved_at >= fromUnixTimestamp64Milli({to:Int64}) - INTERVAL 1 DAY) AS recent FROM incidents FINAL WHERE ${current} GROUP BY status, severity`,
      { params },
    ),
    clickhouse.query<{
      detected: number | null
      acknowledged: number | null
      resolved: number | null
    }>(
      `WITH arrayFirst(step -> step.2 != '', JSONExtract(detail, 'timeline', 'Array(Tuple(at Int64, actor String))')) AS first_human,
        JSONExtract(detail, 'members', 'Array(Tuple(firstAt Int64))').1 AS starts,
        toUnixTimestamp64Milli(opened_at) AS opened
       SELECT avgOrNullIf(opened - arrayMin(starts), notEmpty(starts)) AS detected,
        avgOrNullIf(greatest(first_human.1 - opened, 0), first_human.2 != '') AS acknowledged,
        avgOrNullIf(toUnixTimestamp64Milli(resolved_at) - opened, notEmpty(starts)) AS resolved
       FROM incidents FINAL WHERE ${current} AND opened_at >= fromUnixTimestamp64Milli({from:Int64}) AND opened_at < fromUnixTimestamp64Milli({to:Int64})`,
      { params },
    ),
  ])
  const of = (status: string): number =>
    counts.filter((row) => row.status === status).reduce((sum, row) => sum + Number(row.n), 0)
  const active = counts.filter((row) => row.status !== 'resolved')
  const bySeverity: Record<string, number> = {}
  for (const row of active)
    bySeverity[`SEV${row.severity}`] = (bySeverity[`SEV${row.severity}`] ?? 0) + Number(row.n)
  return {
    open: of('open'),
    investigating: of('investigating'),
    resolved_24h: counts.reduce((sum, row) => sum + Number(row.recent), 0),
    by_severity: bySeverity,
    mttd_ms: averages[0]?.detected ?? null,
    mtta_ms: averages[0]?.acknowledged ?? null,
    mttr_ms: averages[0]?.resolved ?? null,
  }
}

/** The incident with its timeline folded from every recorded step. */
export async function incidentDetail(
  clickhouse: ClickHouse,
  query: { project: string; id: string; moment?: MomentOf | undefined },
): Promise<IncidentDetail | null> {
  const { moment } = query
  const byNumber = /^\d{1,9}$/.test(query.id)
  const table = incidentsAt(moment, { isWhole: true })
  const number = byNumber ? Number(query.id) : 0
  const [row] = await clickhouse.query<{ detail: string }>(
    `SELECT detail FROM ${table.where} WHERE project = {project:String} AND ${byNumber ? 'number = {number:Int32}' : 'incident_id = {id:String}'} LIMIT 1`,
    { params: { project: query.project, id: query.id, number, ...table.params } },
  )
  if (row === undefined) return null
  const counted = moment === undefined ? { where: '1', params: {} } : stepsAt(moment)
  const stored = JSON.parse(row.detail) as Incident
  const [steps, summary, chart, deploys, errors, similar, known] = await Promise.all([
    clickhouse.query<{ seq: number; at: string; kind: string; sentence: string }>(
      `SELECT seq, toUnixTimestamp64Milli(at) AS at, kind, sentence FROM incident_events WHERE project = {project:String} AND incident_id = {id:String} AND ${counted.where} ORDER BY seq`,
      { params: { project: query.project, id: stored.id, ...counted.params } },
    ),
    latestSummary(clickhouse, { project: query.project, id: stored.id, moment }),
    incidentChart(clickhouse, stored, moment),
    deploysAround(clickhouse, {
      project: query.project,
      services: stored.services,
      from: stored.openedAt - 3_600_000,
      to: endOf(stored),
    }),
    memberErrors(clickhouse, stored, moment),
    similarIncidents(clickhouse, stored),
    familiarity(clickhouse, stored),
  ])
  const timeline = steps.map((step) => ({ ...step, at: Number(step.at) }))
  const untilMs = moment?.atMs ?? Infinity
  return {
    incident: { ...stored, timeline },
    summary,
    chart,
    deploys: deploys.filter(({ at }) => at <= untilMs),
    errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
    member_errors: errors,
    similar: similar.filter(({ opened_at }) => opened_at <= untilMs),
    familiarity: known,
  }
}

function endOf(incident: Incident): number {
  return Math.max(incident.resolvedAt ?? 0, incident.lastActivityAt, incident.openedAt) + 600_000
}

async function latestSummary(
  clickhouse: ClickHouse,
  query: { project: string; id: string; moment: MomentOf | undefined },
): Promise<InsightView | null> {
  const { project, id, moment } = query
  const before = moment === undefined ? '' : ' AND at <= fromUnixTimestamp64Milli({momentAt:Int64})'
  // A model's words stay until the rules know something that is clearly later.
  const [row] = await clickhouse.query<
    Omit<InsightView, 'at' | 'behind'> & { at_ms: string; detail: string }
  >(
    `SELECT title, impact, likely_causes, evidence, next_steps, confidence, model, fallback, toUnixTimestamp64Milli(at) AS at_ms,
       incident_seq, prompt_version, tokens, detail
     FROM insights WHERE project = {project:String} AND incident_id = {id:String}${before}
     ORDER BY at_ms + if(fallback, 0, ${MODEL_KEPT_MS}) DESC, incident_seq DESC, fallback, tokens DESC LIMIT 1`,
    { params: { project, id, momentAt: moment?.atMs ?? 0 } },
  )
  if (row === undefined) return null
  const { at_ms, detail, ...rest } = row
  const behind = JSON.parse(detail === '' ? '{}' : detail) as InsightDetail | Record<string, never>
  return {
    ...rest,
    at: Number(at_ms),
    behind: 'facts' in behind ? (behind as InsightDetail) : null,
  }
}

async function incidentChart(
  clickhouse: ClickHouse,
  incident: Incident,
  moment: MomentOf | undefined,
): Promise<SeriesPoint[]> {
  const fingerprints = incident.members
    .map((member) => member.fingerprint)
    .filter((fingerprint) => fingerprint !== '')
  const minutes = issueMinutesAt(moment, OF_MEMBERS)
  const rows = await clickhouse.query<{ at: string; series: string; value: string }>(
    `SELECT toInt64(toUnixTimestamp(bucket)) * 1000 AS at, service AS series, sum(events) AS value FROM ${minutes.table}
     WHERE project = {project:String} AND fingerprint IN {fingerprints:Array(String)} AND bucket >= toDateTime(intDiv({from:Int64}, 1000)) AND bucket <= toDateTime(intDiv({to:Int64}, 1000))
     GROUP BY at, series ORDER BY at, series LIMIT 5000`,
    {
      params: {
        project: incident.project,
        fingerprints,
        from: incident.openedAt - 1_800_000,
        to: endOf(incident),
        ...minutes.params,
      },
    },
  )
  return rows.map(({ at, series, value }) => ({ at: Number(at), series, value: Number(value) }))
}
