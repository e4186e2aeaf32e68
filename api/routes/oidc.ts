import type { FastifyRequest } from 'fastify'
import { cookieOf, OIDC_COOKIE, setCookie, setSessionCookies } from '#/api/accounts/cookies.ts'
import { OIDC_SECONDS, type Oidc } from '#/api/accounts/oidc.ts'
import type { AppDeps } from '#/api/deps.ts'
import { text } from '#/api/params.ts'
import { route, type Call, type Route } from '#/api/route.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { isSecure, visitorOf } from './auth.ts'

const PATH = '/api/auth/oidc'
const redirect = { status: 303, type: 'text/plain', about: 'To the issuer, or to the pages.' }

/** Signing in at the organisation's own issuer; routes for it exist only where one is configured. */
export function oidcRoutes(deps: AppDeps): readonly Route[] {
  const { oidc } = deps
  if (oidc === undefined) return []
  const common = { method: 'GET', tag: 'accounts', access: 'none', answer: redirect } as const
  return [
    route({
      ...common,
      path: PATH,
      summary: 'Begin to sign in at the issuer.',
      query: { next: text('The page to come back to.', 1_000) },
      async handle(call) {
        const { address, kept } = await oidc.begin({
          redirectUri: redirectUri(deps, call.request),
          next: safeNext(call.query.next),
        })
        keep(deps, call, { value: kept, seconds: OIDC_SECONDS })
        leadTo(call, address)
      },
    }),
    route({
      ...common,
      path: `${PATH}/callback`,
      summary: 'Where the issuer sends the browser back to.',
      query: {
        code: text('The code of the issuer.', 4_000),
        state: text('What the sign-in began with.', 200),
        error: text('Why the issuer refused.', 200),
        error_description: text('The same in words.', 1_000),
        iss: text('The issuer.', 1_000),
        session_state: text('Not looked at.', 1_000),
      },
      problems: ['unauthorized', 'forbidden'],
      async handle(call) {
        keep(deps, call, { value: '', seconds: 0 })
        try {
          leadTo(call, await finish(deps, oidc, call))
        } catch (error) {
          if (!isFaultlineError(error, 'unauthorized') && !isFaultlineError(error, 'forbidden'))
            throw error
          const actor = `address:${call.request.ip}`
          const detail = { by: 'oidc', why: error.message }
          deps.audit?.note({ actor, action: 'login', result: 'denied', detail })
          leadTo(call, `/login?problem=${encodeURIComponent(error.message)}`)
        }
      },
    }),
  ]
}

async function finish(
  deps: AppDeps,
  oidc: Oidc,
  call: Call & { query: { code: string; state: string; error: string } },
): Promise<string> {
  const { request, reply, query } = call
  const kept = cookieOf(request, OIDC_COOKIE)
  if (query.error !== '' || kept === undefined)
    throw new FaultlineError(
      'unauthorized',
      kept === undefined
        ? 'The sign-in took too long, or began in another browser.'
        : 'The issuer did not let you in.',
    )
  const { user, next } = await oidc.finish({
    kept,
    code: query.code,
    state: query.state,
  })
  const opened = await deps.accounts?.sessions.openCookie(user, visitorOf(request).client)
  if (opened !== undefined) setSessionCookies(reply, isSecure(deps, request), opened.cookie)
  return next === '' ? '/' : next
}

function redirectUri({ config }: AppDeps, request: FastifyRequest): string {
  const origin = config.publicUrl ?? `${request.protocol}://${request.headers.host ?? 'localhost'}`
  return new URL(`${PATH}/callback`, origin).href
}

function keep(
  deps: AppDeps,
  { request, reply }: Call,
  cookie: { value: string; seconds: number },
): void {
  setCookie(reply, isSecure(deps, request), { ...cookie, name: OIDC_COOKIE, path: PATH })
}

function leadTo({ reply }: Call, address: string): void {
  void reply.code(303).header('location', address).header('cache-control', 'no-store').send()
}

/** Only ever to a page of ours: a path, and none that a browser takes for another host. */
export function safeNext(next: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(next) && !next.includes('\\') ? next : ''
}
