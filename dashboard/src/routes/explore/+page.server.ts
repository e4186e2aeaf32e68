import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { filterQuery, readGroup, readSelection, searchQuery } from '#lib/explore/query.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

/** Series of a chart that can still be told apart. */
const SERIES_MAX = 6
const MARKERS_MAX = 40

export const load: PageServerLoad = async ({ fetch, url }) => {
  const range = rangeOf(url.searchParams, wallClock())
  const selection = readSelection(url.searchParams)
  const by = readGroup(url.searchParams)
  const api = createApi(fetch)
  const parts = createParts()
  const asked = rangeQuery(range, 240)
  const split = { metric: 'events', group_by: by, limit: SERIES_MAX, ...filterQuery(selection) }
  const [view, groups, deploys] = await Promise.all([
    api.search(searchQuery(selection, asked, url.searchParams.get('cursor'))),
    // The events are worth showing without the split, and without marks of deploys.
    by === null ? null : parts.read('the groups', api.metrics({ ...asked, ...split })),
    parts.read('marks of deploys', api.deploys({ ...rangeQuery(range), limit: MARKERS_MAX })),
  ])
  return { view, groups, by, deploys: deploys?.items ?? [], range, missing: parts.missing }
}
