import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { incidentSamples } from '#lib/incident/samples.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params }) => {
  const api = createApi(fetch)
  const detail = await api.incident(params.id)
  const { incident } = detail
  followMerge(params.id, incident, (id) => `/incidents/${id}`)
  const [samples, changes] = await Promise.all([
    incidentSamples(api, incident),
    // A comparison that cannot be made must not hide the incident.
    api.changes({ incident: incident.id }).catch(() => null),
  ])
  return { detail, samples, changes, now: wallClock() }
}
