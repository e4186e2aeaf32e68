import { knowledge } from '#lib/ask/ask-api.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const q = (url.searchParams.get('q') ?? '').slice(0, 200)
  return { q, found: await knowledge(fetch, q) }
}
