import { createApi } from '#lib/api/client.ts'
import { READY_QUERIES } from '#lib/sql/ready-queries.ts'

import type { PageServerLoad } from './$types'

/** The query lies in the address, so that it can be sent to somebody; only read-only ones are run. */
export const load: PageServerLoad = async ({ fetch, url }) => {
  const sql = url.searchParams.get('q') ?? ''
  const answer = sql.trim() === '' ? null : await createApi(fetch).sql(sql)
  return { sql: sql === '' ? (READY_QUERIES[0]?.sql ?? '') : sql, answer }
}
