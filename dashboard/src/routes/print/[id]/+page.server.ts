import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const api = createApi(fetch)
  const detail = await api.incident(params.id)
  const { incident } = detail
  followMerge(params.id, incident, (id) => `/print/${id}`)
  const changes = await api.changes({ incident: incident.id }).catch(() => null)
  return { detail, changes, now: wallClock(), origin: url.origin }
}
