import type { ClickHouse } from '#/clickhouse/client.ts'
import type { EventField, EventSelection, SearchQuery } from '#/schemas/reads.ts'
import type { CountView, EventStats, FacetView, SeriesPoint } from '#/schemas/view.ts'
import { selectionConditions } from './conditions.ts'
import { countedRows, wholeMinutes, type WholeMinutes } from './whole-minutes.ts'

const COUNTS_MAX = 100
const GROUPS_MAX = 100_000

type GroupTuple = [type: string, severity: number, service: string, environment: string, n: string]

interface Group {
  event_type: string
  severity: string
  service: string
  environment: string
  n: string
}

/** Events by one of the four fields, the most frequent first. */
function countsOf(groups: readonly Group[], field: Exclude<keyof Group, 'n'>): CountView[] {
  const counts = new Map<string, number>()
  for (const group of groups)
    if (group[field] !== '' && group[field] !== '0')
      counts.set(group[field], (counts.get(group[field]) ?? 0) + Number(group.n))
  return [...counts]
    .map(([value, events]) => ({ value, events }))
    .toSorted((a, b) => b.events - a.events || (a.value < b.value ? -1 : 1))
    .slice(0, COUNTS_MAX)
}

interface StatsRow {
  total: string
  errors: string
  services: string
  users: string
  found: readonly GroupTuple[]
}

interface Bounds {
  first: string
  last: string
}

const GROUPS = ['event_type', 'severity', 'service', 'environment'] as const
const KEYS = GROUPS.join(', ')
const HOUR_MS = 3_600_000

/** The combinations of the four fields are few: they are counted once, and all else is made of them. */
const STATS = (groups: string, merge: string): string =>
  `SELECT sum(n) AS total, sumIf(n, event_type = 'error') AS errors, uniqExact(service) AS services, ${merge}(users) AS users,
    groupArray(${GROUPS_MAX})((toString(event_type), severity, toString(service), toString(environment), n)) AS found
  FROM (${groups}) SETTINGS prefer_column_name_to_alias = 1`

const OF_EVENTS = (where: string, state: string): string =>
  `SELECT ${KEYS}, count() AS n, ${state}(user_id, user_id != '') AS users FROM events WHERE ${where} GROUP BY ${KEYS}`

const OF_ROLLUP = (table: string, where: string): string =>
  `SELECT ${KEYS}, sum(events) AS n, uniqCombinedMergeState(12)(users) AS users FROM ${table} WHERE ${where} GROUP BY ${KEYS}`

/** Whole hours where there are some, the minutes around them, and the events at the ends. */
function rolledUpGroups({ rollup, ends, from, to }: WholeMinutes): string {
  const [first, last] = [Math.ceil(from / HOUR_MS), Math.floor(to / HOUR_MS)]
  const within = `(bucket >= toDateTime(${first * 3600}) AND bucket < toDateTime(${last * 3600}))`
  const minutes = OF_ROLLUP('events_1m', first < last ? `${rollup} AND NOT ${within}` : rollup)
  const hours = first < last ? [OF_ROLLUP('events_1h', `${rollup} AND ${within}`)] : []
  return [...hours, minutes, OF_EVENTS(ends, 'uniqCombinedStateIf(12)')].join(' UNION ALL ')
}

const BOUNDS = (where: string): string =>
  `SELECT toUnixTimestamp64Milli(min(occurred_at)) AS first, toUnixTimestamp64Milli(max(occurred_at)) AS last FROM events WHERE ${where}`

/** When the first and the last of them occurred. Rollups know the minute; only events of that minute are looked at. */
async function bounds(
  clickhouse: ClickHouse,
  selection: EventSelection,
  whole: WholeMinutes | null,
): Promise<Bounds | undefined> {
  const { where, params } = selectionConditions(selection)
  if (whole === null) return (await clickhouse.query<Bounds>(BOUNDS(where), { params }))[0]
  const [minutes] = await clickhouse.query<Bounds & { n: string }>(
    `SELECT count() AS n, toUnixTimestamp(min(bucket)) * 1000 AS first, toUnixTimestamp(max(bucket)) * 1000 AS last FROM events_1m WHERE ${whole.rollup}`,
    { params: whole.params },
  )
  const isEmpty = Number(minutes?.n ?? 0) === 0
  const begins = isEmpty ? whole.from : Number(minutes?.first) + 60_000
  const ends = isEmpty ? whole.to : Number(minutes?.last)
  const near = `(occurred_at < fromUnixTimestamp64Milli(toInt64(${begins})) OR occurred_at >= fromUnixTimestamp64Milli(toInt64(${ends})))`
  return (await clickhouse.query<Bounds>(BOUNDS(`${where} AND ${near}`), { params }))[0]
}

