import type { ClickHouse } from '#/clickhouse/client.ts'
import { headlineOf } from '#/schemas/headline.ts'
import type { StepQuery } from '#/schemas/reads.ts'
import type { Overview } from '#/schemas/view.ts'
import { BUCKET_IN_RANGE, rangeParams } from './conditions.ts'
import { deployPage } from './deploys.ts'
import { incidentPage } from './incidents.ts'

const SHOWN_INCIDENTS = 20
const RATE_WINDOW_MS = 60_000

export async function overview(
  clickhouse: ClickHouse,
  query: StepQuery & { nowMs: number },
): Promise<Omit<Overview, 'now' | 'lag_records'>> {
  const { project, nowMs } = query
  const step = query.stepMs
  const active = {
    project,
    status: ['open', 'investigating'] as const,
    severity: [],
    services: [],
    text: '',
    from: null,
    to: null,
  }
  const [incidents, rates, deploys, totals] = await Promise.all([
    incidentPage(clickhouse, {
      ...active,
      sort: 'severity',
      order: 'desc',
      cursor: null,
      limit: SHOWN_INCIDENTS,
    }),
    clickhouse.query<{ at: string; severity: number; value: string }>(
      `SELECT intDiv(toInt64(toUnixTimestamp(bucket)) * 1000, {step:Int64}) * {step:Int64} AS at, severity, sum(events) AS value FROM volume_1m WHERE ${BUCKET_IN_RANGE} GROUP BY at, severity ORDER BY at, severity`,
      { params: { ...rangeParams(query), step } },
    ),
    deployPage(clickhouse, { ...query, services: [], cursor: null, limit: 40 }),
    // The small questions in one: on the embedded engine a round trip costs more than any of them.
    clickhouse.query<{ open: string; users: string; recent: string; known: string }>(
      `SELECT count() AS open, sum(users) AS users,
         (SELECT sum(events) FROM events_10s WHERE ${BUCKET_IN_RANGE}) AS recent,
         (SELECT count() FROM (SELECT 1 FROM events_1h WHERE project = {project:String} LIMIT 1)) AS known
       FROM incidents FINAL WHERE project = {project:String} AND status != 'resolved' AND redirect_to = ''`,
      { params: { project, from: nowMs - RATE_WINDOW_MS, to: nowMs } },
    ),
  ])
  const hasData = Number(totals[0]?.known ?? 0) > 0
  const open = Number(totals[0]?.open ?? 0)
  return {
    headline: headlineOf(incidents.items, { hasData, nowMs, deploys: deploys.items, open }),
    open_incidents: open,
    users_affected: Number(totals[0]?.users ?? 0),
    events_per_second:
      Math.round((Number(totals[0]?.recent ?? 0) / (RATE_WINDOW_MS / 1000)) * 10) / 10,
    incidents: incidents.items,
    rates: rates.map(({ at, severity, value }) => ({
      at: Number(at),
      series: String(severity),
      value: Number(value),
    })),
    deploys: deploys.items,
    has_data: hasData,
  }
}
