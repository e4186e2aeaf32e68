import type { ClickHouse } from '#/clickhouse/client.ts'
import type { EventFilter, MetricsQuery, SeriesName } from '#/schemas/reads.ts'
import type { MetricsView, SeriesPoint } from '#/schemas/view.ts'
import { durationRows, durationsFit, durationsSince } from './durations.ts'
import {
  BUCKET_IN_RANGE,
  filterConditions,
  rangeParams,
  selectionConditions,
} from './conditions.ts'
import { eventsAt } from './moment.ts'
import { leadingCounts } from './leading-counts.ts'
import { hasTenSeconds, minutesOf, usersKnow } from './whole-minutes.ts'

const COARSE_FIELDS = new Set(['service', 'environment', 'event_type', 'severity'])
const HOUR_MS = 3_600_000

interface Expression {
  /** Over rollup rows. */
  rollup: string
  /** Over raw events. */
  raw: string
  /** Only rows of this kind count. */
  only?: string
}

const level = (index: number): Expression => ({
  rollup: `ifNotFinite(quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(durations)[${index}], 0)`,
  raw: `ifNotFinite(quantilesDDIf(0.01, 0.5, 0.95, 0.99)(assumeNotNull(duration_ms), isNotNull(duration_ms))[${index}], 0)`,
  only: "event_type = 'http_request'",
})

const EXPRESSIONS: Readonly<Record<SeriesName, Expression>> = {
  events: { rollup: 'sum(events)', raw: 'count()' },
  errors: { rollup: 'sum(events)', raw: 'count()', only: "event_type = 'error'" },
  requests: { rollup: 'sum(events)', raw: 'count()', only: "event_type = 'http_request'" },
  signups: { rollup: 'sum(events)', raw: 'count()', only: "event_type = 'signup'" },
  error_rate: {
    rollup: 'sum(failures) / greatest(sum(events), 1)',
    raw: 'countIf(status_code >= 500) / greatest(count(), 1)',
    only: "event_type = 'http_request'",
  },
  latency_p50: level(1),
  latency_p95: level(2),
  latency_p99: level(3),
  users: {
    rollup: 'uniqCombinedMerge(12)(users)',
    raw: "uniqCombinedIf(12)(user_id, user_id != '')",
  },
}

const PLAIN_COUNTS = new Set<SeriesName>(['events', 'errors', 'requests', 'signups', 'error_rate'])

interface Source {
  table: string
  isRollup: boolean
}

/** The coarsest table that can answer: rollups where the dimensions allow, raw events otherwise. */
function sourceOf(query: MetricsQuery, nowMs: number): Source {
  const fields = fieldsOf(query)
  const raw = { table: 'events', isRollup: false }
  if (query.moment !== undefined) return raw
  if (query.text !== '') return raw
  const isCoarse = fields.every((field) => COARSE_FIELDS.has(field))
  if (query.stepMs % HOUR_MS === 0 && isCoarse) return { table: 'events_1h', isRollup: true }
  if (hasUsers(query)) return { table: 'users_1m', isRollup: true }
  const minutes = minutesOf(fields, SKETCHES.has(query.metric) ? 'sketches' : 'counts')
  if (query.stepMs % 60_000 === 0 && minutes !== null) return { table: minutes, isRollup: true }
  if (PLAIN_COUNTS.has(query.metric) && hasTenSeconds(query, nowMs))
    return { table: 'events_10s', isRollup: true }
  return raw
}

const SKETCHES = new Set<SeriesName>(['latency_p50', 'latency_p95', 'latency_p99', 'users'])
const BY_THE_HOUR_FROM_MS = 12 * HOUR_MS
const SERVICES_BY_MINUTE_MAX = 4

const fieldsOf = ({ filters, groupBy }: MetricsQuery): string[] => [
  ...filters.map((filter: EventFilter) => filter.field),
  ...(groupBy === null ? [] : [groupBy]),
]

const USERS_BY_MINUTE_MS_MAX = 48 * HOUR_MS

/** Whether users by the minute know it, and are few enough. */
function hasUsers(query: MetricsQuery): boolean {
  return (
    query.metric === 'users' &&
    query.stepMs % 60_000 === 0 &&
    query.to - query.from <= USERS_BY_MINUTE_MS_MAX &&
    usersKnow(fieldsOf(query))
  )
}

/** Sketches are merged row by row: over half a day and more they are answered by the hour, as `step_ms` says. */
function stepOf(query: MetricsQuery): number {
  if (!isLong(query) || !SKETCHES.has(query.metric) || hasUsers(query)) return query.stepMs
  return Math.ceil(query.stepMs / HOUR_MS) * HOUR_MS
}

