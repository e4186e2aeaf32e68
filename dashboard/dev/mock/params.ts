/** What may be asked, as strictly as the API asks for it. */
import { FILTER_FIELDS } from '#lib/explore/query.ts'
import { HOUR } from './world.ts'

export interface Asked {
  path: string
  params: URLSearchParams
  now: number
}

export const number = (text: string | null, otherwise: number): number =>
  text === null || !Number.isFinite(Number(text)) ? otherwise : Number(text)

export function rangeOf({ params, now }: Asked): { from: number; to: number } {
  const to = number(params.get('to'), now)
  return { from: number(params.get('from'), to - HOUR), to }
}

const RANGE = ['from', 'to']
const PAGING = ['cursor', 'limit']
const FIELDS = Object.keys(FILTER_FIELDS)
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  overview: RANGE,
  deliveries: ['status', 'target', 'incident', ...RANGE, ...PAGING],
  'on-call': RANGE,
  incidents: [
    'status',
    'severity',
    'service',
    'q',
    'sort',
    'order',
    'at',
    'as',
    ...RANGE,
    ...PAGING,
  ],
  issues: ['service', 'q', 'sort', 'order', ...RANGE, ...PAGING],
  events: ['q', ...FIELDS, ...RANGE, ...PAGING],
  search: ['q', 'step', 'facets', ...FIELDS, ...RANGE, ...PAGING],
  services: RANGE,
  graph: RANGE,
  changes: ['q', 'incident', 'before_from', 'before_to', ...FIELDS, ...RANGE],
  deploys: ['service', ...RANGE, ...PAGING],
  metrics: ['q', 'step', 'metric', 'group_by', 'limit', 'at', 'as', ...FIELDS, ...RANGE],
}

/** The API refuses parameters it does not know, and so does its twin. */
export function unknownParam({ path, params }: Asked): string | null {
  const known = KNOWN[path.split('/')[1] ?? ''] ?? []
  return [...params.keys()].find((name) => !known.includes(name)) ?? null
}
