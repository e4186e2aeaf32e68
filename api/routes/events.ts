import { found, sendPage } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { manyOf, oneOf, wholeNumber } from '#/api/params.ts'
import {
  checkRange,
  filterParams,
  filtersOf,
  momentOf,
  momentParams,
  pageOf,
  paging,
  range,
  step,
  stepOf,
} from '#/api/read-params.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'
import { EVENT_FIELDS, METRIC_NAMES } from '#/schemas/reads.ts'
import type { EventSelection } from '#/schemas/reads.ts'
import type { EventView } from '#/schemas/view.ts'

const DAY_HOURS = 24
const GROUPS = ['', ...EVENT_FIELDS] as const

const EVENT_COLUMNS: readonly (keyof EventView)[] = [
  'occurred_at',
  'received_at',
  'event_id',
  'event_type',
  'severity',
  'service',
  'environment',
  'release',
  'host',
  'message',
  'error_type',
  'error_code',
  'route',
  'method',
  'status_code',
  'duration_ms',
  'user_id',
  'session_id',
  'request_id',
  'trace_id',
  'fingerprint',
  'tags',
  'attributes',
]

const JSON_ANSWER = { status: 200, type: 'application/json' } as const
const schema = (name: string) => ({ $ref: `#/components/schemas/${name}` })

export function eventRoutes(deps: AppDeps): readonly Route[] {
  const { reads } = deps
  return [
    route({
      method: 'GET',
      path: '/api/events',
      tag: 'events',
      summary: 'Events, newest first, page by page.',
      access: 'read',
      query: { ...range(DAY_HOURS), ...filterParams, ...paging },
      answer: { ...JSON_ANSWER, about: 'A page of events.', schema: schema('EventPage') },
      async handle(call) {
        const page = await reads.events({ ...selectionOf(call), ...pageOf(call.query) })
        return sendPage(call, page, { format: call.query.format, columns: EVENT_COLUMNS })
      },
    }),
    route({
      method: 'GET',
      path: '/api/events/stats',
      tag: 'events',
      summary: 'How many events, by type, severity, service and environment.',
      access: 'read',
      query: { ...range(DAY_HOURS), ...filterParams },
      answer: { ...JSON_ANSWER, about: 'Counts.', schema: schema('EventStats') },
      handle: (call) => reads.eventStats(selectionOf(call)),
    }),
    route({
      method: 'GET',
      path: '/api/events/:eventId',
      tag: 'events',
      summary: 'One event.',
      access: 'read',
      query: {},
      answer: { ...JSON_ANSWER, about: 'The event.', schema: schema('Event') },
      problems: ['not_found'],
      async handle({ project, path }) {
        const eventId = path['eventId'] ?? ''
        return found(await reads.event({ project, eventId }), 'event of this id')
      },
    }),
    searchRoute(deps),
    metricsRoute(deps),
  ]
}

function searchRoute({ reads }: AppDeps): Route {
  return route({
    method: 'GET',
    path: '/api/search',
    tag: 'events',
    summary: 'Full-text search with facets and a histogram by severity.',
    access: 'read',
    query: {
      ...range(DAY_HOURS),
      ...filterParams,
      ...paging,
      step,
      facets: manyOf('Fields to count by; some by default.', EVENT_FIELDS),
    },
    answer: { ...JSON_ANSWER, about: 'Events, facets, histogram.', schema: schema('Search') },
    async handle(call) {
      const { facets, format } = call.query
      const view = await reads.search({
        ...selectionOf(call),
        ...pageOf(call.query),
        facets: facets.length > 0 ? facets : ['event_type', 'severity', 'environment', 'service'],
        stepMs: stepOf(call.query),
      })
      return sendPage(call, view, { format, columns: EVENT_COLUMNS })
    },
  })
}

function metricsRoute({ reads }: AppDeps): Route {
  return route({
    method: 'GET',
    path: '/api/metrics/query',
    tag: 'metrics',
    summary: 'A number over time, in all or by a field.',
    access: 'read',
    query: {
      ...range(1),
      ...filterParams,
      step,
      metric: oneOf('What to count or measure.', METRIC_NAMES, 'events'),
      group_by: oneOf('One series per value of this field.', GROUPS, ''),
      limit: wholeNumber('Series at most; the rest is `other`.', {
        min: 1,
        max: 100,
        fallback: 12,
      }),
      ...momentParams,
    },
    answer: { ...JSON_ANSWER, about: 'Points in order of time.', schema: schema('Metrics') },
    handle(call) {
      const { metric, group_by: groupBy, limit } = call.query
      return reads.metrics({
        ...selectionOf(call),
        metric,
        limit,
        stepMs: stepOf(call.query),
        groupBy: groupBy === '' ? null : groupBy,
        moment: momentOf(call.query),
      })
    },
  })
}

type Selecting = Parameters<typeof filtersOf>[0] & { from: number; to: number; q: string }

function selectionOf(call: { project: string; query: Selecting }): EventSelection {
  const { query, project } = call
  checkRange(query)
  return { project, from: query.from, to: query.to, filters: filtersOf(query), text: query.q }
}
