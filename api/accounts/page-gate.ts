import type { FastifyReply, FastifyRequest } from 'fastify'
import { authorize, isOpen } from '#/api/auth.ts'
import type { AppDeps } from '#/api/deps.ts'
import { isFaultlineError } from '#/kernel/errors.ts'

/** Pages for people who have not signed in yet. */
const PUBLIC_PAGE = /^\/(login|setup)(\/|\?|$)/

/**
 * Where reads are not open, a page asks to sign in before it shows anything, and leads back afterwards. Undefined when
 * the page may be shown. Parts of pages that scripts load are refused, not led elsewhere.
 */
export async function signInFirst(
  deps: AppDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  if (deps.accounts === undefined || isOpen(deps) || PUBLIC_PAGE.test(request.url)) return undefined
  try {
    await authorize(deps, request, 'read')
    return undefined
  } catch (error) {
    if (!isFaultlineError(error, 'unauthorized') || request.url.includes('__data.json')) throw error
  }
  const target = deps.accounts.hasUsers() ? '/login' : '/setup'
  const next = request.url === '/' ? '' : `?next=${encodeURIComponent(request.url.slice(0, 1_000))}`
  return reply
    .code(303)
    .header('location', `${target}${next}`)
    .header('cache-control', 'no-store')
    .send()
}
