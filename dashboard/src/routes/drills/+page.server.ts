import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => ({
  drills: await createApi(fetch).drills(),
  incident: url.searchParams.get('incident') ?? '',
})
