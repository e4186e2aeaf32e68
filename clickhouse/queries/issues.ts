import type { ClickHouse } from '#/clickhouse/client.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { IssueQuery, RangeQuery, StepQuery } from '#/schemas/reads.ts'
import type { IncidentRow, IssueDetail, IssueRow, Page, SeriesPoint } from '#/schemas/view.ts'
import { OCCURRED_IN_RANGE, rangeParams } from './conditions.ts'
import { EVENT_COLUMNS, eventView } from './events.ts'
import {
  hasAliases,
  membershipOf,
  OWN,
  OWN_OF_ROLLUP,
  STANDING,
  standingOf,
} from './issue-aliases.ts'
import { incidentRow, ROW_COLUMNS, type Row as IncidentRowOf } from './incident-row.ts'

interface Row {
  fingerprint: string
  title: string
  culprit: string
  method: string
  template: string
  services: string[]
  first_ms: string
  last_ms: string
  events: string
  users: string
  severity: number
}

// An alias counts for the issue that stands, so that a merge or a split needs no rewriting of rows.
const OWN_ROWS = `SELECT ${OWN_OF_ROLLUP} AS own_id, * EXCEPT (fingerprint, own) FROM issues WHERE project = {project:String}`
const MERGED = `SELECT if(a.canonical = '', o.own_id, a.canonical) AS fingerprint, o.own_id = fingerprint AS is_name, o.* EXCEPT (own_id)
  FROM (${OWN_ROWS}) AS o LEFT ANY JOIN ${STANDING} AS a ON a.alias = o.own_id`
const UNMERGED = `SELECT own_id AS fingerprint, 1 AS is_name, * EXCEPT (own_id) FROM (${OWN_ROWS})`
// What an issue is called is what the events it is named after are called.
const NAMED = (column: string): string =>
  `coalesce(nullIf(maxIf(${column}, is_name), ''), max(${column})) AS ${column}`
const COLUMNS = `fingerprint, ${NAMED('title')}, ${NAMED('culprit')}, max(fingerprint_method) AS method, ${NAMED('template')},
  arraySort(groupUniqArrayArray(services)) AS services, toUnixTimestamp64Milli(min(first_seen)) AS first_ms,
  toUnixTimestamp64Milli(max(last_seen)) AS last_ms, sum(events) AS events, uniqCombinedMerge(12)(users) AS users, max(severity) AS severity`
const PLAIN_NAMES = 'SETTINGS prefer_column_name_to_alias = 1'

function issueRow(row: Row): IssueRow {
  const { first_ms, last_ms, events, users, ...rest } = row
  return {
    ...rest,
    events: Number(events),
    users: Number(users),
    first_seen: Number(first_ms),
    last_seen: Number(last_ms),
  }
}

const SORT_KEYS = {
  last_seen: 'last_ms',
  first_seen: 'first_ms',
  events: 'events',
  users: 'users',
} as const

/** Issues seen in the range, with their totals over all time. */
export async function issuePage(
  clickhouse: ClickHouse,
  query: IssueQuery,
): Promise<Page<IssueRow>> {
  const params: Record<string, unknown> = { ...rangeParams(query), limit: query.limit + 1 }
  let having = 'last_ms >= {from:Int64} AND first_ms < {to:Int64}'
  if (query.services.length > 0) {
    having += ' AND hasAny(services, {services:Array(String)})'
    params['services'] = query.services
  }
  if (query.text !== '') {
    having +=
      ' AND (positionCaseInsensitiveUTF8(title, {text:String}) > 0 OR positionCaseInsensitiveUTF8(template, {text:String}) > 0 OR startsWith(fingerprint, {text:String}))'
    params['text'] = query.text
  }
  const key = SORT_KEYS[query.sort]
  if (query.cursor !== null) {
    const [value, fingerprint] = decodeCursor(query.cursor, 2)
    having += ` AND (toInt64(${key}), fingerprint) ${query.order === 'asc' ? '>' : '<'} ({cursorValue:Int64}, {cursorId:String})`
    Object.assign(params, { cursorValue: Number(value), cursorId: String(fingerprint) })
  }
  const direction = query.order === 'asc' ? 'ASC' : 'DESC'
  const isMerged = await hasAliases(clickhouse, query.project)
  const rowsOf = isMerged ? MERGED : UNMERGED
  const rows = await clickhouse.query<Row>(
    `SELECT * FROM (SELECT ${COLUMNS} FROM (${rowsOf}) GROUP BY fingerprint ${PLAIN_NAMES}) WHERE ${having} ORDER BY ${key} ${direction}, fingerprint ${direction} LIMIT {limit:UInt32}`,
    { params },
  )
  const { items, next } = cutPage(rows.map(issueRow), query.limit, (last) => [
    last[query.sort],
    last.fingerprint,
  ])
  return { items: await withSparks(clickhouse, { ...query, isMerged }, items), next }
}

const SPARK_SLOTS = 30

