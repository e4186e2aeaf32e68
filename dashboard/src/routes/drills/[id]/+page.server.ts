import { createApi } from '#lib/api/client.ts'

import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ fetch, params }) => createApi(fetch).drillReport(params.id)
