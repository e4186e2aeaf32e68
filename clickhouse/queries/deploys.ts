import type { ClickHouse } from '#/clickhouse/client.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { DeployQuery } from '#/schemas/reads.ts'
import type { DeployView, Page } from '#/schemas/view.ts'

interface Row extends Omit<DeployView, 'at' | 'errors_before' | 'errors_after'> {
  at: string
  /** Unix times, s: of the deploy, where its time on each side ends, and of the question. */
  moment: number
  begins: number
  ends: number
  asked: number
}

const WINDOW_MIN = 30
/** A deploy this near to the next one of its service is counted in steps of ten seconds: a rollback comes soon. */
const NEAR_S = 600
/** Steps of ten seconds are kept for three days. */
const STEPS_S = 2 * 86_400

/**
 * Deploys with the times for which they answer: at most half an hour on each side, and no further than the deploys next
 * to them.
 */
const BETWEEN = `SELECT *, toDateTime(occurred_at, 'UTC') AS time,
    greatest(time - INTERVAL ${WINDOW_MIN} MINUTE,
      toDateTime(lagInFrame(occurred_at, 1, toDateTime64(0, 3, 'UTC')) OVER same, 'UTC')) AS begin,
    least(time + INTERVAL ${WINDOW_MIN} MINUTE,
      toDateTime(leadInFrame(occurred_at, 1, toDateTime64(4294967295, 3, 'UTC')) OVER same, 'UTC')) AS end
  FROM deploys
  WHERE project = {project:String} AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL ${WINDOW_MIN} MINUTE
    AND occurred_at < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL ${WINDOW_MIN} MINUTE
  WINDOW same AS (PARTITION BY service, environment ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)`

/** What a deploy's errors are counted by; its times are whole steps of that. The step of a deploy counts as after it. */
interface Steps {
  table: 'events_10s' | 'volume_1m'
  seconds: number
}

const STEPS: Steps = { table: 'events_10s', seconds: 10 }
const MINUTES: Steps = { table: 'volume_1m', seconds: 60 }

function stepsOf({ moment, begins, ends, asked }: Row): Steps {
  const isNear = Math.min(moment - begins, ends - moment) < NEAR_S
  return isNear && asked - moment < STEPS_S ? STEPS : MINUTES
}

const floor = (time: number, { seconds }: Steps): number => time - (time % seconds)

/** Errors of the service before and after each deploy, so that each release answers for its own time. */
async function withRates(
  clickhouse: ClickHouse,
  project: string,
  rows: readonly Row[],
): Promise<DeployView[]> {
  const counted = await Promise.all(
    [STEPS, MINUTES].map(async (steps) => {
      const own = rows
        .map((row, place) => ({ row, place }))
        .filter(({ row }) => stepsOf(row) === steps)
      return own.length === 0 ? [] : countErrors(clickhouse, { project, steps, rows: own })
    }),
  )
  const byPlace = new Map(counted.flat().map((count) => [Number(count.place), count]))
  return rows.map((row, place) => {
    const { at, moment, begins, ends, asked, ...rest } = row
    const steps = stepsOf(row)
    const minutes = (from: number, to: number): number =>
      Math.max(floor(to, steps) - floor(from, steps), steps.seconds) / 60
    const { before = '0', after = '0' } = byPlace.get(place) ?? {}
    return {
      ...rest,
      at: Number(at),
      errors_before: perMinute(before, minutes(begins, moment)),
      errors_after: perMinute(after, minutes(moment, Math.min(ends, asked))),
    }
  })
}

/** A deploy with its place in the answer. */
interface Placed {
  row: Row
  place: number
}

interface Counted {
  place: string
  before: string
  after: string
}

async function countErrors(
  clickhouse: ClickHouse,
  { project, steps, rows }: { project: string; steps: Steps; rows: readonly Placed[] },
): Promise<Counted[]> {
  const times = (of: 'begins' | 'moment' | 'ends'): number[] =>
    rows.map(({ row }) => floor(row[of], steps))
  const [begins, moments, ends] = [times('begins'), times('moment'), times('ends')]
  const ranges = begins.map(
    (from, index) => `bucket >= toDateTime(${from}) AND bucket < toDateTime(${ends[index]})`,
  )
  return clickhouse.query(
    `SELECT w.1 AS place, sumIf(events, at >= w.3 AND at < w.4) AS before, sumIf(events, at >= w.4 AND at < w.5) AS after
     FROM (SELECT service, toInt64(toUnixTimestamp(bucket)) AS at, events FROM ${steps.table}
       WHERE project = {project:String} AND event_type = 'error' AND service IN {services:Array(String)} AND (${ranges.join(' OR ')})) AS e
     INNER JOIN (SELECT w, w.2 AS of FROM (
       SELECT arrayJoin(arrayZip({places:Array(Int64)}, {services:Array(String)}, {begins:Array(Int64)}, {moments:Array(Int64)}, {ends:Array(Int64)})) AS w)) AS d
     ON e.service = d.of
     GROUP BY place`,
    {
      params: {
        project,
        places: rows.map(({ place }) => place),
        services: rows.map(({ row }) => row.service),
        begins,
        moments,
        ends,
      },
    },
  )
}

function perMinute(count: string, minutes: number): number {
  return Math.round((Number(count) / minutes) * 100) / 100
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
    `SELECT deploy_id, service, environment, release, toUnixTimestamp64Milli(occurred_at) AS at, message, change_kind,
       toUnixTimestamp(time) AS moment, toUnixTimestamp(begin) AS begins, toUnixTimestamp(end) AS ends, toUnixTimestamp(now('UTC')) AS asked
     FROM (${BETWEEN})
     WHERE occurred_at >= fromUnixTimestamp64Milli({from:Int64}) AND occurred_at < fromUnixTimestamp64Milli({to:Int64})${conditions}
     ORDER BY occurred_at DESC, deploy_id DESC LIMIT {limit:UInt32}`,
    { params },
  )
  const items = await withRates(clickhouse, project, rows)
  return cutPage(items, query.limit, (last) => [last.at, last.deploy_id])
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
