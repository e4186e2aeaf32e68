import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const api = createApi(fetch)
  const [drills, me] = await Promise.all([api.drills(), api.me().catch(() => null)])
  return { drills, me, incident: url.searchParams.get('incident') ?? '' }
}
