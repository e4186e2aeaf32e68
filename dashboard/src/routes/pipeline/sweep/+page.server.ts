import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch }) => ({
  sweeps: await createApi(fetch).sweeps(),
})
