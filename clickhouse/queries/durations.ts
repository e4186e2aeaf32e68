import type { ClickHouse } from '#/clickhouse/client.ts'
import type { MetricsQuery } from '#/schemas/reads.ts'
import { filterConditions } from './conditions.ts'

const MIGRATION = 'durations'
const DAY_MS = 86_400_000
const known = new WeakMap<ClickHouse, Promise<number>>()

/**
 * From when on `durations_1m` holds everything. The migration that made it filled it from two days before; what an
 * import brought in from earlier lies in it too, but not what was there already.
 */
export function durationsSince(clickhouse: ClickHouse): Promise<number> {
  const asked = known.get(clickhouse) ?? ask(clickhouse)
  known.set(clickhouse, asked)
  // What failed is asked again.
  asked.catch(() => known.delete(clickhouse))
  return asked
}

async function ask(clickhouse: ClickHouse): Promise<number> {
  const [row] = await clickhouse.query<{ day: string }>(
    `SELECT toUnixTimestamp(toStartOfDay(min(applied_at))) * 1000 AS day FROM schema_migrations WHERE name = '${MIGRATION}'`,
  )
  // A day less than was filled: the statements may have run before midnight.
  return Number(row?.day ?? 0) - DAY_MS
}

const FIELDS = new Set(['service', 'environment'])
const LEVELS = new Set(['latency_p50', 'latency_p95', 'latency_p99'])

/** Whether the minutes of durations know what is asked, by their fields alone. */
export function durationsFit(query: MetricsQuery): boolean {
  const { filters, groupBy, text, stepMs, moment } = query
  const fields = [...filters.map(({ field }) => field), ...(groupBy === null ? [] : [groupBy])]
  const isKnown = moment === undefined && text === '' && fields.every((field) => FIELDS.has(field))
  return LEVELS.has(query.metric) && stepMs % 60_000 === 0 && isKnown
}

/** Which rows, with the parameters of `filterConditions`: those of services where they matter, else the sums over all. */
export function durationRows(query: Pick<MetricsQuery, 'filters' | 'groupBy'>): { where: string } {
  const isByService =
    query.groupBy === 'service' || query.filters.some(({ field }) => field === 'service')
  const { where } = filterConditions(query.filters)
  return { where: ` AND service ${isByService ? '!=' : '='} ''${where}` }
}
