import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const api = createApi(fetch)
  const parts = createParts()
  const detail = await api.incident(params.id)
  const { incident } = detail
  followMerge(params.id, incident, (id) => `/print/${id}`)
  const [changes, record] = await Promise.all([
    parts.read('what was different about these errors', api.changes({ incident: incident.id })),
    parts.read('what people did and wrote', api.postMortem(incident.id)),
  ])
  return { detail, changes, record, now: wallClock(), origin: url.origin, missing: parts.missing }
}
