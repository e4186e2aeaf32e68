import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { wallClock } from '#lib/time/now.ts'
import { DEFAULT_ISSUE_RANGE, ISSUE_ROWS, ISSUE_SORTS } from '#lib/issue/query.ts'
import { rangeOf } from '#lib/time/range.ts'
import { readChoice, readList } from '#lib/url-state.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const params = url.searchParams
  const range = rangeOf(params, wallClock(), DEFAULT_ISSUE_RANGE)
  const issues = await createApi(fetch).issues({
    ...rangeQuery(range),
    service: readList(params, 'service'),
    q: params.get('q'),
    sort: readChoice(params, 'sort', ISSUE_SORTS),
    order: readChoice(params, 'order', ['desc', 'asc']),
    cursor: params.get('cursor'),
    limit: ISSUE_ROWS,
  })
  return { issues, range }
}
