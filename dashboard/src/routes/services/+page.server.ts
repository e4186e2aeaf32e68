import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const range = rangeOf(url.searchParams, wallClock())
  const api = createApi(fetch)
  const parts = createParts()
  const [services, graph] = await Promise.all([
    api.services(rangeQuery(range)),
    // The list is worth showing without its picture.
    parts.read('who calls whom', api.graph(rangeQuery(range))),
  ])
  return { services, graph, range, missing: parts.missing }
}
