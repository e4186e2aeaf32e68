import { createApi } from '#lib/api/client.ts'
import { followMerge } from '#lib/incident/moved.ts'
import { createParts } from '#lib/partial/parts.ts'
import { wallClock } from '#lib/time/now.ts'
import { pastOf, pastParams } from '#lib/time/past.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, params, url }) => {
  const api = createApi(fetch)
  const parts = createParts()
  const past = pastOf(url.searchParams)
  const moment = pastParams(past)
  const status = ['open', 'investigating']
  const [detail, room, open] = await Promise.all([
    api.incident(params.id),
    // Nobody has changed anything yet, or nobody may look: the canvas is empty until the socket says otherwise.
    api.room(params.id, moment).catch(() => null),
    parts.read(
      'the incidents that are open',
      api.incidents({ ...moment, status, sort: 'severity', limit: 20 }),
    ),
  ])
  followMerge(params.id, detail.incident, (id) => `/incidents/${id}/canvas`)
  return { detail, room, past, open: open?.items ?? null, now: wallClock(), missing: parts.missing }
}
