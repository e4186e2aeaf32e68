import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const range = rangeOf(url.searchParams, wallClock())
  const overview = await createApi(fetch).overview(rangeQuery(range))
  return { overview, range, origin: url.origin }
}
