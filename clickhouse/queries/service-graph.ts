import type { ClickHouse } from '#/clickhouse/client.ts'
import type { RangeQuery } from '#/schemas/reads.ts'
import type { ServiceGraphView } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, OCCURRED_IN_RANGE, rangeParams } from './conditions.ts'
import { serviceList } from './services.ts'

const EDGES_MAX = 2_000
/** Calls are joined span by span: past this many events those of the newest whole minutes stand for the range. */
const EVENTS_MAX = 20_000
const SPANS_MAX = 200_000

/**
 * A call is a span whose parent belongs to another service. A span may be several events, a request and the errors in
 * it, and is one call; an event that names no span of its own is one by itself.
 */
const CALLS = `SELECT p.service AS caller, c.service AS callee, count() AS calls, countIf(c.severity >= 4) AS errors
  FROM (
    SELECT trace_id, parent_span_id, service, max(worst) AS severity FROM (
      SELECT trace_id, parent_span_id, service, severity AS worst, if(span_id = '', event_id, span_id) AS span
      FROM events
      WHERE ${OCCURRED_IN_RANGE} AND trace_id != '' AND parent_span_id != ''
      ORDER BY occurred_at DESC LIMIT ${SPANS_MAX}
    ) GROUP BY trace_id, parent_span_id, service, span
  ) AS c INNER JOIN (
    SELECT trace_id, span_id, any(service) AS service FROM events
    WHERE ${OCCURRED_IN_RANGE} AND trace_id != '' AND span_id != ''
    GROUP BY trace_id, span_id LIMIT ${SPANS_MAX}
  ) AS p ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
  WHERE p.service != c.service
  GROUP BY caller, callee ORDER BY calls DESC, caller, callee LIMIT ${EDGES_MAX}`

/** From when on events are joined, and how many of the range one of them stands for. */
async function newest(
  clickhouse: ClickHouse,
  query: RangeQuery,
): Promise<{ from: number; weight: number }> {
  const [row] = await clickhouse.query<{ all: string; some: string; begin: string }>(
    `SELECT sum(n) AS all, sumIf(n, after <= ${EVENTS_MAX}) AS some, minIf(at, after <= ${EVENTS_MAX}) AS begin
     FROM (SELECT at, n, sum(n) OVER (ORDER BY at DESC) AS after FROM (
       SELECT toInt64(toUnixTimestamp(bucket)) * 1000 AS at, sum(events) AS n FROM volume_1m WHERE ${BUCKET_IN_RANGE} GROUP BY at))`,
    { params: rangeParams(query) },
  )
  const [all, some] = [Number(row?.all ?? 0), Number(row?.some ?? 0)]
  if (all <= EVENTS_MAX) return { from: query.from, weight: 1 }
  // Not even the last minute fits: it is joined all the same, as far as spans go.
  if (some === 0) return { from: Math.max(query.from, query.to - 60_000), weight: 1 }
  return { from: Math.max(query.from, Number(row?.begin)), weight: all / some }
}

interface Call {
  caller: string
  callee: string
  calls: string
  errors: string
}

async function callsOf(
  clickhouse: ClickHouse,
  query: RangeQuery,
): Promise<{ weight: number; calls: readonly Call[] }> {
  const { from, weight } = await newest(clickhouse, query)
  const params = rangeParams({ ...query, from })
  return { weight, calls: await clickhouse.query<Call>(CALLS, { params }) }
}

/** Numbers of calls are estimates where only the newest events were joined. */
export async function serviceGraph(
  clickhouse: ClickHouse,
  query: RangeQuery,
): Promise<ServiceGraphView> {
  const [services, { weight, calls }] = await Promise.all([
    serviceList(clickhouse, query, { hasLevels: false }),
    callsOf(clickhouse, query),
  ])
  const nodes = services.map((row) => ({
    service: row.service,
    events: row.events,
    errors: row.errors,
    requests: row.requests,
    error_rate: row.error_rate,
    open_incidents: row.open_incidents,
    external: false,
  }))
  const edges = calls.map((row) => ({
    caller: row.caller,
    callee: row.callee,
    calls: Math.round(Number(row.calls) * weight),
    errors: Math.round(Number(row.errors) * weight),
    declared: false,
  }))
  return { nodes, edges }
}