/** Events of each issue over the range, in thirty slots. */
async function withSparks(
  clickhouse: ClickHouse,
  query: RangeQuery & { isMerged: boolean },
  items: readonly IssueRow[],
): Promise<IssueRow[]> {
  if (items.length === 0) return []
  const slotMs = Math.max(60_000, (query.to - query.from) / SPARK_SLOTS)
  const ids = items.map((item) => item.fingerprint)
  const standing = query.isMerged
    ? await standingOf(clickhouse, query.project, ids)
    : new Map(ids.map((id) => [id, id] as const))
  const rows = await clickhouse.query<{ own_id: string; slot: number; events: string }>(
    `SELECT ${OWN_OF_ROLLUP} AS own_id, toInt64(floor((toInt64(toUnixTimestamp(bucket)) * 1000 - {from:Int64}) / {slotMs:Float64})) AS slot, sum(events) AS events FROM issues_1m
     WHERE project = {project:String} AND own_id IN {members:Array(String)} AND bucket >= toDateTime(intDiv({from:Int64}, 1000)) AND bucket < toDateTime(intDiv({to:Int64}, 1000))
     GROUP BY own_id, slot`,
    { params: { ...rangeParams(query), members: [...standing.keys()], slotMs } },
  )
  const sparks = new Map(ids.map((id) => [id, Array.from({ length: SPARK_SLOTS }, () => 0)]))
  for (const { own_id, slot, events } of rows) {
    const spark = sparks.get(standing.get(own_id) ?? '')
    if (spark?.[slot] !== undefined) spark[slot] += Number(events)
  }
  return items.map((item) => ({ ...item, spark: sparks.get(item.fingerprint) ?? [] }))
}

/** How many services the rollup of issues remembers. */
const SERVICES_KEPT = 50
const DIMENSIONS = ['service', 'release', 'host', 'route', 'environment', 'user_id'] as const

type TopValues = { name: string; value: string; events: string }

function byName(rows: readonly TopValues[]): IssueDetail['params'] {
  const names = [...new Set(rows.map((row) => row.name))]
  return names.map((name) => ({
    name,
    values: rows
      .filter((row) => row.name === name)
      .map(({ value, events }) => ({ value, events: Number(events) })),
  }))
}

export async function issueDetail(
  clickhouse: ClickHouse,
  query: StepQuery & { fingerprint: string },
): Promise<IssueDetail | null> {
  const { canonical, members, stored } = await membershipOf(
    clickhouse,
    query.project,
    query.fingerprint,
  )
  const [row] = await clickhouse.query<Row>(
    `SELECT ${COLUMNS} FROM (${members.length > 1 ? MERGED : UNMERGED}) WHERE fingerprint = {fingerprint:String} GROUP BY fingerprint ${PLAIN_NAMES}`,
    { params: { project: query.project, fingerprint: canonical } },
  )
  if (row === undefined) return null
  const params = { ...rangeParams(query), ids: members, stored, services: row.services }
  // Events lie by type and service before they lie by fingerprint.
  const isAll = row.services.length < SERVICES_KEPT
  const place = `event_type = 'error'${isAll ? ' AND service IN {services:Array(String)}' : ''}`
  const where = `${OCCURRED_IN_RANGE} AND ${place} AND fingerprint IN {stored:Array(String)} AND ${OWN} IN {ids:Array(String)}`
  const top = (columns: string, from: string): Promise<TopValues[]> =>
    clickhouse.query(
      `SELECT ${columns}, count() AS events FROM ${from} GROUP BY name, value ORDER BY events DESC, value LIMIT 8 BY name`,
      { params },
    )
  const [variables, dimensions, samples, chart, incidents] = await Promise.all([
    top(
      'p.1 AS name, p.2 AS value',
      `(SELECT arrayJoin(CAST(params, 'Array(Tuple(String, String))')) AS p FROM events WHERE ${where})`,
    ),
    top(
      'd.1 AS name, d.2 AS value',
      `(SELECT arrayJoin([${DIMENSIONS.map((name) => `('${name}', toString(${name}))`).join(', ')}]) AS d FROM events WHERE ${where}) WHERE d.2 != ''`,
    ),
    clickhouse.query<Parameters<typeof eventView>[0]>(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE ${where} ORDER BY occurred_at DESC LIMIT 5`,
      { params },
    ),
    issueChart(clickhouse, query, members),
    incidentsOf(clickhouse, query.project, stored),
  ])
  return {
    ...issueRow(row),
    params: byName(variables),
    dimensions: byName(dimensions),
    samples: samples.map(eventView),
    chart,
    incidents,
    aliases: members.slice(1),
  }
}

async function issueChart(
  clickhouse: ClickHouse,
  query: StepQuery,
  ids: readonly string[],
): Promise<SeriesPoint[]> {
  const step = Math.max(60, Math.ceil(query.stepMs / 60_000) * 60)
  const rows = await clickhouse.query<{ at: string; series: string; value: string }>(
    `SELECT intDiv(toInt64(toUnixTimestamp(bucket)), {step:Int64}) * {step:Int64} * 1000 AS at, service AS series, sum(events) AS value FROM issues_1m
     WHERE project = {project:String} AND ${OWN_OF_ROLLUP} IN {ids:Array(String)} AND bucket >= toDateTime(intDiv({from:Int64}, 1000)) AND bucket < toDateTime(intDiv({to:Int64}, 1000))
     GROUP BY at, series ORDER BY at, series`,
    { params: { ...rangeParams(query), ids, step } },
  )
  return rows.map(({ at, series, value }) => ({ at: Number(at), series, value: Number(value) }))
}

async function incidentsOf(
  clickhouse: ClickHouse,
  project: string,
  ids: readonly string[],
): Promise<IncidentRow[]> {
  const rows = await clickhouse.query<IncidentRowOf>(
    `SELECT ${ROW_COLUMNS} FROM incidents FINAL
     WHERE project = {project:String} AND redirect_to = '' AND hasAny(fingerprints, {ids:Array(String)})
     ORDER BY incidents.opened_at DESC LIMIT 20`,
    { params: { project, ids } },
  )
  return rows.map(incidentRow)
}
