import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { readTraveller } from '#lib/journey/journey.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

const STEPS_MAX = 500

export const load: PageServerLoad = async ({ fetch, url }) => {
  const range = rangeOf(url.searchParams, wallClock(), '24h')
  const traveller = readTraveller(url.searchParams)
  if (traveller === null) return { range, traveller, view: null }
  const query = { ...rangeQuery(range), [traveller.kind]: traveller.id, limit: STEPS_MAX }
  return { range, traveller, view: await createApi(fetch).events(query) }
}
