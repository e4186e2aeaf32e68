import { redirect } from '@sveltejs/kit'

import { createApi } from '#lib/api/client.ts'
import { safeNext } from '#lib/account/send.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch, url }) => {
  const me = await createApi(fetch).me()
  const next = safeNext(url.searchParams.get('next'))
  if (me.principal !== null) redirect(303, next)
  return { me, next, problem: url.searchParams.get('problem') ?? '' }
}
