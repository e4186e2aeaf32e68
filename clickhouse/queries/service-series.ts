import type { ClickHouse } from '#/clickhouse/client.ts'
import type { StepQuery } from '#/schemas/reads.ts'
import type { SeriesPoint } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, OCCURRED_IN_RANGE, rangeParams } from './conditions.ts'
import { durationsSince } from './durations.ts'
import { hasTenSeconds } from './whole-minutes.ts'

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

const RATES = (at: string, n: string, from: string): string =>
  `SELECT ${at}, sumIf(${n}, event_type = 'error') AS errors, sumIf(${n}, event_type = 'http_request') AS requests
   FROM ${from} AND service = {service:String} GROUP BY at ORDER BY at`
const AT_OF_EVENT = AT.replace(
  'toUnixTimestamp(bucket) * 1000',
  'toUnixTimestamp64Milli(occurred_at)',
)

/** Errors and requests per step. */
export function serviceRates(
  clickhouse: ClickHouse,
  query: ServiceQuery,
  nowMs: number,
): Promise<SeriesPoint[]> {
  const whole = query.stepMs % HOUR_MS === 0 ? 'events_1h' : 'volume_1m'
  const hasFiner = hasTenSeconds({ ...query, filters: [], text: '' }, nowMs)
  const isByMinute = query.stepMs % MINUTE_MS === 0
  const sql =
    isByMinute || hasFiner
      ? RATES(AT, 'events', `${isByMinute ? whole : 'events_10s'} WHERE ${BUCKET_IN_RANGE}`)
      : RATES(AT_OF_EVENT, '1', `events WHERE ${OCCURRED_IN_RANGE}`)
  return lines(clickhouse, query, { names: ['errors', 'requests'], sql })
}

const LATENCIES = ['latency_p50', 'latency_p95', 'latency_p99'] as const
const QUANTILES = '0.01, 0.5, 0.95, 0.99'

export interface ServiceLatency {
  points: SeriesPoint[]
  /** Of the whole range, in the order of the series; null without requests. */
  levels: readonly (number | null)[]
}

/**
 * Percentiles of the duration, by minutes at the finest; before there were minutes of durations, by hours. Sketches of
 * steps are merged once more for the whole range, instead of reading all of them again.
 */
export async function serviceLatency(
  clickhouse: ClickHouse,
  query: ServiceQuery,
): Promise<ServiceLatency> {
  const isThere = query.from >= (await durationsSince(clickhouse))
  const isShort = query.to - query.from < BY_THE_HOUR_FROM_MS
  const table = isThere ? 'durations_1m' : isShort ? 'events_1m' : 'events_1h'
  const finest = table === 'events_1h' ? HOUR_MS : MINUTE_MS
  const only = isThere ? '' : " AND event_type = 'http_request'"
  const [row] = await clickhouse.query<{
    points: readonly [at: string, levels: readonly (number | null)[]][]
    levels: readonly (number | null)[]
  }>(
    `SELECT arraySort(groupArray((at, finalizeAggregation(durations)))) AS points, quantilesDDMerge(${QUANTILES})(durations) AS levels FROM (
       SELECT ${AT}, quantilesDDMergeState(${QUANTILES})(durations) AS durations
       FROM ${table} WHERE ${BUCKET_IN_RANGE}${only} AND service = {service:String} GROUP BY at) SETTINGS prefer_column_name_to_alias = 1`,
    {
      params: {
        ...rangeParams(query),
        service: query.service,
        step: Math.ceil(query.stepMs / finest) * finest,
      },
    },
  )
  // What is not finite is null in JSON.
  const points = LATENCIES.flatMap((series, index) =>
    (row?.points ?? []).map(([at, levels]) => ({
      at: Number(at),
      series,
      value: levels[index] ?? 0,
    })),
  )
  return { points, levels: row?.levels ?? [] }
}
