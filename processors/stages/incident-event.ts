import type { IncidentChange } from '#/processors/domain/incident/cluster.ts'
import type { IncidentEvent } from '#/schemas/records.ts'

/** The record of one step: what happened, and the incident as it stands after it. */
export function incidentEventOf(
  project: string,
  change: IncidentChange,
  recordedAt: number,
): IncidentEvent {
  const { incident } = change
  const fingerprints = incident.members.map(({ fingerprint }) => fingerprint)
  return {
    project,
    incident_id: incident.id,
    number: incident.number,
    seq: incident.seq,
    kind: change.kind,
    at: change.at,
    sentence: change.sentence,
    status: incident.status,
    title: incident.title,
    severity: incident.severity.level,
    severity_score: incident.severity.score,
    opened_at: incident.openedAt,
    updated_at: incident.updatedAt,
    resolved_at: incident.resolvedAt,
    services: incident.services,
    fingerprints: [...new Set(fingerprints)].filter((fingerprint) => fingerprint !== ''),
    events: incident.events,
    users: incident.users,
    root: incident.root,
    suspect_deploy: incident.suspectDeploy,
    redirect_to: incident.redirectTo,
    regressed: incident.regressed,
    flapping: incident.flapping,
    detail: JSON.stringify(incident),
    recorded_at: recordedAt,
  }
}
