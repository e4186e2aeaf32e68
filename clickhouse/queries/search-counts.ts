import type { ClickHouse } from '#/clickhouse/client.ts'
import type { EventField, SearchQuery } from '#/schemas/reads.ts'
import type { FacetView, SeriesPoint } from '#/schemas/view.ts'
import { selectionConditions } from './conditions.ts'
import { hasTenSeconds, wholeMinutes, type WholeMinutes } from './whole-minutes.ts'

const FACET_VALUES = 12
const MINUTE_MS = 60_000
const NUMBERS: ReadonlySet<EventField> = new Set(['severity', 'status_code'])

export interface SearchCounts {
  histogram: SeriesPoint[]
  facets: readonly FacetView[]
}

/** Events by severity over time, and the most frequent values of each field. */
export async function searchCounts(
  clickhouse: ClickHouse,
  query: SearchQuery,
  nowMs: number,
): Promise<SearchCounts> {
  const fields = [...new Set(query.facets)]
  // A rollup knows routes or kinds of errors, not both, and none knows hosts: those are counted apart, over the events
  // that have them. Where no rollup can be asked all is counted in one pass over the events.
  const canRollUp = wholeMinutes(query, []) !== null
  const together: EventField[] = []
  for (const field of fields)
    if (!canRollUp || wholeMinutes(query, [...together, field]) !== null) together.push(field)
  const apart = fields.filter((field) => !together.includes(field))
  const whole = canRollUp ? wholeMinutes(query, together) : null
  const first = rowsOf(query, { whole, fields: together, nowMs })
  const found = await Promise.all([
    counted(clickhouse, query, { ...first, fields: together }),
    ...apart.map((field) => counted(clickhouse, query, apartRows(query, field))),
  ])
  const facets = new Map(found.flatMap((one) => [...one.facets]))
  return {
    histogram: found[0]?.histogram ?? [],
    facets: query.facets.map((field) => ({ field, values: facets.get(field) ?? [] })),
  }
}

/** Rows with the fields and `n` events each; where they count for the histogram, `at` and `h` events more. */
interface Rows {
  from: string
  params: Record<string, unknown>
  fields: readonly EventField[]
  hasHistogram: boolean
}

const stepOf = (ms: string): string => `intDiv(toInt64(${ms}), {step:Int64}) * {step:Int64}`
const AT_OF_EVENT = stepOf('toUnixTimestamp64Milli(occurred_at)')
const AT_OF_BUCKET = stepOf('toUnixTimestamp(bucket) * 1000')
const NEVER = 'toInt64(0)'
/** Columns of a union go by their place; a name of its own would be taken for the column in conditions. */
const nothing = (field: EventField): string =>
  field === 'severity' ? 'toUInt8(0)' : "CAST('', 'LowCardinality(String)')"

interface Select {
  from: string
  where: string
  columns: readonly string[]
  at: string
  /** Events a row counts in a facet and in the histogram. */
  n: string
  h: string
}

const select = ({ from, where, columns, at, n, h }: Select): string =>
  `SELECT ${[`${at} AS at`, 'severity AS level', ...columns, `toUInt64(${n}) AS n`, `toUInt64(${h}) AS h`].join(', ')} FROM ${from} WHERE ${where}`

/** All rows of the first statement: those of rollups for whole minutes, events for the rest. */
function rowsOf(
  query: SearchQuery,
  {
    whole,
    fields,
    nowMs,
  }: { whole: WholeMinutes | null; fields: readonly EventField[]; nowMs: number },
): Omit<Rows, 'fields'> {
  const raw = selectionConditions(query)
  const events = { from: 'events', columns: fields, at: AT_OF_EVENT }
  if (whole === null) {
    const from = `(${select({ ...events, where: raw.where, n: '1', h: '1' })})`
    return { from, params: raw.params, hasHistogram: true }
  }
  const isByMinute = query.stepMs % MINUTE_MS === 0
  const minutes = select({
    from: whole.table,
    where: whole.rollup,
    columns: fields,
    at: isByMinute ? AT_OF_BUCKET : NEVER,
    n: 'events',
    h: isByMinute ? 'events' : '0',
  })
  const ends = select({ ...events, where: whole.ends, n: '1', h: '1' })
  const all = [minutes, ends, ...(isByMinute ? [] : [finer(query, { whole, fields, nowMs })])]
  return { from: `(${all.join(' UNION ALL ')})`, params: whole.params, hasHistogram: true }
}

