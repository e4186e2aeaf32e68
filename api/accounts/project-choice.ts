import type { FastifyRequest } from 'fastify'
import { wrong } from '#/api/params.ts'
import { PROJECT_NAME } from '#/api/project-name.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Principal } from '#/schemas/principal.ts'
import { cookieOf, PROJECT_COOKIE } from './cookies.ts'

const HEADER = 'x-faultline-project'

/**
 * The project a call is about. It comes from who asks: a key has one, a person those of the membership. A wish (query
 * or header) for another is refused; a cookie that names one that is not the person's any more is not looked at.
 */
export function projectOf(
  request: FastifyRequest,
  { wished = request.headers[HEADER], fallback }: { wished?: unknown; fallback: string },
): string {
  const { principal } = request
  const wish = wishOf(wished)
  if (principal === undefined || principal.projects === 'all')
    return wish ?? cookieWish(request) ?? fallback
  const { projects } = principal
  if (wish !== undefined && !projects.includes(wish)) throw notYours(principal)
  if (wish !== undefined) return wish
  const chosen = principal.kind === 'user' ? cookieWish(request) : undefined
  if (chosen !== undefined && projects.includes(chosen)) return chosen
  const own = projects.includes(fallback) ? fallback : projects[0]
  if (own === undefined) throw notYours(principal)
  return own
}

function wishOf(wished: unknown): string | undefined {
  if (wished === undefined) return undefined
  if (typeof wished === 'string' && wished !== '') return wished
  throw wrong('project', 'project must be one name.', 'Leave it out for the default project.')
}

function cookieWish(request: FastifyRequest): string | undefined {
  const chosen = cookieOf(request, PROJECT_COOKIE)
  return chosen !== undefined && PROJECT_NAME.test(chosen) ? chosen : undefined
}

function notYours({ kind }: Principal): FaultlineError {
  const [detail, remedy] =
    kind === 'key'
      ? ['This key belongs to another project.', 'Leave project out, or use a key of that project.']
      : ['You are no member of this project.', 'Choose one of yours, or ask an administrator.']
  return new FaultlineError('forbidden', detail, { path: 'project', remedy })
}
