import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { incidentSamples } from '#lib/incident/samples.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'
import { pastOf, pastParams, withPast } from '#lib/time/past.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const api = createApi(fetch)
  const past = pastOf(url.searchParams)
  const detail = await api.incident(params.id, pastParams(past))
  const { incident } = detail
  followMerge(params.id, incident, (id) => withPast(`/incidents/${id}`, past))
  // What tells events apart is counted over all there are, which is not how it was.
  if (past !== null)
    return { detail, samples: [], changes: null, past, now: wallClock(), missing: [] }
  const parts = createParts()
  const [samples, changes] = await Promise.all([
    incidentSamples(api, incident, parts),
    // A comparison that cannot be made must not hide the incident.
    parts.read('what is different about these errors', api.changes({ incident: incident.id })),
  ])
  return { detail, samples, changes, past, now: wallClock(), missing: parts.missing }
}
