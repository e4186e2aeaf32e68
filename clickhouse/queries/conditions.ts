import type { EventFilter, EventSelection } from '#/schemas/reads.ts'

/** A WHERE clause with its parameters; nothing a caller sends becomes part of the text. */
export interface Conditions {
  where: string
  params: Record<string, unknown>
}

const NUMERIC = new Set(['severity', 'status_code'])

/** The words of a search text, as the text index cuts them. */
export function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .slice(0, 32)
}

function filterCondition(filter: EventFilter, name: string): string {
  const column = NUMERIC.has(filter.field) ? `toString(${filter.field})` : filter.field
  return `${column} ${filter.exclude ? 'NOT IN' : 'IN'} {${name}:Array(String)}`
}

export function rangeParams(query: {
  project: string
  from: number
  to: number
}): Record<string, unknown> {
  return { project: query.project, from: query.from, to: query.to }
}

export const OCCURRED_IN_RANGE =
  'project = {project:String} AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}) AND occurred_at < fromUnixTimestamp64Milli({to:Int64})'

/** Buckets that lie in the range; the first one may begin before it. */
export const BUCKET_IN_RANGE =
  'project = {project:String} AND bucket >= toDateTime(intDiv({from:Int64}, 1000)) AND bucket < toDateTime(intDiv({to:Int64} + 999, 1000))'

export function filterConditions(filters: readonly EventFilter[]): Conditions {
  const params: Record<string, unknown> = {}
  const parts = filters.map((filter, index) => {
    params[`f${index}`] = filter.values
    return filterCondition(filter, `f${index}`)
  })
  return { where: parts.map((part) => ` AND ${part}`).join(''), params }
}

/** What a selection of raw events means in SQL. */
export function selectionConditions(selection: EventSelection): Conditions {
  const { where, params } = filterConditions(selection.filters)
  const words = wordsOf(selection.text)
  const text = words.length === 0 ? '' : ' AND hasAllTokens(lower(message), {words:Array(String)})'
  return {
    where: `${OCCURRED_IN_RANGE}${where}${text}`,
    params: { ...rangeParams(selection), ...params, ...(words.length === 0 ? {} : { words }) },
  }
}
