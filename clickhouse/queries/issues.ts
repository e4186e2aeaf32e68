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
import { withCounts } from './incident-counts.ts'
import { incidentRow, ROW_COLUMNS, type Row as IncidentRowOf } from './incident-row.ts'

interface Row {
  id: string
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
// What an issue is called is what the events it is named after are called.
const NAMED = (column: string): string =>
  `coalesce(nullIf(maxIf(${column}, is_name), ''), max(${column}))`
const AGGREGATES = {
  title: NAMED('title'),
  culprit: NAMED('culprit'),
  method: 'max(fingerprint_method)',
  template: NAMED('template'),
  services: 'arraySort(groupUniqArrayArray(services))',
  first_ms: 'toUnixTimestamp64Milli(min(first_seen))',
  last_ms: 'toUnixTimestamp64Milli(max(last_seen))',
  events: 'sum(events)',
  users: 'uniqCombinedMerge(12)(users)',
  severity: 'max(severity)',
} as const

/** Rows of issues, by what each belongs to. Few layers, since a statement takes longer to plan than these rows to read. */
interface Source {
  id: string
  from: string
  of: Readonly<Record<keyof typeof AGGREGATES, string>>
}

const PLAIN: Source = {
  id: OWN_OF_ROLLUP,
  from: 'issues WHERE project = {project:String}',
  of: {
    ...AGGREGATES,
    title: 'max(title)',
    culprit: 'max(culprit)',
    template: 'max(template)',
  },
}
const JOINED: Source = { id: 'fingerprint', from: `(${MERGED}) WHERE 1`, of: AGGREGATES }

const rowsOf = ({ id, from, of }: Source, condition: string): string => {
  const columns = Object.entries(of).map(([name, sql]) => `${sql} AS ${name}`)
  return `SELECT ${id} AS id, ${columns.join(', ')} FROM ${from} AND ${id} ${condition} GROUP BY id`
}

function issueRow(row: Row): IssueRow {
  const { id, first_ms, last_ms, events, users, ...rest } = row
  return {
    ...rest,
    fingerprint: id,
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

function pageRows(clickhouse: ClickHouse, query: IssueQuery, source: Source): Promise<Row[]> {
  const { id, from, of } = source
  const params: Record<string, unknown> = { ...rangeParams(query), limit: query.limit + 1 }
  let having = `${of.last_ms} >= {from:Int64} AND ${of.first_ms} < {to:Int64}`
  if (query.services.length > 0) {
    having += ` AND hasAny(${of.services}, {services:Array(String)})`
    params['services'] = query.services
  }
  if (query.text !== '') {
    having += ` AND (positionCaseInsensitiveUTF8(${of.title}, {text:String}) > 0 OR positionCaseInsensitiveUTF8(${of.template}, {text:String}) > 0 OR startsWith(${id}, {text:String}))`
    params['text'] = query.text
  }
  const key = SORT_KEYS[query.sort]
  if (query.cursor !== null) {
    const [value, fingerprint] = decodeCursor(query.cursor, 2)
    having += ` AND (toInt64(${of[key]}), ${id}) ${query.order === 'asc' ? '>' : '<'} ({cursorValue:Int64}, {cursorId:String})`
    Object.assign(params, { cursorValue: Number(value), cursorId: String(fingerprint) })
  }
  const direction = query.order === 'asc' ? 'ASC' : 'DESC'
  // Which ones are on the page is told by few columns; sketches and texts are merged for these alone.
  const chosen = `SELECT ${id} FROM ${from} GROUP BY ${id} HAVING ${having} ORDER BY ${of[key]} ${direction}, ${id} ${direction} LIMIT {limit:UInt32}`
  return clickhouse.query<Row>(
    `${rowsOf(source, `IN (${chosen})`)} ORDER BY ${key} ${direction}, id ${direction}`,
    { params },
  )
}

/** Issues seen in the range, with their totals over all time. */
export async function issuePage(
  clickhouse: ClickHouse,
  query: IssueQuery,
): Promise<Page<IssueRow>> {
  // Mostly nothing was merged, so that rows are asked for before that is known.
  const [isMerged, plain] = await Promise.all([
    hasAliases(clickhouse, query.project),
    pageRows(clickhouse, query, PLAIN),
  ])
  const rows = isMerged ? await pageRows(clickhouse, query, JOINED) : plain
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

/** A set of one column leaves the others empty, so that all of them together are its value. */
const OF_DIMENSIONS = (where: string): string => {
  const all = 2 ** DIMENSIONS.length - 1
  const sets = DIMENSIONS.map((_, index) => all - 2 ** (DIMENSIONS.length - 1 - index))
  const names = DIMENSIONS.map((name) => `'${name}'`)
  return `SELECT transform(grouping(${DIMENSIONS.join(', ')}), [${sets.join(', ')}], [${names.join(', ')}], '') AS name,
      concat(${DIMENSIONS.map((name) => `toString(${name})`).join(', ')}) AS value, count() AS events
    FROM events WHERE ${where} GROUP BY GROUPING SETS (${DIMENSIONS.map((name) => `(${name})`).join(', ')}) HAVING value != ''`
}

const OF_VARIABLES = (where: string): string =>
  `SELECT arrayJoin(CAST(params, 'Array(Tuple(String, String))')) AS pair, pair.1 AS name, pair.2 AS value, count() AS events
    FROM events WHERE ${where} GROUP BY pair`

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

async function oneRow(
  clickhouse: ClickHouse,
  params: { project: string; fingerprint: string },
  source: Source,
): Promise<Row | undefined> {
  const rows = await clickhouse.query<Row>(rowsOf(source, '= {fingerprint:String}'), { params })
  return rows[0]
}

export async function issueDetail(
  clickhouse: ClickHouse,
  query: StepQuery & { fingerprint: string },
): Promise<IssueDetail | null> {
  const { project, fingerprint } = query
  const around = (ids: readonly string[], stored: readonly string[]) =>
    Promise.all([
      issueChart(clickhouse, query, { ids, stored }),
      incidentsOf(clickhouse, project, stored),
    ])
  // Mostly nothing was merged into it: what needs no more than its id is asked for before that is known.
  const [{ canonical, members, stored }, alone, aroundAlone] = await Promise.all([
    membershipOf(clickhouse, project, fingerprint),
    oneRow(clickhouse, { project, fingerprint }, PLAIN),
    around([fingerprint], [fingerprint]),
  ])
  const isAlone = stored.length === 1 && canonical === fingerprint
  const row = isAlone
    ? alone
    : await oneRow(clickhouse, { project, fingerprint: canonical }, JOINED)
  if (row === undefined) return null
  const params = { ...rangeParams(query), ids: members, stored, services: row.services }
  // Events lie by type and service before they lie by fingerprint.
  const isAll = row.services.length < SERVICES_KEPT
  const place = `event_type = 'error'${isAll ? ' AND service IN {services:Array(String)}' : ''}`
  const where = `${OCCURRED_IN_RANGE} AND ${place} AND fingerprint IN {stored:Array(String)} AND ${OWN} IN {ids:Array(String)}`
  const top = (counted: string): Promise<TopValues[]> =>
    clickhouse.query(
      `SELECT name, value, events FROM (${counted}) ORDER BY events DESC, value LIMIT 8 BY name`,
      { params },
    )
  const [variables, dimensions, samples, [chart, incidents]] = await Promise.all([
    top(OF_VARIABLES(where)),
    top(OF_DIMENSIONS(where)),
    samplesOf(clickhouse, {
      where,
      params,
      from: query.from,
      to: Math.min(query.to, Number(row.last_ms) + 1),
    }),
    isAlone ? aroundAlone : around(members, stored),
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
  return withCounts(clickhouse, { project }, rows.map(incidentRow))
}
