import { found, sendPage } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { list, oneOf, text } from '#/api/params.ts'
import { checkRange, pageOf, paging, range, step, stepsOf } from '#/api/read-params.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'
import type { DeployView, IssueRow } from '#/schemas/view.ts'

const JSON_ANSWER = { status: 200, type: 'application/json' } as const
const DAY_HOURS = 24
const WEEK_HOURS = 7 * DAY_HOURS
const ISSUE_SORTS = ['last_seen', 'first_seen', 'events', 'users'] as const

const ISSUE_COLUMNS: readonly (keyof IssueRow)[] = [
  'fingerprint',
  'title',
  'culprit',
  'method',
  'template',
  'services',
  'first_seen',
  'last_seen',
  'events',
  'users',
  'severity',
]
const DEPLOY_COLUMNS: readonly (keyof DeployView)[] = [
  'at',
  'deploy_id',
  'service',
  'environment',
  'release',
  'message',
  'change_kind',
  'errors_before',
  'errors_after',
]

export function serviceRoutes(deps: AppDeps): readonly Route[] {
  const { reads } = deps
  return [
    ...issueRoutes(deps),
    route({
      method: 'GET',
      path: '/api/services',
      tag: 'services',
      summary: 'Services with their rates and latencies.',
      access: 'read',
      query: range(1),
      answer: { ...JSON_ANSWER, about: 'Services.', schema: ref('ServiceList') },
      async handle({ project, query }) {
        checkRange(query)
        return { items: await reads.services({ project, ...query }), next: null }
      },
    }),
    route({
      method: 'GET',
      path: '/api/services/:name',
      tag: 'services',
      summary: 'One service.',
      access: 'read',
      query: { ...range(1), step },
      answer: { ...JSON_ANSWER, about: 'The service.', schema: ref('ServiceDetail') },
      problems: ['not_found'],
      async handle({ project, query, path }) {
        const service = path['name'] ?? ''
        const wish = { project, ...stepsOf(query), service }
        return found(await reads.service(wish), 'service of this name')
      },
    }),
    route({
      method: 'GET',
      path: '/api/deploys',
      tag: 'services',
      summary: 'Deployments, newest first, with errors before and after.',
      access: 'read',
      query: { ...range(WEEK_HOURS), service: list('Services.'), ...paging },
      answer: { ...JSON_ANSWER, about: 'A page of deployments.', schema: ref('DeployPage') },
      async handle(call) {
        const { from, to, service: services, format } = call.query
        checkRange({ from, to })
        const page = await reads.deploys({
          project: call.project,
          from,
          to,
          services,
          ...pageOf(call.query),
        })
        return sendPage(call, page, { format, columns: DEPLOY_COLUMNS })
      },
    }),
  ]
}

function issueRoutes({ reads }: AppDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/issues',
      tag: 'issues',
      summary: 'Issues: errors that are the same.',
      access: 'read',
      query: {
        ...range(WEEK_HOURS),
        service: list('Services.'),
        q: text('Part of the title.'),
        sort: oneOf('What to order by.', ISSUE_SORTS, 'last_seen'),
        order: oneOf('Direction.', ['desc', 'asc'] as const, 'desc'),
        ...paging,
      },
      answer: { ...JSON_ANSWER, about: 'A page of issues.', schema: ref('IssuePage') },
      async handle(call) {
        const { from, to, service: services, q, sort, order, format } = call.query
        checkRange({ from, to })
        const page = await reads.issues({
          project: call.project,
          from,
          to,
          services,
          sort,
          order,
          text: q,
          ...pageOf(call.query),
        })
        return sendPage(call, page, { format, columns: ISSUE_COLUMNS })
      },
    }),
    route({
      method: 'GET',
      path: '/api/issues/:fingerprint',
      tag: 'issues',
      summary: 'One issue with values, samples and incidents.',
      access: 'read',
      query: { ...range(WEEK_HOURS), step },
      answer: { ...JSON_ANSWER, about: 'The issue.', schema: ref('IssueDetail') },
      problems: ['not_found'],
      async handle({ project, query, path }) {
        const fingerprint = path['fingerprint'] ?? ''
        const wish = { project, ...stepsOf(query), fingerprint }
        return found(await reads.issue(wish), 'issue of this id')
      },
    }),
  ]
}

function ref(name: string): object {
  return { $ref: `#/components/schemas/${name}` }
}
