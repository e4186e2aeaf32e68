import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const api = createApi(fetch)
  const cursor = url.searchParams.get('cursor')
  const [deliveries, onCall] = await Promise.all([
    api.deliveries({ cursor, limit: 100 }),
    api.onCall(),
  ])
  return { deliveries, onCall }
}
