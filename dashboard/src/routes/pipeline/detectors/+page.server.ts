import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch }) => {
  const api = createApi(fetch)
  const [detectors, backtests, warnings, me] = await Promise.all([
    api.detectors(),
    api.backtests(),
    api.warnings(),
    // Who looks decides what is offered, not what is shown.
    api.me().catch(() => null),
  ])
  return { detectors, backtests, warnings, me }
}
