import type { AppDeps } from '#/api/deps.ts'
import { text } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { seesProject } from '#/schemas/principal.ts'
import type { Dsn } from './dsns.ts'

/** The project of the platform itself: what fails in its pages and processes. */
export const OWN_PROJECT = 'faultline'

const QUERY = {
  service: text('A DSN of its own for this service, whose name its events then carry.', 200),
}
const ANSWER = {
  status: 200,
  type: 'application/json',
  about: 'The DSN, and its parts.',
  schema: { $ref: '#/components/schemas/Dsn' },
} as const

/** Where a project's DSN is read, which is no secret: it may only send. */
export function dsnRoutes({ dsns, keys, config }: AppDeps): readonly Route[] {
  if (dsns === undefined) return []
  const known = (call: Call): string => {
    const project = call.path['id'] ?? ''
    checkProject(call, project)
    const names = [config.defaultProject, OWN_PROJECT, ...keys.listProjects().map(({ id }) => id)]
    const hasKey = keys.listKeys(project).length > 0
    if (names.includes(project) || hasKey) return project
    throw new FaultlineError('not_found', `There is no project ${project.slice(0, 64)}.`)
  }
  return [
    route({
      method: 'GET',
      path: '/api/projects/:id/dsn',
      tag: 'ingest',
      summary: 'The DSN Sentry’s SDKs are configured with; made when there is none.',
      access: 'read',
      query: QUERY,
      answer: ANSWER,
      problems: ['not_found', 'conflict'],
      async handle(call) {
        const { service } = call.query
        return dsnView(call, await dsns.dsnOf({ project: known(call), service, ...actorOf(call) }))
      },
    }),
    route({
      method: 'POST',
      path: '/api/projects/:id/dsn/rotate',
      tag: 'ingest',
      summary: 'A new DSN; the one before stops working.',
      access: 'admin',
      query: QUERY,
      answer: ANSWER,
      problems: ['not_found', 'conflict'],
      async handle(call) {
        const { service } = call.query
        return dsnView(call, await dsns.rotate({ project: known(call), service, ...actorOf(call) }))
      },
    }),
  ]
}

/** Everybody who may read at all may report what fails in the pages they read. */
function checkProject({ principal }: Call, project: string): void {
  if (principal === undefined || project === OWN_PROJECT) return
  if (seesProject(principal, project)) return
  throw new FaultlineError('forbidden', 'This project is not yours to see.', { path: 'id' })
}

const actorOf = ({ principal }: Call): { actor?: string } =>
  principal === undefined ? {} : { actor: principal.id }

/** The address is the one the asker used: from there it can be reached. */
function dsnView({ request }: Call, dsn: Dsn): object {
  const { project, service, projectNumber, publicKey, created_at: createdAt } = dsn
  const base = `${request.protocol}://${request.host}`
  return {
    dsn: `${request.protocol}://${publicKey}@${request.host}/${projectNumber}`,
    project,
    service,
    project_number: projectNumber,
    public_key: publicKey,
    envelope_url: `${base}/api/${projectNumber}/envelope/`,
    created_at: createdAt,
  }
}
