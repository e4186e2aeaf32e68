import type { ClickHouse } from '#/clickhouse/client.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { DeployQuery } from '#/schemas/reads.ts'
import type { DeployView, Page } from '#/schemas/view.ts'

interface Row extends Omit<DeployView, 'at' | 'errors_before' | 'errors_after'> {
  at: string
  before: string
  after: string
  minutes_before: number
  minutes_after: number
}

const WINDOW_MIN = 30

/**
 * Errors of the service before and after each deploy, from the minute rollup: at most half an hour on each side, and no
 * further than the deploys next to it, so that each release answers for its own time. The minute of a deploy counts as
 * after it.
 */
const WITH_RATES = `SELECT d.deploy_id AS deploy_id, d.service AS service, d.environment AS environment, d.release AS release,
    toUnixTimestamp64Milli(d.occurred_at) AS at, d.message AS message, d.change_kind AS change_kind,
    sumIf(e.errors, e.bucket >= d.begins AND e.bucket < d.minute) AS before,
    sumIf(e.errors, e.bucket >= d.minute AND e.bucket < d.ends) AS after,
    greatest(dateDiff('second', d.begins, d.minute) / 60, 1) AS minutes_before,
    greatest(dateDiff('second', d.minute, least(d.ends, now('UTC'))) / 60, 1) AS minutes_after
  FROM chosen AS d LEFT JOIN (
    SELECT service, bucket, sum(events) AS errors FROM volume_1m
    WHERE project = {project:String} AND event_type = 'error' AND service IN (SELECT service FROM chosen)
      AND bucket >= (SELECT min(begins) FROM chosen) AND bucket < (SELECT max(ends) FROM chosen)
    GROUP BY service, bucket
  ) AS e ON e.service = d.service
  GROUP BY deploy_id, service, environment, release, at, message, change_kind, minutes_before, minutes_after
  ORDER BY at DESC, deploy_id DESC`

/** Deploys with the times between which their errors are counted. */
const BETWEEN = `SELECT *, toStartOfMinute(toDateTime(occurred_at, 'UTC')) AS minute,
    toStartOfMinute(greatest(toDateTime(occurred_at, 'UTC') - INTERVAL ${WINDOW_MIN} MINUTE,
      toDateTime(lagInFrame(occurred_at, 1, toDateTime64(0, 3, 'UTC')) OVER same, 'UTC'))) AS begins,
    toStartOfMinute(least(toDateTime(occurred_at, 'UTC') + INTERVAL ${WINDOW_MIN} MINUTE,
      toDateTime(leadInFrame(occurred_at, 1, toDateTime64(4294967295, 3, 'UTC')) OVER same, 'UTC'))) AS ends
  FROM deploys
  WHERE project = {project:String} AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL ${WINDOW_MIN} MINUTE
    AND occurred_at < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL ${WINDOW_MIN} MINUTE
  WINDOW same AS (PARTITION BY service, environment ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)`

function perMinute(count: string, minutes: number): number {
  return Math.round((Number(count) / minutes) * 100) / 100
}

function deployView(row: Row): DeployView {
  const { before, after, at, minutes_before, minutes_after, ...rest } = row
  return {
    ...rest,
    at: Number(at),
    errors_before: perMinute(before, minutes_before),
    errors_after: perMinute(after, minutes_after),
  }
}

/** Newest first by (time, id). */
export async function deployPage(
  clickhouse: ClickHouse,
  query: DeployQuery,
): Promise<Page<DeployView>> {
  const { project, from, to, services } = query
  const params: Record<string, unknown> = { project, from, to, limit: query.limit + 1 }
  let conditions = ''
  if (services.length > 0) {
    conditions += ' AND service IN {services:Array(String)}'
    params['services'] = services
  }
  if (query.cursor !== null) {
    const [at, id] = decodeCursor(query.cursor, 2)
    conditions +=
      ' AND (occurred_at, deploy_id) < (fromUnixTimestamp64Milli({cursorAt:Int64}), {cursorId:String})'
    Object.assign(params, { cursorAt: Number(at), cursorId: String(id) })
  }
  // Mostly there is none, which a plain look tells much faster than all that follows.
  const [some] = await clickhouse.query<{ n: number }>(
    `SELECT 1 AS n FROM deploys WHERE project = {project:String} AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}) AND occurred_at < fromUnixTimestamp64Milli({to:Int64}) LIMIT 1`,
    { params },
  )
  if (some === undefined) return { items: [], next: null }
  const rows = await clickhouse.query<Row>(
    `WITH chosen AS (
      SELECT deploy_id, service, environment, release, occurred_at, message, change_kind, minute, begins, ends FROM (${BETWEEN})
      WHERE occurred_at >= fromUnixTimestamp64Milli({from:Int64}) AND occurred_at < fromUnixTimestamp64Milli({to:Int64})${conditions}
      ORDER BY occurred_at DESC, deploy_id DESC LIMIT {limit:UInt32}
    ) ${WITH_RATES}`,
    { params },
  )
  return cutPage(rows.map(deployView), query.limit, (last) => [last.at, last.deploy_id])
}

const AROUND_MAX = 50

/** Deploys of these services in a range: what went out around an incident. */
export async function deploysAround(
  clickhouse: ClickHouse,
  query: { project: string; services: readonly string[]; from: number; to: number },
): Promise<readonly DeployView[]> {
  if (query.services.length === 0) return []
  const page = await deployPage(clickhouse, { ...query, cursor: null, limit: AROUND_MAX })
  return page.items
}
