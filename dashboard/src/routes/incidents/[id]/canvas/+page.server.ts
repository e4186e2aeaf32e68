import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { wallClock } from '#lib/time/now.ts'
import { instant } from '#lib/time/range.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const api = createApi(fetch)
  const at = instant(url.searchParams.get('at') ?? '')
  const [detail, room] = await Promise.all([
    api.incident(params.id),
    // Nobody has changed anything yet, or nobody may look: the canvas is empty until the socket says otherwise.
    api
      .room(params.id, { at: Number.isNaN(at) ? null : at, as: url.searchParams.get('as') })
      .catch(() => null),
  ])
  followMerge(params.id, detail.incident, (id) => `/incidents/${id}/canvas`)
  return { detail, room, now: wallClock() }
}
