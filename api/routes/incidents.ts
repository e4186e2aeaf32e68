import { found, sendPage } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { list, manyOf, oneOf, text, time, wholeNumbers } from '#/api/params.ts'
import { detailOfRoom, roomPart, roomPartAt } from '#/api/collab/reading.ts'
import { checkRange, momentOf, momentParams, pageOf, paging, range } from '#/api/read-params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import type { IncidentStatus } from '#/schemas/incident.ts'
import type { IncidentQuery, MomentOf } from '#/schemas/reads.ts'
import type { IncidentDetail, IncidentRow } from '#/schemas/view.ts'

const JSON_ANSWER = { status: 200, type: 'application/json' } as const
const ACTIVE: readonly IncidentStatus[] = ['open', 'investigating']
const SORTS = ['updated_at', 'opened_at', 'severity', 'events'] as const
const ORDERS = ['desc', 'asc'] as const
const MONTH_HOURS = 24 * 30

const COLUMNS: readonly (keyof IncidentRow)[] = [
  'number',
  'id',
  'status',
  'severity',
  'severity_score',
  'title',
  'opened_at',
  'updated_at',
  'resolved_at',
  'services',
  'fingerprints',
  'events',
  'users',
  'root',
  'suspect_deploy',
  'regressed',
  'flapping',
  'silenced',
]

const filters = {
  severity: wholeNumbers('SEV numbers.', { min: 1, max: 5 }),
  service: list('Incidents that affect one of these services.'),
  q: text('Part of the title, or the number.'),
  from: time('With activity at or after.', () => null),
  to: time('With activity before.', () => null),
  sort: oneOf('What to order by.', SORTS, 'updated_at'),
  order: oneOf('Direction.', ORDERS, 'desc'),
  ...momentParams,
  ...paging,
}

export function incidentRoutes(deps: AppDeps): readonly Route[] {
  const { reads } = deps
  const page = { ...JSON_ANSWER, about: 'A page of incidents.', schema: ref('IncidentPage') }
  return [
    route({
      method: 'GET',
      path: '/api/incidents',
      tag: 'incidents',
      summary: 'Incidents, the last changed first.',
      access: 'read',
      query: {
        status: manyOf('Statuses.', ['open', 'investigating', 'resolved'] as const),
        ...filters,
      },
      answer: page,
      async handle(call) {
        const query = queryOf(call, call.query.status)
        const options = { format: call.query.format, columns: COLUMNS }
        return sendPage(call, await reads.incidents(query), options)
      },
    }),
    route({
      method: 'GET',
      path: '/api/incidents/active',
      tag: 'incidents',
      summary: 'Incidents that are open or investigated.',
      access: 'read',
      query: filters,
      answer: page,
      async handle(call) {
        const options = { format: call.query.format, columns: COLUMNS }
        return sendPage(call, await reads.incidents(queryOf(call, ACTIVE)), options)
      },
    }),
    route({
      method: 'GET',
      path: '/api/incidents/stats',
      tag: 'incidents',
      summary: 'How many, and how fast they are noticed and resolved.',
      access: 'read',
      query: range(MONTH_HOURS),
      answer: { ...JSON_ANSWER, about: 'Counts and means.', schema: ref('IncidentStats') },
      handle({ project, query }) {
        checkRange(query)
        return reads.incidentStats({ project, ...query })
      },
    }),
    detailRoute(deps),
  ]
}

function detailRoute({ reads, collab }: AppDeps): Route {
  return route({
    method: 'GET',
    path: '/api/incidents/:id',
    tag: 'incidents',
    summary: 'One incident with its full history, by id or number, now or at a moment.',
    access: 'read',
    query: momentParams,
    answer: { ...JSON_ANSWER, about: 'The incident.', schema: ref('IncidentDetail') },
    problems: ['not_found'],
    async handle(call) {
      const { project, path } = call
      const id = path['id'] ?? ''
      const moment = momentOf(call.query)
      const stored = await reads.incident({ project, id, moment })
      const room = collab?.gateway.rooms.book.room(stored?.incident.id ?? id)
      const own = room?.project === project ? room : undefined
      // Opened by hand a moment ago: the store hears of it with the next batch.
      const isNew = own !== undefined && moment === undefined
      const detail = stored ?? (isNew ? detailOfRoom(own) : null)
      const answer = redirected(call, found(detail, 'incident of this id or number'))
      if (answer === undefined || own === undefined || collab === undefined) return answer
      const history = await collab.gateway.history(answer.incident.id)
      if (moment !== undefined) return { ...answer, ...roomPartAt(own, history, moment) }
      void call.reply.header('etag', `"${own.state.seq}"`)
      return { ...answer, ...roomPart(own.state, history) }
    },
  })
}

/** A merged incident lives on in the other one: old links lead there, for good (RFC 9110 §15.4.9). */
function redirected(call: Call, detail: IncidentDetail): IncidentDetail | undefined {
  const { redirectTo } = detail.incident
  if (redirectTo === '') return detail
  const query = call.request.url.split('?')[1]
  const suffix = query === undefined ? '' : `?${query}`
  const location = `/api/incidents/${encodeURIComponent(redirectTo)}${suffix}`
  void call.reply.code(308).header('location', location).send()
  return undefined
}

interface Filters {
  severity: readonly number[]
  service: readonly string[]
  q: string
  from: number | null
  to: number | null
  sort: IncidentQuery['sort']
  order: IncidentQuery['order']
  at: number | null
  as: MomentOf['knowledge']
  cursor: string
  limit: number
}

function queryOf(
  call: { project: string; query: Filters },
  status: readonly IncidentStatus[],
): IncidentQuery {
  const { severity, service: services, q, from, to, sort, order } = call.query
  if (from !== null && to !== null) checkRange({ from, to })
  const { project } = call
  return {
    project,
    status,
    severity,
    services,
    text: q,
    from,
    to,
    sort,
    order,
    moment: momentOf(call.query),
    ...pageOf(call.query),
  }
}

function ref(name: string): object {
  return { $ref: `#/components/schemas/${name}` }
}
