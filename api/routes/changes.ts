import { found } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { text, time } from '#/api/params.ts'
import { checkRange, filterParams, filtersOf, range } from '#/api/read-params.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'
import { beganAt } from '#/schemas/incident.ts'
import type { ChangesQuery, EventFilter } from '#/schemas/reads.ts'
import type { IncidentDetail } from '#/schemas/view.ts'

const HOUR_MS = 3_600_000
/** Members of an incident that are compared; more would be a filter nobody can read. */
const FINGERPRINTS_MAX = 100

export function changeRoutes({ reads }: AppDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/changes',
      tag: 'events',
      summary: 'What changed: values more frequent in a range than before it, by their lift.',
      access: 'read',
      query: {
        ...range(1),
        before_from: time(
          'Begin of what it is compared with; as long before by itself.',
          () => null,
        ),
        before_to: time('End of what it is compared with; `from` by itself.', () => null),
        incident: text(
          'Id or number: its own errors against what its services sent in the hour before it. Ranges and filters are then its own.',
        ),
        ...filterParams,
      },
      answer: {
        status: 200,
        type: 'application/json',
        about: 'Values by how telling they are.',
        schema: { $ref: '#/components/schemas/Changes' },
      },
      problems: ['not_found'],
      async handle({ project, query, nowMs }) {
        if (query.incident !== '') {
          const detail = await reads.incident({ project, id: query.incident })
          const known = found(detail, 'incident of this id or number')
          return reads.changes(incidentChanges(project, known, nowMs))
        }
        checkRange(query)
        const before = {
          from: query.before_from ?? query.from - (query.to - query.from),
          to: query.before_to ?? query.from,
        }
        checkRange(before)
        const selection = { project, filters: filtersOf(query), text: query.q }
        return reads.changes({
          inside: { ...selection, from: query.from, to: query.to },
          before: { ...selection, ...before },
          ignored: [],
        })
      },
    }),
  ]
}

/** Its own errors, against everything its services sent in the hour before it opened. */
function incidentChanges(
  project: string,
  { incident }: IncidentDetail,
  nowMs: number,
): ChangesQuery {
  const fingerprints = incident.members
    .map((member) => member.fingerprint)
    .filter((fingerprint) => fingerprint !== '')
    .slice(0, FINGERPRINTS_MAX)
  const services: EventFilter = { field: 'service', values: incident.services, exclude: false }
  const own: EventFilter[] =
    fingerprints.length === 0
      ? [services, { field: 'severity', values: ['4', '5'], exclude: false }]
      : [
          services,
          { field: 'event_type', values: ['error'], exclude: false },
          { field: 'fingerprint', values: fingerprints, exclude: false },
        ]
  const began = beganAt(incident)
  const ended = incident.resolvedAt ?? Math.max(nowMs, began + 1)
  return {
    inside: { project, from: began, to: ended, filters: own, text: '' },
    before: { project, from: began - HOUR_MS, to: began, filters: [services], text: '' },
    // Errors against everything: that they are errors is no news.
    ignored: ['event_type', 'severity', 'title', 'status_code'],
  }
}
