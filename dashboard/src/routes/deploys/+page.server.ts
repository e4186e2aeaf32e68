import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'
import { readList } from '#lib/url-state.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const range = rangeOf(url.searchParams, wallClock(), '24h')
  const service = readList(url.searchParams, 'service')
  const api = createApi(fetch)
  const parts = createParts()
  const [deploys, errors] = await Promise.all([
    api.deploys({
      ...rangeQuery(range),
      service,
      cursor: url.searchParams.get('cursor'),
      limit: 200,
    }),
    // The list is worth showing without its chart.
    parts.read(
      'the chart of errors',
      api.metrics({
        ...rangeQuery(range, 240),
        metric: 'errors',
        group_by: 'service',
        service,
        limit: 6,
      }),
    ),
  ])
  return { deploys, errors, range, missing: parts.missing }
}