/** The histogram of whole minutes in steps that are shorter. */
function finer(
  query: SearchQuery,
  { whole, fields, nowMs }: { whole: WholeMinutes; fields: readonly EventField[]; nowMs: number },
): string {
  const base = { columns: fields.map(nothing), n: '0' }
  if (hasTenSeconds(query, nowMs))
    return select({
      ...base,
      from: 'events_10s',
      where: whole.rollup,
      at: AT_OF_BUCKET,
      h: 'events',
    })
  return select({ ...base, from: 'events', where: whole.inside, at: AT_OF_EVENT, h: '1' })
}

/** One field alone, on the column itself, so that rows without a value are left out before anything else is read. */
function apartRows(query: SearchQuery, field: EventField): Rows {
  const whole = wholeMinutes(query, [field])
  const some = ` AND ${field} != ${NUMBERS.has(field) ? '0' : "''"}`
  const raw = selectionConditions(query)
  const of = (from: string, where: string, n: string): string =>
    `SELECT ${field}, toUInt64(${n}) AS n FROM ${from} WHERE ${where}${some}`
  const from =
    whole === null
      ? of('events', raw.where, '1')
      : `${of(whole.table, whole.rollup, 'events')} UNION ALL ${of('events', whole.ends, '1')}`
  return { from: `(${from})`, params: (whole ?? raw).params, fields: [field], hasHistogram: false }
}

interface Found {
  found: string
  at: string
  value: string
  events: string
}

async function counted(
  clickhouse: ClickHouse,
  query: SearchQuery,
  { from, params, fields, hasHistogram }: Rows,
): Promise<{ histogram: SeriesPoint[]; facets: Map<EventField, FacetView['values']> }> {
  if (fields.length === 0 && !hasHistogram) return { histogram: [], facets: new Map() }
  const over = [...(hasHistogram ? ['at', 'level'] : []), ...fields]
  const places = new Map(over.map((name, index) => [name, 2 ** (over.length - 1 - index)]))
  // What a set leaves out has its bit set, the first name the highest.
  const setOf = (...names: readonly string[]): number =>
    names.reduce((bits, name) => bits - (places.get(name) ?? 0), 2 ** over.length - 1)
  const isPoint = hasHistogram ? setOf('at', 'level') : -1
  const sets = [...(hasHistogram ? ['(at, level)'] : []), ...fields.map((field) => `(${field})`)]
  const values = [
    ...(hasHistogram ? [`found = ${isPoint}, toString(level)`] : []),
    ...fields.map((field) => `found = ${setOf(field)}, toString(${field})`),
  ]
  const rows = await clickhouse.query<Found>(
    `SELECT * FROM (SELECT grouping(${over.join(', ')}) AS found, ${hasHistogram ? 'at' : '0 AS at'}, multiIf(${values.join(', ')}, '') AS value,
        ${hasHistogram ? `if(found = ${isPoint}, sum(h), sum(n))` : 'sum(n)'} AS events
      FROM ${from} GROUP BY GROUPING SETS (${sets.join(', ')}))
     WHERE events > 0 AND (found = ${isPoint} OR value NOT IN ('', '0'))
     ORDER BY events DESC, value LIMIT ${FACET_VALUES} BY found, at`,
    { params: { ...params, step: query.stepMs } },
  )
  const bySet = Map.groupBy(rows, (row) => Number(row.found))
  const points = (bySet.get(isPoint) ?? []).map(({ at, value, events }) => ({
    at: Number(at),
    series: value,
    value: Number(events),
  }))
  points.sort((a, b) => a.at - b.at || (a.series < b.series ? -1 : 1))
  const facets = fields.map((field) => {
    const found = bySet.get(setOf(field)) ?? []
    return [field, found.map(({ value, events }) => ({ value, events: Number(events) }))] as const
  })
  return { histogram: points, facets: new Map(facets) }
}
