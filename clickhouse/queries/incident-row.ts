import type { IncidentRow } from '#/schemas/view.ts'

/** Columns of an incident as a row of a list. */
export const ROW_COLUMNS = `incident_id AS id, number, project, status, title, severity, severity_score,
  toUnixTimestamp64Milli(opened_at) AS opened_ms, toUnixTimestamp64Milli(updated_at) AS updated_ms,
  toUnixTimestamp64Milli(resolved_at) AS resolved_ms, services, fingerprints, events, users, root, suspect_deploy, regressed, flapping, silenced`

export interface Row {
  id: string
  number: number
  project: string
  status: IncidentRow['status']
  title: string
  severity: number
  severity_score: number
  opened_ms: string
  updated_ms: string
  resolved_ms: string | null
  services: string[]
  fingerprints: string[]
  events: string
  users: string
  root: string
  suspect_deploy: string
  regressed: boolean
  flapping: boolean
  silenced: boolean
}

export function incidentRow(row: Row): IncidentRow {
  const { opened_ms, updated_ms, resolved_ms, ...rest } = row
  return {
    ...rest,
    events: Number(row.events),
    users: Number(row.users),
    opened_at: Number(opened_ms),
    updated_at: Number(updated_ms),
    resolved_at: resolved_ms === null ? null : Number(resolved_ms),
  }
}
