import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { readSelection, searchQuery } from '#lib/explore/query.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const range = rangeOf(url.searchParams, wallClock())
  const query = searchQuery(
    readSelection(url.searchParams),
    rangeQuery(range, 240),
    url.searchParams.get('cursor'),
  )
  return { view: await createApi(fetch).search(query), range }
}
