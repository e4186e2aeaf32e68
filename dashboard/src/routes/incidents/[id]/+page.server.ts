import { redirect } from '@sveltejs/kit'

import { createApi } from '#lib/api/client.ts'
import type { EventView } from '#lib/contract.ts'
import { wallClock } from '#lib/time/now.ts'

import type { PageServerLoad } from './$types'

/** Issues of an incident whose samples are shown. */
const SAMPLED_MAX = 3
const SAMPLES_MAX = 4

export const load: PageServerLoad = async ({ fetch, params }) => {
  const api = createApi(fetch)
  const detail = await api.incident(params.id)
  const { incident } = detail
  // Merged incidents keep their address for ever.
  if (incident.redirectTo !== '')
    redirect(307, `/incidents/${encodeURIComponent(incident.redirectTo)}`)
  const sampled = incident.members
    .filter((member) => member.fingerprint !== '')
    .toSorted((a, b) => b.events - a.events)
    .slice(0, SAMPLED_MAX)
  const range = {
    from: incident.openedAt - 3_600_000,
    to: Math.max(incident.lastActivityAt, incident.updatedAt) + 60_000,
  }
  // A sample that cannot be read must not hide the incident.
  const issues = await Promise.all(
    sampled.map((member) => api.issue(member.fingerprint, range).catch(() => null)),
  )
  const samples: readonly EventView[] = issues.flatMap((issue) => issue?.samples.slice(0, 2) ?? [])
  return { detail, samples: samples.slice(0, SAMPLES_MAX), now: wallClock() }
}
