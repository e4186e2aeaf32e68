import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const range = rangeOf(url.searchParams, wallClock())
  return { service: await createApi(fetch).service(params.name, rangeQuery(range)), range }
}
