import type { ClickHouse } from '#/clickhouse/client.ts'
import type { StepQuery } from '#/schemas/reads.ts'
import type { SeriesPoint } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, rangeParams } from './conditions.ts'
import { durationsSince } from './durations.ts'

/** Series of one service's page: each question reads its rows once for all of its lines. */
export interface ServiceQuery extends StepQuery {
  service: string
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const BY_THE_HOUR_FROM_MS = 12 * HOUR_MS

type Row = { at: string } & Readonly<Record<string, string | number>>

const AT = 'intDiv(toUnixTimestamp(bucket) * 1000, {step:Int64}) * {step:Int64} AS at'

async function lines(
  clickhouse: ClickHouse,
  query: ServiceQuery,
  { names, sql }: { names: readonly string[]; sql: string },
): Promise<SeriesPoint[]> {
  const params = { ...rangeParams(query), service: query.service, step: query.stepMs }
  const rows = await clickhouse.query<Row>(sql, { params })
  return names.flatMap((name) =>
    rows
      .filter((row) => row[name] !== '0')
      .map((row) => ({ at: Number(row.at), series: name, value: Number(row[name]) })),
  )
}

/** Errors and requests per step. */
export function serviceRates(clickhouse: ClickHouse, query: ServiceQuery): Promise<SeriesPoint[]> {
  const whole = query.stepMs % HOUR_MS === 0 ? 'events_1h' : 'events_1m'
  const table = query.stepMs % MINUTE_MS === 0 ? whole : 'events_10s'
  return lines(clickhouse, query, {
    names: ['errors', 'requests'],
    sql: `SELECT ${AT}, sumIf(events, event_type = 'error') AS errors, sumIf(events, event_type = 'http_request') AS requests
      FROM ${table} WHERE ${BUCKET_IN_RANGE} AND service = {service:String} GROUP BY at ORDER BY at`,
  })
}

const LATENCIES = ['latency_p50', 'latency_p95', 'latency_p99']
const LEVELS = LATENCIES.map(
  (name, index) => `ifNotFinite(levels[${index + 1}], 0) AS ${name}`,
).join(', ')

/** Percentiles of the duration, by minutes at the finest; before there were minutes of durations, by hours. */
export async function serviceLatency(
  clickhouse: ClickHouse,
  query: ServiceQuery,
): Promise<SeriesPoint[]> {
  const isThere = query.from >= (await durationsSince(clickhouse))
  const isShort = query.to - query.from < BY_THE_HOUR_FROM_MS
  const table = isThere ? 'durations_1m' : isShort ? 'events_1m' : 'events_1h'
  const finest = table === 'events_1h' ? HOUR_MS : MINUTE_MS
  const stepMs = Math.ceil(query.stepMs / finest) * finest
  const only = isThere ? '' : " AND event_type = 'http_request'"
  return lines(
    clickhouse,
    { ...query, stepMs },
    {
      names: LATENCIES,
      sql: `SELECT at, ${LEVELS} FROM (
        SELECT ${AT}, quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(durations) AS levels
        FROM ${table} WHERE ${BUCKET_IN_RANGE}${only} AND service = {service:String} GROUP BY at) ORDER BY at`,
    },
  )
}