/** Of long ranges users are estimated (1.6 %), as wherever they come from rollups. */
export async function eventStats(
  clickhouse: ClickHouse,
  selection: EventSelection,
): Promise<EventStats> {
  const whole = wholeMinutes(selection, GROUPS)
  const { where, params } = selectionConditions(selection)
  const sql =
    whole === null
      ? STATS(OF_EVENTS(where, 'uniqStateIf'), 'uniqMerge')
      : STATS(rolledUpGroups(whole), 'uniqCombinedMerge(12)')
  const [[row], times] = await Promise.all([
    clickhouse.query<StatsRow>(sql, { params: whole?.params ?? params }),
    bounds(clickhouse, selection, whole),
  ])
  const total = Number(row?.total ?? 0)
  const groups = (row?.found ?? []).map(
    ([event_type, severity, service, environment, n]): Group => ({
      event_type,
      severity: String(severity),
      service,
      environment,
      n,
    }),
  )
  return {
    total,
    errors: Number(row?.errors ?? 0),
    services: Number(row?.services ?? 0),
    users: Number(row?.users ?? 0),
    by_type: countsOf(groups, 'event_type'),
    by_severity: countsOf(groups, 'severity'),
    by_service: countsOf(groups, 'service'),
    by_environment: countsOf(groups, 'environment'),
    first_at: total === 0 ? null : Number(times?.first),
    last_at: total === 0 ? null : Number(times?.last),
  }
}

const FACET_VALUES = 12
const NUMBERS: ReadonlySet<EventField> = new Set(['severity', 'status_code'])

/** The most frequent values of each field, in one pass over what knows the fields. */
export async function facets(
  clickhouse: ClickHouse,
  query: SearchQuery,
): Promise<readonly FacetView[]> {
  const fields = [...new Set(query.facets)]
  const rolledUp = fields.filter((field) => wholeMinutes(query, [field]) !== null)
  const rest = fields.filter((field) => !rolledUp.includes(field))
  const found = await Promise.all([
    facetsOf(clickhouse, query, rolledUp),
    // Fields that few events have: only those are read.
    ...(rolledUp.length > 0 ? rest.map((field) => [field]) : [rest]).map((some) =>
      facetsOf(clickhouse, query, some),
    ),
  ])
  const counted = new Map(found.flatMap((some) => [...some]))
  return query.facets.map((field) => ({ field, values: counted.get(field) ?? [] }))
}

/** On the column itself, so that rows without a value are left out before anything else is read. */
const hasValue = (field: EventField): string =>
  `WHERE ${field} != ${NUMBERS.has(field) ? '0' : "''"}`

async function facetsOf(
  clickhouse: ClickHouse,
  query: SearchQuery,
  fields: readonly EventField[],
): Promise<ReadonlyMap<EventField, FacetView['values']>> {
  if (fields.length === 0) return new Map()
  const rows = countedRows(query, fields)
  // What a set leaves out has its bit set, the first field the highest.
  const bits = 2 ** fields.length - 1
  const setOf = (index: number): number => bits - 2 ** (fields.length - 1 - index)
  const value = fields.map((field, index) => `found = ${setOf(index)}, toString(${field})`)
  const [only = ''] = fields.length === 1 ? fields.map(hasValue) : []
  const found = await clickhouse.query<{ found: string; value: string; events: string }>(
    `SELECT * FROM (SELECT grouping(${fields.join(', ')}) AS found, multiIf(${value.join(', ')}, '') AS value, sum(n) AS events
      FROM ${rows.from} ${only} GROUP BY GROUPING SETS (${fields.map((field) => `(${field})`).join(', ')}))
     WHERE value NOT IN ('', '0') ORDER BY events DESC, value LIMIT ${FACET_VALUES} BY found`,
    { params: rows.params },
  )
  return new Map(
    fields.map((field, index) => [
      field,
      found
        .filter((row) => Number(row.found) === setOf(index))
        .map(({ value: name, events }) => ({ value: name, events: Number(events) })),
    ]),
  )
}

const stepOf = (ms: string): string => `intDiv(toInt64(${ms}), {step:Int64}) * {step:Int64}`

/** Events by severity over time. */
export async function histogram(
  clickhouse: ClickHouse,
  query: SearchQuery,
): Promise<SeriesPoint[]> {
  const time = {
    rollup: query.stepMs % 60_000 === 0 ? stepOf('toUnixTimestamp(bucket) * 1000') : null,
    raw: stepOf('toUnixTimestamp64Milli(occurred_at)'),
  }
  const rows = countedRows(query, ['severity'], time)
  const found = await clickhouse.query<{ at: string; series: string; value: string }>(
    `SELECT at, toString(severity) AS series, sum(n) AS value FROM ${rows.from} GROUP BY at, series ORDER BY at, series`,
    { params: { ...rows.params, step: query.stepMs } },
  )
  return found.map(({ at: bucket, series, value }) => ({
    at: Number(bucket),
    series,
    value: Number(value),
  }))
}
