import type { FastifyRequest } from 'fastify'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Dsn, Dsns } from './dsns.ts'

/** The public key of `X-Sentry-Auth`, of `Authorization: Sentry …`, or of the query; empty when it stands nowhere. */
export function presentedDsnKey(request: FastifyRequest): string {
  const own = request.headers['x-sentry-auth']
  const header = typeof own === 'string' && own !== '' ? own : request.headers.authorization
  const text = header ?? ''
  const inHeader = /^sentry\b.*?\bsentry_key\s*=\s*([0-9a-f]+)/i.exec(text.slice(0, 1_000))?.[1]
  if (inHeader !== undefined) return inHeader
  const inQuery = (request.query as Record<string, unknown>)['sentry_key']
  return typeof inQuery === 'string' ? inQuery : ''
}

/** The public key of a DSN: `https://KEY@host/NUMBER`. */
export function dsnKeyOf(dsn: string): string {
  return URL.parse(dsn)?.username ?? ''
}

/** Lets the sender through as a key of its project, or throws `unauthorized`. */
export function admit(dsns: Dsns, request: FastifyRequest, publicKey: string): Dsn {
  const { project } = request.params as { project?: string }
  const found = dsns.verify(publicKey, project ?? '')
  if (found === undefined)
    throw new FaultlineError(
      'unauthorized',
      'The DSN is unknown, revoked, or of another project.',
      {
        remedy: 'Read the project’s DSN at GET /api/projects/NAME/dsn.',
      },
    )
  request.apiKey = found.key
  return found.dsn
}
