import { redirect } from '@sveltejs/kit'

import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

/** What may be seen depends on who looks: lists that are not for this person are not asked for. */
export const load: PageServerLoad = async ({ fetch }) => {
  const api = createApi(fetch)
  const me = await api.me()
  if (me.principal === null && !me.open) redirect(303, '/login?next=/settings')
  const { principal } = me
  const isAdmin = principal?.role === 'admin'
  const isOwner = isAdmin && principal.projects === 'all'
  const [keys, users, invitations, audit] = await Promise.all([
    isAdmin ? api.keys() : null,
    isOwner ? api.users() : null,
    isOwner ? api.invitations() : null,
    isOwner ? api.audit() : null,
  ])
  return { me, keys, users, invitations, audit }
}
