import type { ClickHouse } from '#/clickhouse/client.ts'
import type { RangeQuery, StepQuery } from '#/schemas/reads.ts'
import type { ServiceDetail, ServiceRow } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, rangeParams } from './conditions.ts'
import { deploysAround } from './deploys.ts'
import { durationsSince } from './durations.ts'
import { issuePage } from './issues.ts'
import { serviceLatency, serviceRates } from './service-series.ts'

interface Row {
  service: string
  events: string
  errors: string
  requests: string
  failures: string
  p50: number | null
  p95: number | null
  last_s: number
  open_incidents: string
}

const HOURLY_FROM_MS = 3 * 3_600_000
const RELEASES_MAX = 20
const WHOLE_HOURS = BUCKET_IN_RANGE.replace('bucket >= ', 'bucket >= toStartOfHour(').replace(
  ' AND bucket <',
  ') AND bucket <',
)

type ServicesQuery = RangeQuery & { service?: string }

const COUNTS = `sum(events) AS events, sumIf(events, event_type = 'error') AS errors,
    sumIf(events, event_type = 'http_request') AS requests, sumIf(failures, event_type = 'http_request') AS failures`
const LEVELS = 'quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(durations) AS levels'
const LEVELS_OF_REQUESTS =
  "quantilesDDMergeIf(0.01, 0.5, 0.95, 0.99)(durations, event_type = 'http_request') AS levels"
const PLAIN_NAMES = 'SETTINGS prefer_column_name_to_alias = 1'

/**
 * Counts and latencies of each service. Latencies are merged from sketches, which is what costs: up to a few hours they
 * come from the minutes of durations, past that from whole hours, which are exact enough. When a service last spoke comes
 * from the minutes.
 */
function rollupOf(query: ServicesQuery, hasDurations: boolean): string {
  const only = query.service === undefined ? '' : ' AND service = {service:String}'
  const minutes = `events_1m WHERE ${BUCKET_IN_RANGE}${only} GROUP BY service`
  const last = `SELECT service, max(bucket) AS last FROM ${minutes}`
  const hours = `SELECT service, ${COUNTS}, ${LEVELS_OF_REQUESTS}, max(bucket) AS last FROM events_1h WHERE ${WHOLE_HOURS}${only} GROUP BY service ${PLAIN_NAMES}`
  const isLong = query.to - query.from >= HOURLY_FROM_MS
  // The page of one service knows its last minute from its releases.
  if (isLong && query.service !== undefined) return hours
  if (isLong)
    return `SELECT * EXCEPT (last), l.last AS last FROM (${hours}) AS h
      LEFT JOIN (${last}) AS l USING (service)`
  if (!hasDurations)
    return `SELECT service, ${COUNTS}, ${LEVELS_OF_REQUESTS}, max(bucket) AS last FROM ${minutes} ${PLAIN_NAMES}`
  return `SELECT * FROM (SELECT service, ${COUNTS}, max(bucket) AS last FROM ${minutes} ${PLAIN_NAMES}) AS m
    LEFT JOIN (SELECT service, ${LEVELS} FROM durations_1m WHERE ${BUCKET_IN_RANGE} AND service != ''${only} GROUP BY service) AS d USING (service)`
}

const OPEN = `SELECT arrayJoin(services) AS service, count() AS open FROM incidents FINAL
  WHERE project = {project:String} AND status != 'resolved' AND redirect_to = '' GROUP BY service`

function serviceRow(row: Row): ServiceRow {
  const requests = Number(row.requests)
  return {
    service: row.service,
    events: Number(row.events),
    errors: Number(row.errors),
    requests,
    error_rate: requests === 0 ? null : Number(row.failures) / requests,
    p50_ms: requests === 0 ? null : row.p50,
    p95_ms: requests === 0 ? null : row.p95,
    last_seen: row.last_s * 1000,
    open_incidents: Number(row.open_incidents),
  }
}

/** Services with events in the range: those in trouble first, then by errors and volume. */
export async function serviceList(
  clickhouse: ClickHouse,
  query: ServicesQuery,
): Promise<ServiceRow[]> {
  const hasDurations = query.from >= (await durationsSince(clickhouse))
  const rows = await clickhouse.query<Row>(
    `SELECT r.service AS service, r.events AS events, r.errors AS errors, r.requests AS requests, r.failures AS failures,
      ifNotFinite(r.levels[1], NULL) AS p50, ifNotFinite(r.levels[2], NULL) AS p95, toUnixTimestamp(r.last) AS last_s, o.open AS open_incidents
     FROM (${rollupOf(query, hasDurations)}) AS r LEFT JOIN (${OPEN}) AS o ON o.service = r.service
     ORDER BY open_incidents DESC, errors DESC, events DESC, service LIMIT 1000`,
    {
      params: {
        ...rangeParams(query),
        ...(query.service === undefined ? {} : { service: query.service }),
      },
    },
  )
  return rows.map(serviceRow)
}

export async function serviceDetail(
  clickhouse: ClickHouse,
  query: StepQuery & { service: string },
): Promise<ServiceDetail | null> {
  const [row] = await serviceList(clickhouse, query)
  if (row === undefined) return null
  const [rates, latency, issues, deploys, releases] = await Promise.all([
    serviceRates(clickhouse, query),
    serviceLatency(clickhouse, query),
    issuePage(clickhouse, {
      ...query,
      services: [query.service],
      text: '',
      sort: 'events',
      order: 'desc',
      cursor: null,
      limit: 20,
    }),
    deploysAround(clickhouse, {
      project: query.project,
      services: [query.service],
      from: query.from,
      to: query.to,
    }),
    clickhouse.query<{ release: string; last_s: number }>(
      `SELECT release, toUnixTimestamp(max(bucket)) AS last_s FROM events_1m WHERE ${BUCKET_IN_RANGE} AND service = {service:String} GROUP BY release ORDER BY last_s DESC, release DESC LIMIT ${RELEASES_MAX + 1}`,
      { params: { ...rangeParams(query), service: query.service } },
    ),
  ])
  return {
    ...row,
    last_seen: (releases[0]?.last_s ?? row.last_seen / 1000) * 1000,
    releases: releases
      .map(({ release }) => release)
      .filter((release) => release !== '')
      .slice(0, RELEASES_MAX),
    issues: issues.items,
    deploys,
    rates,
    latency,
  }
}
