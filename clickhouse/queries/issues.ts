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
const AGGREGATES = {
  title: NAMED('title'),
  culprit: NAMED('culprit'),
  method: 'max(fingerprint_method) AS method',
  template: NAMED('template'),
  services: 'arraySort(groupUniqArrayArray(services)) AS services',
  first_ms: 'toUnixTimestamp64Milli(min(first_seen)) AS first_ms',
  last_ms: 'toUnixTimestamp64Milli(max(last_seen)) AS last_ms',
  events: 'sum(events) AS events',
  users: 'uniqCombinedMerge(12)(users) AS users',
  severity: 'max(severity) AS severity',
} as const
type Aggregate = keyof typeof AGGREGATES
const COLUMNS = `fingerprint, ${Object.values(AGGREGATES).join(', ')}`
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
  const key = SORT_KEYS[query.sort]
  const asked = new Set<Aggregate>(['first_ms', 'last_ms', key])
  let having = 'last_ms >= {from:Int64} AND first_ms < {to:Int64}'
  if (query.services.length > 0) {
    having += ' AND hasAny(services, {services:Array(String)})'
    params['services'] = query.services
    asked.add('services')
  }
  if (query.text !== '') {
    having +=
      ' AND (positionCaseInsensitiveUTF8(title, {text:String}) > 0 OR positionCaseInsensitiveUTF8(template, {text:String}) > 0 OR startsWith(fingerprint, {text:String}))'
    params['text'] = query.text
    asked.add('title').add('template')
  }
  if (query.cursor !== null) {
    const [value, fingerprint] = decodeCursor(query.cursor, 2)
    having += ` AND (toInt64(${key}), fingerprint) ${query.order === 'asc' ? '>' : '<'} ({cursorValue:Int64}, {cursorId:String})`
    Object.assign(params, { cursorValue: Number(value), cursorId: String(fingerprint) })
  }
  const direction = query.order === 'asc' ? 'ASC' : 'DESC'
  const isMerged = await hasAliases(clickhouse, query.project)
  const rowsOf = isMerged ? MERGED : UNMERGED
  const order = `ORDER BY ${key} ${direction}, fingerprint ${direction}`
  // Which ones are on the page is told by few columns; sketches and texts are merged for these alone.
  const some = [...asked].map((name) => AGGREGATES[name]).join(', ')
  const chosen = `SELECT fingerprint FROM (SELECT fingerprint, ${some} FROM (${rowsOf}) GROUP BY fingerprint ${PLAIN_NAMES}) WHERE ${having} ${order} LIMIT {limit:UInt32}`
  const rows = await clickhouse.query<Row>(
    `SELECT * FROM (SELECT ${COLUMNS} FROM (${rowsOf}) WHERE fingerprint IN (${chosen}) GROUP BY fingerprint ${PLAIN_NAMES}) ${order}`,
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
  // Where nothing was merged, rows lie under the id itself, which the primary key knows.
  const [name, place] = query.isMerged
    ? [OWN_OF_ROLLUP, `${OWN_OF_ROLLUP} IN {members:Array(String)}`]
    : ['fingerprint', 'fingerprint IN {members:Array(String)}']
  const rows = await clickhouse.query<{ own_id: string; slot: number; events: string }>(
    `SELECT ${name} AS own_id, toInt64(floor((toInt64(toUnixTimestamp(bucket)) * 1000 - {from:Int64}) / {slotMs:Float64})) AS slot, sum(events) AS events FROM issues_1m
     WHERE project = {project:String} AND ${place} AND bucket >= toDateTime(intDiv({from:Int64}, 1000)) AND bucket < toDateTime(intDiv({to:Int64}, 1000))
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

/** A set of one column leaves the others empty, so that all of them together are its value. */
const BY_DIMENSION = (where: string): string => {
  const all = 2 ** DIMENSIONS.length - 1
  const sets = DIMENSIONS.map((_, index) => all - 2 ** (DIMENSIONS.length - 1 - index))
  const names = DIMENSIONS.map((name) => `'${name}'`)
  return `SELECT transform(grouping(${DIMENSIONS.join(', ')}), [${sets.join(', ')}], [${names.join(', ')}], '') AS name,
      concat(${DIMENSIONS.map((name) => `toString(${name})`).join(', ')}) AS value, count() AS events
    FROM events WHERE ${where} GROUP BY GROUPING SETS (${DIMENSIONS.map((name) => `(${name})`).join(', ')})`
}

const SAMPLES = 5
const SAMPLES_NEAR_MS = 600_000

/** The newest events. They mostly lie within minutes of the last one; further back is looked where these are too few. */
async function samplesOf(
  clickhouse: ClickHouse,
  asked: { where: string; params: Record<string, unknown>; from: number; to: number },
): Promise<Parameters<typeof eventView>[0][]> {
  const near = Math.max(asked.from, asked.to - SAMPLES_NEAR_MS)
  for (const from of near > asked.from ? [near, asked.from] : [asked.from]) {
    const rows = await clickhouse.query<Parameters<typeof eventView>[0]>(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE ${asked.where} ORDER BY occurred_at DESC LIMIT ${SAMPLES}`,
      { params: { ...asked.params, from, to: asked.to } },
    )
    if (rows.length === SAMPLES || from === asked.from) return rows
  }
  return []
}

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
  const top = (sql: string): Promise<TopValues[]> =>
    clickhouse.query(`SELECT * FROM (${sql}) ORDER BY events DESC, value LIMIT 8 BY name`, {
      params,
    })
  const [variables, dimensions, samples, chart, incidents] = await Promise.all([
    top(
      `SELECT p.1 AS name, p.2 AS value, count() AS events FROM (SELECT arrayJoin(CAST(params, 'Array(Tuple(String, String))')) AS p FROM events WHERE ${where}) GROUP BY name, value`,
    ),
    top(`${BY_DIMENSION(where)} HAVING value != ''`),
    samplesOf(clickhouse, {
      where,
      params,
      from: query.from,
      to: Math.min(query.to, Number(row.last_ms) + 1),
    }),
    issueChart(clickhouse, query, { ids: members, stored }),
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
  members: { ids: readonly string[]; stored: readonly string[] },
): Promise<SeriesPoint[]> {
  const step = Math.max(60, Math.ceil(query.stepMs / 60_000) * 60)
  const rows = await clickhouse.query<{ at: string; series: string; value: string }>(
    `SELECT intDiv(toInt64(toUnixTimestamp(bucket)), {step:Int64}) * {step:Int64} * 1000 AS at, service AS series, sum(events) AS value FROM issues_1m
     WHERE project = {project:String} AND fingerprint IN {stored:Array(String)} AND ${OWN_OF_ROLLUP} IN {ids:Array(String)} AND bucket >= toDateTime(intDiv({from:Int64}, 1000)) AND bucket < toDateTime(intDiv({to:Int64}, 1000))
     GROUP BY at, series ORDER BY at, series`,
    { params: { ...rangeParams(query), ...members, step } },
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
