import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { DEFAULT_ISSUE_RANGE } from '#lib/issue/query.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const range = rangeOf(url.searchParams, wallClock(), DEFAULT_ISSUE_RANGE)
  return { issue: await createApi(fetch).issue(params.fp, rangeQuery(range)), range }
}
