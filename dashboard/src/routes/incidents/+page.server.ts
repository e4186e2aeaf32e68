import { createApi } from '#lib/api/client.ts'
import { incidentQuery } from '#lib/incident/query.ts'
import { createParts } from '#lib/partial/parts.ts'
import { pastOf } from '#lib/time/past.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const api = createApi(fetch)
  const parts = createParts()
  const past = pastOf(url.searchParams)
  const [incidents, stats] = await Promise.all([
    api.incidents(incidentQuery(url.searchParams)),
    // Without the figures the list still says what it holds.
    past === null ? parts.read('figures of all incidents', api.incidentStats()) : null,
  ])
  return { incidents, stats, past, missing: parts.missing }
}
