import type { IncidentQuery } from '#/schemas/reads.ts'

/** All incidents of the default project, the last changed first. */
export const ALL_INCIDENTS: IncidentQuery = {
  project: 'default',
  status: [],
  severity: [],
  services: [],
  text: '',
  from: null,
  to: null,
  sort: 'updated_at',
  order: 'desc',
  cursor: null,
  limit: 10,
}
