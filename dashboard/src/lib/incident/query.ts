import type { Query } from '#lib/api/path.ts'
import { pastOf, pastParams } from '#lib/time/past.ts'
import type { Params } from '#lib/time/range.ts'
import { readChoice, readList } from '#lib/url-state.ts'

export const SORTS = ['severity', 'updated_at', 'opened_at', 'events'] as const
export const ORDERS = ['desc', 'asc'] as const
export const STATUSES = ['open', 'investigating', 'resolved'] as const
export const LEVELS = ['1', '2', '3', '4', '5'] as const
/** What the page does not know of an address is said on it. */
export const LIST_WORDS = { status: STATUSES, severity: LEVELS, sort: SORTS } as const
/** Rows of a page of the list. */
export const PAGE_ROWS = 200

/** What an address of the list asks the API for; words it does not know are left out. */
export function incidentQuery(params: Params): Query {
  return {
    status: knownOf(params, 'status'),
    severity: knownOf(params, 'severity'),
    service: readList(params, 'service'),
    q: params.get('q'),
    sort: readChoice(params, 'sort', SORTS),
    order: readChoice(params, 'order', ORDERS),
    ...pastParams(pastOf(params)),
    cursor: params.get('cursor'),
    limit: PAGE_ROWS,
  }
}

function knownOf(params: Params, name: 'status' | 'severity'): readonly string[] {
  const known: ReadonlySet<string> = new Set(LIST_WORDS[name])
  return readList(params, name).filter((word) => known.has(word))
}
