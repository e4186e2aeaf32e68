import type { ClickHouse } from '#/clickhouse/client.ts'
import type { RangeQuery } from '#/schemas/reads.ts'
import type { ServiceGraphView } from '#/schemas/view.ts'
import { OCCURRED_IN_RANGE, rangeParams } from './conditions.ts'
import { serviceList } from './services.ts'

const EDGES_MAX = 2_000
/** Spans joined at most; a longer range shows the calls of its newest ones. */
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

export async function serviceGraph(
  clickhouse: ClickHouse,
  query: RangeQuery,
): Promise<ServiceGraphView> {
  const [services, calls] = await Promise.all([
    serviceList(clickhouse, query),
    clickhouse.query<{ caller: string; callee: string; calls: string; errors: string }>(CALLS, {
      params: rangeParams(query),
    }),
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
    calls: Number(row.calls),
    errors: Number(row.errors),
    declared: false,
  }))
  return { nodes, edges }
}
