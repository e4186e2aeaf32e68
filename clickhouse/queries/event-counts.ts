import type { ClickHouse } from '#/clickhouse/client.ts'
import type { EventSelection } from '#/schemas/reads.ts'
import type { CountView, EventStats } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, filterConditions, selectionConditions } from './conditions.ts'
import { minutesOf, usersKnow, wholeMinutes, type WholeMinutes } from './whole-minutes.ts'

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
  first: string
  last: string
}

const GROUPS = ['event_type', 'severity', 'service', 'environment'] as const
const KEYS = GROUPS.join(', ')
const HOUR_MS = 3_600_000

/**
 * The combinations of the four fields are few: they are counted once, and all else is made of them. Rows of rollups
 * count events or users, rows of events both; when the first and the last of them occurred is told by events alone.
 */
const STATS = (groups: string, merge: string): string =>
  `SELECT sum(n) AS total, sumIf(n, event_type = 'error') AS errors, uniqExactIf(service, n > 0) AS services, ${merge}(users) AS users,
    groupArrayIf(${GROUPS_MAX})((toString(event_type), severity, toString(service), toString(environment), n), n > 0) AS found,
    minIf(begins, begins > 0) AS first, max(ends) AS last
  FROM (${groups}) SETTINGS prefer_column_name_to_alias = 1`

const NO_USERS = "uniqCombinedStateIf(12)('', false) AS users"
const NO_TIMES = 'toInt64(0), toInt64(0)'

const OF_EVENTS = (
  where: string,
  state: string | null,
  [first, last]: readonly [string, string] = ['1', '1'],
): string =>
  `SELECT ${KEYS}, count() AS n, ${state === null ? NO_USERS : `${state}(user_id, user_id != '') AS users`},
     toUnixTimestamp64Milli(minIf(occurred_at, ${first})) AS begins, toUnixTimestamp64Milli(maxIf(occurred_at, ${last})) AS ends
   FROM events WHERE ${where} GROUP BY ${KEYS}`

/** Of the events at both ends, those before the first whole minute and after the last. */
const AT_ENDS = [
  'occurred_at < fromUnixTimestamp64Milli({wholeFrom:Int64})',
  'occurred_at >= fromUnixTimestamp64Milli({wholeTo:Int64})',
] as const

const COUNTS_OF_ROLLUP = (table: string, where: string): string =>
  `SELECT ${KEYS}, sum(events) AS n, ${NO_USERS}, toInt64(0) AS begins, toInt64(0) AS ends FROM ${table} WHERE ${where} GROUP BY ${KEYS}`

/** One sketch of all, as a row that counts no events; columns of a union go by their place. */
const USERS_OF_ROLLUP = (table: string, where: string): string =>
  `SELECT '', toUInt8(0), '', '', toUInt64(0), uniqCombinedMergeState(12)(users), ${NO_TIMES} FROM ${table} WHERE ${where}`

/** Past this, users of the minutes the range begins and ends in are counted whole: less than the error of a sketch. */
const USERS_BY_MINUTE_FROM_MS = 6 * HOUR_MS

/**
 * Users of the minutes, of whole hours where users by service are asked for and there are some. Events at the ends tell
 * theirs, unless the range is long.
 */
function rolledUpUsers(
  { rollup, from, to }: WholeMinutes,
  { filters, isLong }: { filters: EventSelection['filters']; isLong: boolean },
): string[] {
  const fields = filters.map(({ field }) => field)
  const minutes = isLong ? BUCKET_IN_RANGE + filterConditions(filters).where : rollup
  if (usersKnow(fields)) return [USERS_OF_ROLLUP('users_1m', minutes)]
  const first = Math.ceil(from / HOUR_MS)
  // Hours do not know what minutes know.
  const isByHour = fields.every((field) => (GROUPS as readonly string[]).includes(field))
  const last = isByHour ? Math.floor(to / HOUR_MS) : first
  if (first >= last) return [USERS_OF_ROLLUP('events_1m', minutes)]
  const within = `(bucket >= toDateTime(${first * 3600}) AND bucket < toDateTime(${last * 3600}))`
  return [
    USERS_OF_ROLLUP('events_1h', `${rollup} AND ${within}`),
    USERS_OF_ROLLUP('events_1m', `${minutes} AND NOT ${within}`),
  ]
}

function rolledUpGroups(whole: WholeMinutes, selection: EventSelection): string {
  const isLong = selection.to - selection.from >= USERS_BY_MINUTE_FROM_MS
  return [
    COUNTS_OF_ROLLUP(whole.table, whole.rollup),
    ...rolledUpUsers(whole, { filters: selection.filters, isLong }),
    OF_EVENTS(whole.ends, isLong ? null : 'uniqCombinedStateIf(12)', AT_ENDS),
  ].join(' UNION ALL ')
}

const BOUNDS = (where: string): string =>
  `SELECT toUnixTimestamp64Milli(min(occurred_at)) AS first, toUnixTimestamp64Milli(max(occurred_at)) AS last FROM events WHERE ${where}`

/** When the first and the last occurred, where there are none at an end: the first and the last minute are looked at. */
async function bounds(
  clickhouse: ClickHouse,
  selection: EventSelection,
  whole: WholeMinutes,
): Promise<{ first: string; last: string } | undefined> {
  const { where, params } = selectionConditions(selection)
  const [minutes] = await clickhouse.query<{ n: string; first: string; last: string }>(
    `SELECT count() AS n, toUnixTimestamp(min(bucket)) * 1000 AS first, toUnixTimestamp(max(bucket)) * 1000 AS last FROM ${whole.table} WHERE ${whole.rollup}`,
    { params: whole.params },
  )
  const isEmpty = Number(minutes?.n ?? 0) === 0
  const begins = isEmpty ? whole.from : Number(minutes?.first) + 60_000
  const ends = isEmpty ? whole.to : Number(minutes?.last)
  const near = `(occurred_at < fromUnixTimestamp64Milli(toInt64(${begins})) OR occurred_at >= fromUnixTimestamp64Milli(toInt64(${ends})))`
  const [found] = await clickhouse.query<{ first: string; last: string }>(
    BOUNDS(`${where} AND ${near}`),
    { params },
  )
  return found
}

/** Of long ranges users are estimated (1.6 %), as wherever they come from rollups. */
export async function eventStats(
  clickhouse: ClickHouse,
  selection: EventSelection,
): Promise<EventStats> {
  const asked = [...GROUPS, ...selection.filters.map(({ field }) => field)]
  const whole = minutesOf(asked, 'sketches') === null ? null : wholeMinutes(selection, GROUPS)
  const { where, params } = selectionConditions(selection)
  const sql =
    whole === null
      ? STATS(OF_EVENTS(where, 'uniqStateIf'), 'uniqMerge')
      : STATS(rolledUpGroups(whole, selection), 'uniqCombinedMerge(12)')
  const [row] = await clickhouse.query<StatsRow>(sql, { params: whole?.params ?? params })
  const isTold = row !== undefined && row.first !== '0' && row.last !== '0'
  const times = isTold || whole === null ? row : await bounds(clickhouse, selection, whole)
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
