import type { ClickHouse } from '#/clickhouse/client.ts'
import { columnsOf } from '#/schemas/columns.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { EventField, EventQuery, EventSelection, SearchQuery } from '#/schemas/reads.ts'
import type {
  CountView,
  EventStats,
  EventView,
  FacetView,
  Page,
  SearchView,
  SeriesPoint,
} from '#/schemas/view.ts'
import { selectionConditions } from './conditions.ts'

const TIMES = new Set(['occurred_at', 'received_at'])
const HIDDEN = new Set(['id_made'])
// Aliased, since an alias with a column's own name would take its place in WHERE.
export const EVENT_COLUMNS = columnsOf('GroupedEvent')
  .filter(({ name }) => !HIDDEN.has(name))
  .map(({ name }) => (TIMES.has(name) ? `toUnixTimestamp64Milli(${name}) AS ${name}_ms` : name))
  .join(', ')

type EventRow = Omit<EventView, 'occurred_at' | 'received_at' | 'attributes'> & {
  occurred_at_ms: string
  received_at_ms: string
  attributes: Record<string, string>
  attribute_kinds: Record<string, string>
}

function restore(text: string, kind: string | undefined): string | number | boolean | object {
  if (kind === 'number') return Number(text)
  if (kind === 'boolean') return text === 'true'
  if (kind !== 'json') return text
  try {
    return JSON.parse(text) as object
  } catch {
    return text
  }
}

export function eventView(row: EventRow): EventView {
  const { occurred_at_ms, received_at_ms, attributes, attribute_kinds, ...rest } = row
  const restored = Object.entries(attributes).map(
    ([name, text]) => [name, restore(text, attribute_kinds[name])] as const,
  )
  return {
    ...rest,
    occurred_at: Number(occurred_at_ms),
    received_at: Number(received_at_ms),
    attributes: Object.fromEntries(restored),
  }
}

/** Newest first by (occurred_at, event_id). */
export async function eventPage(
  clickhouse: ClickHouse,
  query: EventQuery,
): Promise<Page<EventView>> {
  const { where, params } = selectionConditions(query)
  let before = ''
  if (query.cursor !== null) {
    const [at, id] = decodeCursor(query.cursor, 2)
    before =
      ' AND (occurred_at, event_id) < (fromUnixTimestamp64Milli({cursorAt:Int64}), {cursorId:String}) AND occurred_at <= fromUnixTimestamp64Milli({cursorAt:Int64})'
    Object.assign(params, { cursorAt: Number(at), cursorId: String(id) })
  }
  const rows = await clickhouse.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE ${where}${before} ORDER BY occurred_at DESC, event_id DESC LIMIT {limit:UInt32}`,
    { params: { ...params, limit: query.limit + 1 } },
  )
  return cutPage(rows.map(eventView), query.limit, (last) => [last.occurred_at, last.event_id])
}

export async function eventById(
  clickhouse: ClickHouse,
  query: { project: string; eventId: string },
): Promise<EventView | null> {
  const rows = await clickhouse.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE project = {project:String} AND event_id = {eventId:String} ORDER BY received_at LIMIT 1`,
    { params: query },
  )
  return rows[0] === undefined ? null : eventView(rows[0])
}

const COUNTS_MAX = 100
const GROUPS_MAX = 100_000

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

type GroupTuple = [type: string, severity: number, service: string, environment: string, n: string]

interface StatsRow {
  total: string
  errors: string
  services: string
  users: string
  first: string
  last: string
  found: readonly GroupTuple[]
}

/** One pass over the events for all of it: the combinations of the four fields are few. */
const STATS = (
  where: string,
): string => `SELECT sum(n) AS total, sumIf(n, event_type = 'error') AS errors,
    uniqExact(service) AS services, uniqMerge(users) AS users, toUnixTimestamp64Milli(min(first)) AS first,
    toUnixTimestamp64Milli(max(last)) AS last,
    groupArray(${GROUPS_MAX})((toString(event_type), severity, toString(service), toString(environment), n)) AS found
  FROM (
    SELECT event_type, severity, service, environment, count() AS n, uniqStateIf(user_id, user_id != '') AS users,
      min(occurred_at) AS first, max(occurred_at) AS last
    FROM events WHERE ${where} GROUP BY event_type, severity, service, environment
  ) SETTINGS prefer_column_name_to_alias = 1`

export async function eventStats(
  clickhouse: ClickHouse,
  selection: EventSelection,
): Promise<EventStats> {
  const { where, params } = selectionConditions(selection)
  const [row] = await clickhouse.query<StatsRow>(STATS(where), { params })
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
    first_at: total === 0 ? null : Number(row?.first),
    last_at: total === 0 ? null : Number(row?.last),
  }
}

async function fieldCounts(
  clickhouse: ClickHouse,
  selection: EventSelection,
  { field, limit }: { field: EventField; limit: number },
): Promise<FacetView['values']> {
  const { where, params } = selectionConditions(selection)
  const rows = await clickhouse.query<{ value: string; events: string }>(
    `SELECT toString(${field}) AS value, count() AS events FROM events WHERE ${where} GROUP BY value HAVING value NOT IN ('', '0') ORDER BY events DESC, value LIMIT {limit:UInt32}`,
    { params: { ...params, limit } },
  )
  return rows.map(({ value, events }) => ({ value, events: Number(events) }))
}

async function histogram(clickhouse: ClickHouse, query: SearchQuery): Promise<SeriesPoint[]> {
  const { where, params } = selectionConditions(query)
  const rows = await clickhouse.query<{ at: string; series: string; value: string }>(
    `SELECT intDiv(toUnixTimestamp64Milli(occurred_at), {step:Int64}) * {step:Int64} AS at, toString(severity) AS series, count() AS value FROM events WHERE ${where} GROUP BY at, series ORDER BY at, series`,
    { params: { ...params, step: query.stepMs } },
  )
  return rows.map(({ at, series, value }) => ({ at: Number(at), series, value: Number(value) }))
}

const FACET_VALUES = 12

export async function search(clickhouse: ClickHouse, query: SearchQuery): Promise<SearchView> {
  const [page, points, ...facets] = await Promise.all([
    eventPage(clickhouse, query),
    histogram(clickhouse, query),
    ...query.facets.map(async (field) => ({
      field,
      values: await fieldCounts(clickhouse, query, { field, limit: FACET_VALUES }),
    })),
  ])
  const total = points.reduce((sum, point) => sum + point.value, 0)
  return { ...page, total, facets, histogram: points }
}
