import { redirect } from '@sveltejs/kit'

import { createApi } from '#lib/api/client.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const api = createApi(fetch)
  const detail = await api.incident(params.id)
  const { incident } = detail
  if (incident.redirectTo !== '') redirect(307, `/print/${encodeURIComponent(incident.redirectTo)}`)
  const changes = await api.changes({ incident: incident.id }).catch(() => null)
  return { detail, changes, now: wallClock(), origin: url.origin }
}
