import type { Incident } from '#lib/contract.ts'
import { counted, listed } from '#lib/format.ts'
import { spanLong } from '#lib/time/format.ts'

/** One sentence: what, how bad, since when, whether it goes on. */
export function incidentHeadline(incident: Incident, now: number): string {
  const where = incident.services.length === 0 ? 'Unknown services' : listed(incident.services)
  const verb = incident.services.length > 1 ? 'fail' : 'fails'
  const who = incident.users > 0 ? ` for ${counted(incident.users, 'user')}` : ''
  if (incident.status === 'resolved' && incident.resolvedAt !== null) {
    return `Resolved after ${spanLong(incident.resolvedAt - incident.openedAt)}: ${where} failed${who}.`
  }
  const quiet = now - incident.lastActivityAt
  const state = quiet > 10 * 60_000 ? `, quiet for ${spanLong(quiet)}` : ''
  return `${where} ${verb}${who}, ${spanLong(now - incident.openedAt)} so far${state}.`
}