const isLong = ({ from, to }: MetricsQuery): boolean => to - from >= BY_THE_HOUR_FROM_MS

/** How many services a row of each minute is merged for. */
function servicesIn({ filters, groupBy }: MetricsQuery): number {
  const ofServices = filters.filter(({ field }) => field === 'service')
  if (ofServices.length === 0 && groupBy !== 'service') return 1
  const named = ofServices.filter(({ exclude }) => !exclude).map(({ values }) => values.length)
  return Math.min(Number.POSITIVE_INFINITY, ...named)
}

async function hasDurations(clickhouse: ClickHouse, query: MetricsQuery): Promise<boolean> {
  if (!durationsFit(query)) return false
  if (isLong(query) && servicesIn(query) > SERVICES_BY_MINUTE_MAX) return false
  return query.from >= (await durationsSince(clickhouse))
}

/** What is read, where, and how a value comes out of it. */
interface Plan {
  table: string
  where: string
  params: Record<string, unknown>
  time: string
  value: string
  /** Orders series by what they count. */
  weight: string
}

function planOf(query: MetricsQuery, nowMs: number): Plan {
  const { table, isRollup } = sourceOf(query, nowMs)
  const expression = EXPRESSIONS[query.metric]
  const only = expression.only === undefined ? '' : ` AND ${expression.only}`
  if (!isRollup) {
    const selection = selectionConditions(query)
    const moment = eventsAt(query.moment)
    return {
      table,
      where: selection.where + moment.where + only,
      params: { ...selection.params, ...moment.params },
      time: 'toUnixTimestamp64Milli(occurred_at)',
      value: expression.raw,
      weight: 'count()',
    }
  }
  const { where, params } = filterConditions(query.filters)
  return {
    table,
    where: BUCKET_IN_RANGE + where + only,
    params: { ...rangeParams(query), ...params },
    time: 'toUnixTimestamp(bucket) * 1000',
    value: expression.rollup,
    weight: 'sum(events)',
  }
}

/** Which series are the largest is told by hours where the range is long: they hold the same columns. */
function rankedBy(query: MetricsQuery, table: string): string {
  const fields = [query.groupBy ?? '', ...query.filters.map(({ field }) => field)]
  const isCoarse = fields.every((field) => COARSE_FIELDS.has(field))
  return isLong(query) && isCoarse && table === 'events_1m' ? 'events_1h' : table
}

const AT = (time: string): string => `intDiv(${time}, {step:Int64}) * {step:Int64}`

/** One series, or those of the largest values, which are found first and looked up while the rows are read again. */
function seriesOf(query: MetricsQuery, plan: Plan, read: Pick<Plan, 'table' | 'where'>): string {
  const grouped = query.groupBy === null ? `'${query.metric}'` : `toString(${query.groupBy})`
  const largest =
    query.groupBy === null
      ? ''
      : `WITH (SELECT groupArray(name) FROM (SELECT ${grouped} AS name FROM ${rankedBy(query, plan.table)} WHERE ${plan.where} GROUP BY name ORDER BY ${plan.weight} DESC, name LIMIT {limit:UInt32})) AS top `
  const series = query.groupBy === null ? grouped : `if(has(top, ${grouped}), ${grouped}, 'other')`
  return `${largest}SELECT ${AT(plan.time)} AS at, ${series} AS series, ${plan.value} AS value FROM ${read.table} WHERE ${read.where} GROUP BY at, series ORDER BY at, series`
}

export async function metrics(
  clickhouse: ClickHouse,
  asked: MetricsQuery,
  nowMs: number,
): Promise<MetricsView> {
  const fromDurations = await hasDurations(clickhouse, asked)
  const query = fromDurations ? asked : { ...asked, stepMs: stepOf(asked) }
  const plan = planOf(query, nowMs)
  const rows = durationRows(query)
  const read = fromDurations
    ? { table: 'durations_1m', where: BUCKET_IN_RANGE + rows.where }
    : { table: plan.table, where: plan.where }
  const { metric, groupBy } = query
  const counts =
    groupBy === null ? null : leadingCounts({ ...read, metric, groupBy, at: AT(plan.time) })
  const found = await clickhouse.query<{ at: string; series: string; value: string | number }>(
    counts ?? seriesOf(query, plan, read),
    { params: { ...plan.params, step: query.stepMs, limit: query.limit } },
  )
  const points: SeriesPoint[] = found.map((row) => ({
    at: Number(row.at),
    series: row.series,
    value: Number(row.value),
  }))
  return { from: query.from, to: query.to, step_ms: query.stepMs, points }
}
