import type { ClickHouse } from '#/clickhouse/client.ts'
import type { RangeQuery, StepQuery } from '#/schemas/reads.ts'
import type { ServiceDetail, ServiceRow } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, rangeParams } from './conditions.ts'
import { deploysAround } from './deploys.ts'
import { durationsSince } from './durations.ts'
import { issuePage } from './issues.ts'
import { serviceLatency, serviceRates } from './service-series.ts'

interface Counts {
  events: string
  errors: string
  requests: string
  failures: string
  last_s: number
}

interface Row extends Counts {
  service: string
  p50: number | null
  p95: number | null
  open_incidents: string
}

const HOURLY_FROM_MS = 3 * 3_600_000
const RELEASES_MAX = 20
const WHOLE_HOURS = BUCKET_IN_RANGE.replace('bucket >= ', 'bucket >= toStartOfHour(').replace(
  ' AND bucket <',
  ') AND bucket <',
)

const COUNTS = `sum(events) AS events, sumIf(events, event_type = 'error') AS errors,
    sumIf(events, event_type = 'http_request') AS requests, sumIf(failures, event_type = 'http_request') AS failures`
const PLAIN_NAMES = 'SETTINGS prefer_column_name_to_alias = 1'
const COUNTED = `SELECT service, ${COUNTS}, max(bucket) AS last FROM volume_1m WHERE ${BUCKET_IN_RANGE} GROUP BY service ${PLAIN_NAMES}`
const LEVELS = 'quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(durations) AS levels'

const levelsFrom = (table: string, where: string): string =>
  `SELECT service, ${LEVELS} FROM ${table} WHERE ${where} GROUP BY service`

/**
 * Latencies of each service, merged from sketches, which is what costs: up to a few hours they come from the minutes of
 * durations, past that from whole hours, which are exact enough.
 */
function levelsOf(query: RangeQuery, hasDurations: boolean): string {
  const requests = "event_type = 'http_request'"
  if (query.to - query.from >= HOURLY_FROM_MS)
    return levelsFrom('events_1h', `${WHOLE_HOURS} AND ${requests}`)
  return hasDurations
    ? levelsFrom('durations_1m', `${BUCKET_IN_RANGE} AND service != ''`)
    : levelsFrom('events_1m', `${BUCKET_IN_RANGE} AND ${requests}`)
}

const IS_OPEN = `project = {project:String} AND status != 'resolved' AND redirect_to = ''`
const OPEN = `SELECT arrayJoin(services) AS service, count() AS open FROM incidents FINAL WHERE ${IS_OPEN} GROUP BY service`

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
  query: RangeQuery,
  { hasLevels = true }: { hasLevels?: boolean } = {},
): Promise<ServiceRow[]> {
  const hasDurations = hasLevels && query.from >= (await durationsSince(clickhouse))
  const levels = hasLevels
    ? {
        columns: 'ifNotFinite(d.levels[1], NULL) AS p50, ifNotFinite(d.levels[2], NULL) AS p95',
        join: `LEFT JOIN (${levelsOf(query, hasDurations)}) AS d ON d.service = r.service`,
      }
    : { columns: 'NULL AS p50, NULL AS p95', join: '' }
  const rows = await clickhouse.query<Row>(
    `SELECT r.service AS service, r.events AS events, r.errors AS errors, r.requests AS requests, r.failures AS failures,
      ${levels.columns}, toUnixTimestamp(r.last) AS last_s, o.open AS open_incidents
     FROM (${COUNTED}) AS r ${levels.join} LEFT JOIN (${OPEN}) AS o ON o.service = r.service
     ORDER BY open_incidents DESC, errors DESC, events DESC, service LIMIT 1000`,
    { params: rangeParams(query) },
  )
  return rows.map(serviceRow)
}

/** Counts of one service by release, the one that spoke last first. */
function countsByRelease(
  clickhouse: ClickHouse,
  query: RangeQuery & { service: string },
): Promise<(Counts & { release: string })[]> {
  return clickhouse.query(
    `SELECT release, ${COUNTS}, toUnixTimestamp(max(bucket)) AS last_s FROM volume_1m
     WHERE ${BUCKET_IN_RANGE} AND service = {service:String} GROUP BY release ORDER BY last_s DESC, release DESC ${PLAIN_NAMES}`,
    { params: { ...rangeParams(query), service: query.service } },
  )
}

async function openIncidents(
  clickhouse: ClickHouse,
  query: { project: string; service: string },
): Promise<string> {
  const { project, service } = query
  const [row] = await clickhouse.query<{ n: string }>(
    `SELECT count() AS n FROM incidents FINAL WHERE ${IS_OPEN} AND has(services, {service:String})`,
    { params: { project, service } },
  )
  return row?.n ?? '0'
}

export async function serviceDetail(
  clickhouse: ClickHouse,
  query: StepQuery & { service: string },
  nowMs: number,
): Promise<ServiceDetail | null> {
  const { project, service, from, to } = query
  const [counts, rates, latency, open, issues, deploys] = await Promise.all([
    countsByRelease(clickhouse, query),
    serviceRates(clickhouse, query, nowMs),
    serviceLatency(clickhouse, query),
    openIncidents(clickhouse, query),
    issuePage(clickhouse, {
      ...query,
      services: [service],
      text: '',
      sort: 'events',
      order: 'desc',
      cursor: null,
      limit: 20,
    }),
    deploysAround(clickhouse, { project, services: [service], from, to }),
  ])
  if (counts[0] === undefined) return null
  const sum = (of: 'events' | 'errors' | 'requests' | 'failures'): string =>
    String(counts.reduce((total, row) => total + Number(row[of]), 0))
  const row = serviceRow({
    service,
    events: sum('events'),
    errors: sum('errors'),
    requests: sum('requests'),
    failures: sum('failures'),
    last_s: counts[0].last_s,
    p50: latency.levels[0] ?? null,
    p95: latency.levels[1] ?? null,
    open_incidents: open,
  })
  return {
    ...row,
    releases: counts
      .map(({ release }) => release)
      .filter((release) => release !== '')
      .slice(0, RELEASES_MAX),
    issues: issues.items,
    deploys,
    rates,
    latency: latency.points,
  }
}
