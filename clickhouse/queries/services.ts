import type { ClickHouse } from '#/clickhouse/client.ts'
import type { RangeQuery, StepQuery } from '#/schemas/reads.ts'
import type { ServiceDetail, ServiceRow } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, rangeParams } from './conditions.ts'
import { deploysAround } from './deploys.ts'
import { issuePage } from './issues.ts'
import { metrics } from './metrics.ts'

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
const WHOLE_HOURS = BUCKET_IN_RANGE.replace('bucket >= ', 'bucket >= toStartOfHour(').replace(
  ' AND bucket <',
  ') AND bucket <',
)

/**
 * Latencies are merged from sketches, which is what costs: past a few hours whole hours are exact enough, and a
 * sixtieth of the work. When a service last spoke still comes from the minutes.
 */
function rollupOf(query: RangeQuery): string {
  const isHourly = query.to - query.from >= HOURLY_FROM_MS
  const source = isHourly ? `events_1h WHERE ${WHOLE_HOURS}` : `events_1m WHERE ${BUCKET_IN_RANGE}`
  return `SELECT service, sum(events) AS events, sumIf(events, event_type = 'error') AS errors,
    sumIf(events, event_type = 'http_request') AS requests, sumIf(failures, event_type = 'http_request') AS failures,
    quantilesDDMergeIf(0.01, 0.5, 0.95, 0.99)(durations, event_type = 'http_request') AS levels
  FROM ${source} GROUP BY service SETTINGS prefer_column_name_to_alias = 1`
}

const LAST = `SELECT service, max(bucket) AS last FROM events_1m WHERE ${BUCKET_IN_RANGE} GROUP BY service`
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
  query: RangeQuery & { service?: string },
): Promise<ServiceRow[]> {
  const only = query.service === undefined ? '' : 'WHERE r.service = {service:String}'
  const rows = await clickhouse.query<Row>(
    `SELECT r.service AS service, r.events AS events, r.errors AS errors, r.requests AS requests, r.failures AS failures,
      ifNotFinite(r.levels[1], NULL) AS p50, ifNotFinite(r.levels[2], NULL) AS p95, toUnixTimestamp(l.last) AS last_s, o.open AS open_incidents
     FROM (${rollupOf(query)}) AS r LEFT JOIN (${LAST}) AS l ON l.service = r.service LEFT JOIN (${OPEN}) AS o ON o.service = r.service ${only}
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
  const filters = [{ field: 'service' as const, values: [query.service], exclude: false }]
  const selection = {
    ...rangeParams(query),
    project: query.project,
    from: query.from,
    to: query.to,
    filters,
    text: '',
    stepMs: query.stepMs,
    groupBy: null,
    limit: 10,
  }
  const series = (
    metric: 'events' | 'errors' | 'requests' | 'latency_p50' | 'latency_p95' | 'latency_p99',
  ) => metrics(clickhouse, { ...selection, metric })
  const [errors, requests, p50, p95, p99, issues, deploys, releases] = await Promise.all([
    series('errors'),
    series('requests'),
    series('latency_p50'),
    series('latency_p95'),
    series('latency_p99'),
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
    clickhouse.query<{ release: string }>(
      `SELECT release, max(bucket) AS last FROM events_1m WHERE ${BUCKET_IN_RANGE} AND service = {service:String} AND release != '' GROUP BY release ORDER BY last DESC, release DESC LIMIT 20`,
      { params: { ...rangeParams(query), service: query.service } },
    ),
  ])
  return {
    ...row,
    releases: releases.map((entry) => entry.release),
    issues: issues.items,
    deploys,
    rates: [...errors.points, ...requests.points],
    latency: [...p50.points, ...p95.points, ...p99.points],
  }
}
