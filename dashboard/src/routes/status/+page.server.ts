import { createApi } from '#lib/api/client.ts'
import { byRank } from '#lib/live/frames.ts'
import { pipelineSentence } from '#lib/pipeline-sentence.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

const ROWS_MAX = 12

/** Each part may fail alone: this page must say something when everything else is down. */
export const load: PageServerLoad = async ({ fetch }) => {
  const api = createApi(fetch)
  const [overview, pipeline] = await Promise.all([
    api.overview({}).catch(() => null),
    api.pipeline().catch(() => null),
  ])
  return {
    asOf: wallClock(),
    headline: overview?.headline ?? 'The figures cannot be read at the moment.',
    incidents: (overview?.incidents ?? []).toSorted(byRank).slice(0, ROWS_MAX),
    pipeline: pipeline === null ? 'The pipeline does not answer.' : pipelineSentence(pipeline),
    ok: overview !== null && pipeline !== null,
  }
}
