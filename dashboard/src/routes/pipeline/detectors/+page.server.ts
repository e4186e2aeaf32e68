import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch }) => {
  const api = createApi(fetch)
  const [detectors, backtests, warnings] = await Promise.all([
    api.detectors(),
    api.backtests(),
    api.warnings(),
  ])
  return { detectors, backtests, warnings }
}
