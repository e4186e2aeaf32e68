import type { IncidentChange } from '#/processors/domain/incident/cluster.ts'
import { columnsOf } from '#/schemas/incident.ts'
import type { IncidentEvent } from '#/schemas/records.ts'

/** The record of one step: what happened, and the incident as it stands after it. */
export function incidentEventOf(
  project: string,
  change: IncidentChange,
  recordedAt: number,
): IncidentEvent {
  const { incident } = change
  return {
    ...columnsOf(incident),
    project,
    incident_id: incident.id,
    seq: incident.seq,
    kind: change.kind,
    at: change.at,
    sentence: change.sentence,
    redirect_to: incident.redirectTo,
    detail: JSON.stringify(incident),
    recorded_at: recordedAt,
  }
}
