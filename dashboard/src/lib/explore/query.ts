/** What an address of Explore asks for, and which live events belong into it. Pure. */
import type { Query } from '#lib/api/path.ts'
import type { EventField, EventView } from '#lib/contract.ts'
import type { Vocabulary } from '#lib/left-out/left-out.ts'
import type { Params, TimeRange } from '#lib/time/range.ts'
import { readList } from '#lib/url-state.ts'

/** Fields of an event that can be filtered, and how they are called. */
export const FILTER_FIELDS = {
  event_type: 'Type',
  severity: 'Severity',
  service: 'Service',
  environment: 'Environment',
  release: 'Release',
  error_type: 'Error type',
  host: 'Host',
  error_code: 'Error code',
  route: 'Route',
  method: 'Method',
  status_code: 'Status code',
  user_id: 'User',
  session_id: 'Session',
  request_id: 'Request',
  trace_id: 'Trace',
  fingerprint: 'Fingerprint',
} as const satisfies Readonly<Record<EventField, string>>

export type FilterField = keyof typeof FILTER_FIELDS

export const FACET_FIELDS: readonly FilterField[] = [
  'event_type',
  'severity',
  'service',
  'environment',
  'release',
  'error_type',
]

/** What the chart can be split by, beside the severity. */
export const GROUP_FIELDS: readonly FilterField[] = [
  'service',
  'event_type',
  'route',
  'release',
  'host',
  'status_code',
  'error_type',
]

/** What the page does not know of an address is said on it; values of fields are the API's to judge. */
export const EXPLORE_WORDS: Vocabulary = {
  ...Object.fromEntries(Object.keys(FILTER_FIELDS).map((field) => [field, 'any' as const])),
  by: ['severity', ...GROUP_FIELDS],
}

/** `by=service`; anything else is the severity. */
export const readGroup = (params: Params): FilterField | null =>
  GROUP_FIELDS.find((field) => field === params.get('by')) ?? null

export const WINDOW_ROWS = 200

export interface Selection {
  text: string
  filters: readonly { field: FilterField; values: readonly string[] }[]
}

export function readSelection(params: Params): Selection {
  const filters = (Object.keys(FILTER_FIELDS) as FilterField[]).flatMap((field) => {
    const values = readList(params, field)
    return values.length === 0 ? [] : [{ field, values }]
  })
  return { text: (params.get('q') ?? '').trim().slice(0, 500), filters }
}

/** Words and filters as every question of the API takes them. */
export function filterQuery({ text, filters }: Selection): Query {
  return { q: text, ...Object.fromEntries(filters.map(({ field, values }) => [field, values])) }
}

export function searchQuery(selection: Selection, range: Query, cursor: string | null): Query {
  return {
    ...range,
    q: selection.text,
    ...Object.fromEntries(selection.filters.map(({ field, values }) => [field, values])),
    facets: FACET_FIELDS,
    cursor,
    limit: WINDOW_ROWS,
  }
}

/** The same rule the search follows: every word occurs in the message, every filter holds. `!x` excludes. */
export function matchesSelection(event: EventView, { text, filters }: Selection): boolean {
  const message = event.message.toLowerCase()
  const words = text.toLowerCase().split(/\s+/)
  if (!words.every((word) => message.includes(word))) return false
  return filters.every(({ field, values }) => {
    const value = String(event[field])
    const wanted = values.filter((one) => !one.startsWith('!'))
    return !values.includes(`!${value}`) && (wanted.length === 0 || wanted.includes(value))
  })
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const time = (at: number): string => `fromUnixTimestamp64Milli(${Math.round(at)})`

const NUMBERS: ReadonlySet<string> = new Set(['severity', 'status_code'])

/** The query behind the view, to go on with by hand. */
export function selectionSql({ text, filters }: Selection, range: TimeRange): string {
  const conditions = [`occurred_at >= ${time(range.from)}`, `occurred_at < ${time(range.to)}`]
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    conditions.push(`positionCaseInsensitiveUTF8(message, ${quoted(word)}) > 0`)
  }
  for (const { field, values } of filters) {
    const literal = (value: string): string =>
      NUMBERS.has(field) && /^\d+$/.test(value) ? value : quoted(value)
    const wanted = values.filter((value) => !value.startsWith('!'))
    const unwanted = values.filter((value) => value.startsWith('!')).map((value) => value.slice(1))
    if (wanted.length > 0) conditions.push(`${field} IN (${wanted.map(literal).join(', ')})`)
    if (unwanted.length > 0)
      conditions.push(`${field} NOT IN (${unwanted.map(literal).join(', ')})`)
  }
  return [
    'SELECT occurred_at, service, severity, message',
    'FROM events',
    `WHERE ${conditions.join('\n  AND ')}`,
    'ORDER BY occurred_at DESC',
    'LIMIT 200',
  ].join('\n')
}
