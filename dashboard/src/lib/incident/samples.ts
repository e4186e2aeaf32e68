import type { Api } from '#lib/api/client.ts'
import type { EventView, Incident } from '#lib/contract.ts'
import type { Parts } from '#lib/partial/parts.ts'

/** Issues of an incident whose samples are shown, and how many of them. */
const SAMPLED_MAX = 3
const SAMPLES_MAX = 4

/** Events of its largest issues; a sample that cannot be read must not hide the incident. */
export async function incidentSamples(
  api: Pick<Api, 'issue'>,
  incident: Incident,
  parts: Parts,
): Promise<readonly EventView[]> {
  const sampled = incident.members
    .filter((member) => member.fingerprint !== '')
    .toSorted((a, b) => b.events - a.events)
    .slice(0, SAMPLED_MAX)
  const range = {
    from: incident.openedAt - 3_600_000,
    to: Math.max(incident.lastActivityAt, incident.updatedAt) + 60_000,
  }
  const issues = await Promise.all(
    sampled.map((member) => parts.read('samples', api.issue(member.fingerprint, range))),
  )
  return issues.flatMap((issue) => issue?.samples.slice(0, 2) ?? []).slice(0, SAMPLES_MAX)
}
