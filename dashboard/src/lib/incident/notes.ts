import type { Incident, IncidentRow, IncidentSilence } from '#lib/contract.ts'
import { absolute } from '#lib/time/format.ts'

/** What stands beside the services of an incident in a list. */
export function incidentNotes(row: IncidentRow): string {
  return [
    row.status,
    row.regressed ? 'regressed' : '',
    row.flapping ? 'flapping' : '',
    row.silenced ? 'silenced' : '',
    row.suspect_deploy === '' ? '' : 'a deploy is suspected',
  ]
    .filter((note) => note !== '')
    .join(' · ')
}

/** `Silenced until 21 Nov 2026, 02:31:10 UTC: new disks.` */
export function silenceSentence({ until, reason }: IncidentSilence): string {
  const why = reason === '' ? '' : `: ${reason}`
  return `Silenced until ${absolute(until)}${why}.`
}

/** Members that are muted while the incident as a whole is not. */
export function mutedMembers(incident: Incident): number {
  if (incident.silenced !== undefined) return 0
  return incident.members.filter(({ silence }) => silence !== undefined).length
}
