import { redirect } from '@sveltejs/kit'

import { createApi } from '#lib/api/client.ts'
import { incidentSamples } from '#lib/incident/samples.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params }) => {
  const api = createApi(fetch)
  const detail = await api.incident(params.id)
  const { incident } = detail
  // Merged incidents keep their address for ever.
  if (incident.redirectTo !== '')
    redirect(307, `/incidents/${encodeURIComponent(incident.redirectTo)}`)
  const [samples, changes] = await Promise.all([
    incidentSamples(api, incident),
    // A comparison that cannot be made must not hide the incident.
    api.changes({ incident: incident.id }).catch(() => null),
  ])
  return { detail, samples, changes, now: wallClock() }
}
