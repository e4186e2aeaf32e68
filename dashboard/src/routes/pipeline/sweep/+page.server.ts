import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch }) => {
  const api = createApi(fetch)
  const [sweeps, me] = await Promise.all([api.sweeps(), api.me().catch(() => null)])
  return { sweeps, me }
}
