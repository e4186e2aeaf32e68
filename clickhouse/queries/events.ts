import type { ClickHouse } from '#/clickhouse/client.ts'
import { columnsOf } from '#/schemas/columns.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { EventQuery, SearchQuery } from '#/schemas/reads.ts'
import type { EventView, Page, SearchView } from '#/schemas/view.ts'
import { selectionConditions } from './conditions.ts'
import { searchCounts } from './search-counts.ts'

const TIMES = new Set(['occurred_at', 'received_at'])
const HIDDEN = new Set(['id_made'])
// Aliased, since an alias with a column's own name would take its place in WHERE.
export const EVENT_COLUMNS = columnsOf('GroupedEvent')
  .filter(({ name }) => !HIDDEN.has(name))
  .map(({ name }) => (TIMES.has(name) ? `toUnixTimestamp64Milli(${name}) AS ${name}_ms` : name))
  .join(', ')

type EventRow = Omit<EventView, 'occurred_at' | 'received_at' | 'attributes'> & {
  occurred_at_ms: string
  received_at_ms: string
  attributes: Record<string, string>
  attribute_kinds: Record<string, string>
}

function restore(text: string, kind: string | undefined): string | number | boolean | object {
  if (kind === 'number') return Number(text)
  if (kind === 'boolean') return text === 'true'
  if (kind !== 'json') return text
  try {
    return JSON.parse(text) as object
  } catch {
    return text
  }
}

export function eventView(row: EventRow): EventView {
  const { occurred_at_ms, received_at_ms, attributes, attribute_kinds, ...rest } = row
  const restored = Object.entries(attributes).map(
    ([name, text]) => [name, restore(text, attribute_kinds[name])] as const,
  )
  return {
    ...rest,
    occurred_at: Number(occurred_at_ms),
    received_at: Number(received_at_ms),
    attributes: Object.fromEntries(restored),
  }
}

/** How far back is looked first, and then: what is asked for mostly lies at the end of the range. */
const LOOKS_BACK_MS = [60_000, 600_000, 3_600_000]
/** Of what a word or a filter leaves there is too little in a minute. */
const LOOKS_BACK_FOR_SOME_MS = LOOKS_BACK_MS.slice(1)
/** What has one of these is rare and known to an index: all of the range is looked through at once. */
const RARE: ReadonlySet<string> = new Set(['user_id', 'request_id', 'trace_id'])
/** A look that saves less than this part of the work is left out. */
const LOOK_PART_MAX = 0.25

function looksFor({ filters, text }: EventQuery): readonly number[] {
  if (filters.some(({ field, exclude }) => RARE.has(field) && !exclude)) return []
  return filters.length === 0 && text === '' ? LOOKS_BACK_MS : LOOKS_BACK_FOR_SOME_MS
}

/**
 * Newest first by (occurred_at, event_id). Events do not lie in order of time: to find the newest ones every granule of
 * the range would be read. Its last minute alone, then more of it, is enough as soon as it holds a whole page.
 */
export async function eventPage(
  clickhouse: ClickHouse,
  query: EventQuery,
): Promise<Page<EventView>> {
  const cursor = query.cursor === null ? null : decodeCursor(query.cursor, 2)
  const to = cursor === null ? query.to : Math.min(query.to, Number(cursor[0]) + 1)
  const looks = looksFor(query).filter((ms) => ms < LOOK_PART_MAX * (to - query.from))
  for (const from of [...looks.map((ms) => to - ms), query.from]) {
    const rows = await newestRows(clickhouse, { ...query, from, to }, cursor)
    if (rows.length > query.limit || from === query.from)
      return cutPage(rows.map(eventView), query.limit, (last) => [last.occurred_at, last.event_id])
  }
  return { items: [], next: null }
}

function newestRows(
  clickhouse: ClickHouse,
  query: EventQuery,
  cursor: readonly (string | number)[] | null,
): Promise<EventRow[]> {
  const { where, params } = selectionConditions(query)
  const before =
    cursor === null
      ? ''
      : ' AND (occurred_at, event_id) < (fromUnixTimestamp64Milli({cursorAt:Int64}), {cursorId:String})'
  // Of the column itself the newest so far would be looked for before the words, in every row of the range.
  const time = query.text === '' ? 'occurred_at' : 'occurred_at_ms'
  const at = cursor === null ? {} : { cursorAt: Number(cursor[0]), cursorId: String(cursor[1]) }
  return clickhouse.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE ${where}${before} ORDER BY ${time} DESC, event_id DESC LIMIT {limit:UInt32}`,
    { params: { ...params, ...at, limit: query.limit + 1 } },
  )
}

export async function eventById(
  clickhouse: ClickHouse,
  query: { project: string; eventId: string },
): Promise<EventView | null> {
  const rows = await clickhouse.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE project = {project:String} AND event_id = {eventId:String} ORDER BY received_at LIMIT 1`,
    { params: query },
  )
  return rows[0] === undefined ? null : eventView(rows[0])
}

export async function search(
  clickhouse: ClickHouse,
  query: SearchQuery,
  nowMs: number,
): Promise<SearchView> {
  const [page, { histogram, facets }] = await Promise.all([
    eventPage(clickhouse, query),
    searchCounts(clickhouse, query, nowMs),
  ])
  const total = histogram.reduce((sum, point) => sum + point.value, 0)
  return { ...page, total, facets, histogram }
}
