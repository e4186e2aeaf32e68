import { createApi } from '#lib/api/client.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'
import { rangeOf } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const range = rangeOf(url.searchParams, wallClock())
  const api = createApi(fetch)
  const parts = createParts()
  const query = { ...rangeQuery(range, 180), service: params.name }
  const [service, graph, signups, feedback] = await Promise.all([
    api.service(params.name, rangeQuery(range)),
    // What cannot be read is missing; the service itself must be there.
    parts.read('its neighbours', api.graph(rangeQuery(range))),
    parts.read('signups', api.metrics({ ...query, metric: 'signups' })),
    parts.read('feedback', api.metrics({ ...query, metric: 'events', event_type: 'feedback' })),
  ])
  const voices = {
    step_ms: signups?.step_ms ?? feedback?.step_ms ?? 60_000,
    points: [
      ...(signups?.points ?? []),
      ...(feedback?.points ?? []).map((point) => ({ ...point, series: 'feedback' })),
    ],
  }
  return { service, graph, voices, range, missing: parts.missing }
}
