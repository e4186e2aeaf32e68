import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ fetch }) => ({ me: await createApi(fetch).me() })
