import type { ClickHouse } from '#/clickhouse/client.ts'
import { decodeCursor, encodeCursor } from '#/schemas/cursor.ts'
import type { DeployQuery } from '#/schemas/reads.ts'
import type { DeployView, Page } from '#/schemas/view.ts'

interface Row extends Omit<DeployView, 'at' | 'errors_before' | 'errors_after'> {
  at: string
  before: string
  after: string
}

const WINDOW_MIN = 30

// Errors of the service in the half hour before and after each deploy, from the minute rollup.
const WITH_RATES = `SELECT d.deploy_id AS deploy_id, d.service AS service, d.environment AS environment, d.release AS release,
    toUnixTimestamp64Milli(d.occurred_at) AS at, d.message AS message, d.change_kind AS change_kind,
    sumIf(e.errors, e.bucket >= d.occurred_at - INTERVAL ${WINDOW_MIN} MINUTE AND e.bucket < d.occurred_at) AS before,
    sumIf(e.errors, e.bucket >= d.occurred_at AND e.bucket < d.occurred_at + INTERVAL ${WINDOW_MIN} MINUTE) AS after
  FROM chosen AS d LEFT JOIN (
    SELECT service, bucket, sum(events) AS errors FROM events_1m
    WHERE project = {project:String} AND event_type = 'error' AND service IN (SELECT service FROM chosen)
      AND bucket >= (SELECT min(occurred_at) FROM chosen) - INTERVAL ${WINDOW_MIN} MINUTE
      AND bucket < (SELECT max(occurred_at) FROM chosen) + INTERVAL ${WINDOW_MIN} MINUTE
    GROUP BY service, bucket
  ) AS e ON e.service = d.service
  GROUP BY deploy_id, service, environment, release, at, message, change_kind
  ORDER BY at DESC, deploy_id DESC`

function perMinute(count: string): number {
  return Math.round((Number(count) / WINDOW_MIN) * 100) / 100
}

function deployView(row: Row): DeployView {
  const { before, after, at, ...rest } = row
  return {
    ...rest,
    at: Number(at),
    errors_before: perMinute(before),
    errors_after: perMinute(after),
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
  const rows = await clickhouse.query<Row>(
    `WITH chosen AS (
      SELECT deploy_id, service, environment, release, occurred_at, message, change_kind FROM deploys
      WHERE project = {project:String} AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}) AND occurred_at < fromUnixTimestamp64Milli({to:Int64})${conditions}
      ORDER BY occurred_at DESC, deploy_id DESC LIMIT {limit:UInt32}
    ) ${WITH_RATES}`,
    { params },
  )
  const items = rows.slice(0, query.limit).map(deployView)
  const last = items.at(-1)
  const next =
    rows.length > query.limit && last !== undefined ? encodeCursor([last.at, last.deploy_id]) : null
  return { items, next }
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
