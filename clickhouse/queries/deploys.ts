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
/** A deploy this near to the next one of its service is counted in steps of ten seconds: a rollback comes soon. */
const NEAR_MIN = 10
/** Where steps of ten seconds are kept for three days. */
const STEPS_DAYS = 2

/** Minutes in which near deploys lie, and the ends of their times. */
const EDGES =
  'SELECT arrayJoin([toStartOfMinute(begins), toStartOfMinute(moment), toStartOfMinute(ends)]) FROM chosen WHERE is_near'
const OF_CHOSEN = `project = {project:String} AND event_type = 'error' AND service IN (SELECT service FROM chosen)
      AND bucket >= (SELECT toStartOfMinute(min(begins)) FROM chosen) AND bucket < (SELECT max(ends) FROM chosen)`

const floor = (time: string): string =>
  `if(e.is_step, toStartOfInterval(${time}, INTERVAL 10 SECOND), toStartOfMinute(${time}))`
const seconds = (from: string, to: string): string =>
  `if(d.is_near,
      greatest(dateDiff('second', toStartOfInterval(${from}, INTERVAL 10 SECOND), toStartOfInterval(${to}, INTERVAL 10 SECOND)), 10),
      greatest(dateDiff('second', toStartOfMinute(${from}), toStartOfMinute(${to})), 60))`

/**
 * Errors of the service before and after each deploy: at most half an hour on each side, and no further than the
 * deploys next to it, so that each release answers for its own time. Whole minutes come from the minute rollup; those
 * in which near deploys lie come in steps of ten seconds. The step of a deploy counts as after it.
 */
const WITH_RATES = `SELECT d.deploy_id AS deploy_id, d.service AS service, d.environment AS environment, d.release AS release,
    toUnixTimestamp64Milli(d.occurred_at) AS at, d.message AS message, d.change_kind AS change_kind,
    sumIf(e.errors, e.bucket >= ${floor('d.begins')} AND e.bucket < ${floor('d.moment')}) AS before,
    sumIf(e.errors, e.bucket >= ${floor('d.moment')} AND e.bucket < ${floor('d.ends')}) AS after,
    ${seconds('d.begins', 'd.moment')} / 60 AS minutes_before,
    ${seconds('d.moment', "least(d.ends, now('UTC'))")} / 60 AS minutes_after
  FROM chosen AS d LEFT JOIN (
    SELECT service, bucket, false AS is_step, sum(events) AS errors FROM volume_1m
    WHERE ${OF_CHOSEN} AND bucket NOT IN (${EDGES})
    GROUP BY service, bucket
    UNION ALL
    SELECT service, bucket, true AS is_step, sum(events) AS errors FROM events_10s
    WHERE ${OF_CHOSEN} AND toStartOfMinute(bucket) IN (${EDGES})
    GROUP BY service, bucket
  ) AS e ON e.service = d.service
  GROUP BY deploy_id, service, environment, release, at, message, change_kind, minutes_before, minutes_after
  ORDER BY at DESC, deploy_id DESC`

/** Deploys with the times between which their errors are counted. */
const BETWEEN = `SELECT *, toDateTime(occurred_at, 'UTC') AS moment,
    greatest(moment - INTERVAL ${WINDOW_MIN} MINUTE,
      toDateTime(lagInFrame(occurred_at, 1, toDateTime64(0, 3, 'UTC')) OVER same, 'UTC')) AS begins,
    least(moment + INTERVAL ${WINDOW_MIN} MINUTE,
      toDateTime(leadInFrame(occurred_at, 1, toDateTime64(4294967295, 3, 'UTC')) OVER same, 'UTC')) AS ends,
    least(moment - begins, ends - moment) < ${NEAR_MIN * 60} AND moment > now('UTC') - INTERVAL ${STEPS_DAYS} DAY AS is_near
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
      SELECT deploy_id, service, environment, release, occurred_at, message, change_kind, moment, begins, ends, is_near FROM (${BETWEEN})
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
