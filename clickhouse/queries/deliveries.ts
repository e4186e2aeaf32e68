import type { ClickHouse } from '#/clickhouse/client.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type {
  DeliveryQuery,
  DeliveryReads,
  DeliveryView,
  LoadQuery,
  OnCallView,
} from '#/schemas/notify-view.ts'

type Step = [
  at: string,
  status: string,
  attempt: number,
  status_code: number,
  duration_ms: number | null,
  detail: string,
]

interface Row extends Omit<DeliveryView, 'planned_at' | 'next_at' | 'steps'> {
  planned_at: string
  next_at: string | null
  steps: readonly Step[]
}

/** A repeated insert is dropped by its token, a replayed one is another table: rows of a step are one. */
const GROUPED = `SELECT d.delivery_id AS delivery_id, any(d.incident_id) AS incident_id, any(d.incident_number) AS incident_number,
    any(d.title) AS title, any(d.severity) AS severity, any(d.reason) AS reason, any(d.target) AS target,
    any(d.target_kind) AS target_kind, argMax(d.status, d._offset) AS status, min(d.at) AS planned,
    toUnixTimestamp64Milli(min(d.at)) AS planned_at,
    toUnixTimestamp64Milli((argMax(tuple(d.next_at), d._offset)).1) AS next_at,
    any(d.on_call) AS on_call, any(d.is_page) AS is_page, any(d.is_night) AS is_night,
    arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((d._offset,
      (toUnixTimestamp64Milli(d.at), d.status, d.attempt, d.status_code, d.duration_ms, d.detail))))) AS steps
  FROM deliveries AS d WHERE d.project = {project:String}`

/** Newest first by (planned, id). */
async function deliveryPage(clickhouse: ClickHouse, query: DeliveryQuery) {
  const { project, from, to, status, targets, incidentId } = query
  const params: Record<string, unknown> = { project, from, to, limit: query.limit + 1 }
  let where = ''
  if (targets.length > 0) where += ' AND d.target IN {targets:Array(String)}'
  if (incidentId !== '') where += ' AND d.incident_id = {incidentId:String}'
  let having =
    'planned >= fromUnixTimestamp64Milli({from:Int64}) AND planned < fromUnixTimestamp64Milli({to:Int64})'
  if (status.length > 0) having += ' AND status IN {status:Array(String)}'
  Object.assign(params, { targets, incidentId, status })
  if (query.cursor !== null) {
    const [at, id] = decodeCursor(query.cursor, 2)
    having +=
      ' AND (planned, delivery_id) < (fromUnixTimestamp64Milli({cursorAt:Int64}), {cursorId:String})'
    Object.assign(params, { cursorAt: Number(at), cursorId: String(id) })
  }
  const rows = await clickhouse.query<Row>(
    `SELECT * EXCEPT (planned) FROM (
      ${GROUPED} AND d.at >= fromUnixTimestamp64Milli({from:Int64})${where}
      GROUP BY d.delivery_id HAVING ${having} ORDER BY planned DESC, delivery_id DESC LIMIT {limit:UInt32}
    )`,
    { params },
  )
  return cutPage(rows.map(viewOf), query.limit, (last) => [last.planned_at, last.delivery_id])
}

function viewOf({ planned_at, next_at, steps, ...rest }: Row): DeliveryView {
  return {
    ...rest,
    planned_at: Number(planned_at),
    next_at: next_at === null ? null : Number(next_at),
    steps: steps.map(([at, status, attempt, status_code, duration_ms, detail]) => ({
      at: Number(at),
      status,
      attempt,
      status_code,
      duration_ms,
      detail,
    })),
  }
}

/** One page is one step of one incident, however many targets were told of it. */
const FIGURES = `uniqExact((incident_id, reason, incident_seq)) AS pages,
    uniqExactIf(toDate(toTimeZone(at, {timeZone:String}) - INTERVAL 12 HOUR), is_night) AS nights,
    uniqExact(incident_id) AS incidents`
const PAGES = `FROM deliveries WHERE project = {project:String} AND is_page AND status = 'delivered'
    AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})`

function numbers(row: Record<'pages' | 'nights' | 'incidents', string>) {
  return {
    pages: Number(row.pages),
    nights: Number(row.nights),
    incidents: Number(row.incidents),
  }
}

async function load(
  clickhouse: ClickHouse,
  query: LoadQuery,
): Promise<Pick<OnCallView, 'people' | 'weeks'>> {
  const params = { ...query }
  const people = await clickhouse.query<
    Record<'person' | 'pages' | 'nights' | 'incidents', string>
  >(`SELECT on_call AS person, ${FIGURES} ${PAGES} GROUP BY person ORDER BY pages DESC, person`, {
    params,
  })
  const weeks = await clickhouse.query<Record<'week' | 'pages' | 'nights' | 'incidents', string>>(
    `SELECT toUnixTimestamp(toDateTime(toMonday(toTimeZone(at, {timeZone:String})), {timeZone:String})) * 1000 AS week, ${FIGURES}
    ${PAGES} GROUP BY week ORDER BY week`,
    { params },
  )
  return {
    people: people.map((row) => ({ person: row.person, ...numbers(row) })),
    weeks: weeks.map((row) => ({ week: Number(row.week), ...numbers(row) })),
  }
}

export function createDeliveryReads(clickhouse: ClickHouse): DeliveryReads {
  return {
    deliveries: (query) => deliveryPage(clickhouse, query),
    load: (query) => load(clickhouse, query),
  }
}
