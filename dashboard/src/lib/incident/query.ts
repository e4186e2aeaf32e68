import type { Query } from '#lib/api/path.ts'
import { pastOf, pastParams } from '#lib/time/past.ts'
import type { Params } from '#lib/time/range.ts'
import { readChoice, readList } from '#lib/url-state.ts'

export const SORTS = ['severity', 'updated_at', 'opened_at', 'events'] as const
export const ORDERS = ['desc', 'asc'] as const
const STATUSES: ReadonlySet<string> = new Set(['open', 'investigating', 'resolved'])
/** Rows of a page of the list. */
export const PAGE_ROWS = 200

/** What an address of the list asks the API for; words it does not know are left out, not passed on. */
export function incidentQuery(params: Params): Query {
  return {
    status: readList(params, 'status').filter((status) => STATUSES.has(status)),
    severity: readList(params, 'severity').filter((level) => /^[1-5]$/.test(level)),
    service: readList(params, 'service'),
    q: params.get('q'),
    sort: readChoice(params, 'sort', SORTS),
    order: readChoice(params, 'order', ORDERS),
    ...pastParams(pastOf(params)),
    cursor: params.get('cursor'),
    limit: PAGE_ROWS,
  }
}
