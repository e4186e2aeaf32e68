import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { incidentSamples } from '#lib/incident/samples.ts'
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
  if (past !== null) return { detail, samples: [], changes: null, past, now: wallClock() }
  const [samples, changes] = await Promise.all([
    incidentSamples(api, incident),
    // A comparison that cannot be made must not hide the incident.
    api.changes({ incident: incident.id }).catch(() => null),
  ])
  return { detail, samples, changes, past, now: wallClock() }
}
