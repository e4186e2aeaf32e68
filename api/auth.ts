import type { FastifyRequest } from 'fastify'
import type { Principal } from '#/schemas/principal.ts'
import { mayCall } from './accounts/access.ts'
import { cookieOf, csrfTokenOf, SESSION_COOKIE } from './accounts/cookies.ts'
import { OWNER, principalOfKey } from './accounts/key-principal.ts'
import type { AppDeps } from './deps.ts'
import { checkHost, checkOrigin } from './exposure.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { isSameHash, secretHash } from './key-format.ts'
import type { ApiKey, Keys } from './keys.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Access, Call, Route } from './route.ts'
import type { Pressure } from './ingest/pressure.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that proved itself, where one was sent. */
    apiKey: ApiKey | undefined
    /** Who is asking; undefined where reads are open and nobody said who they are. */
    principal: Principal | undefined
  }
  interface FastifyContextConfig {
    /** Answered to pages of other sites too. */
    isCrossOrigin?: boolean
  }
}

/** The secret of `X-API-Key` or `Authorization: Bearer`; the first wins when both are sent. */
function presentedSecret(request: FastifyRequest): string | undefined {
  const own = request.headers['x-api-key']
  if (typeof own === 'string') return own
  const authorization = request.headers.authorization
  return authorization !== undefined && /^bearer /i.test(authorization)
    ? authorization.slice('bearer '.length).trim()
    : undefined
}

/** Whether a key was sent, right or wrong. */
export function presentsKey(request: FastifyRequest): boolean {
  return presentedSecret(request) !== undefined
}

/** Three parts in base64url: an access token, never a key of ours. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** Refuses names that are not ours before anything else is looked at. */
export function guardHost(deps: AppDeps, request: FastifyRequest): void {
  if (deps.config.hostsAllowed !== null) checkHost(request.headers.host, deps.config.hostsAllowed)
}

/** Whether reads need nobody to say who they are. */
export function isOpen({ accounts, config }: AppDeps): boolean {
  return config.readAccess === 'open' && (accounts?.isOpen() ?? true)
}

/**
 * Finds out who is asking and lets the call through, or fails with `unauthorized` or `forbidden`. What is sent as a
 * proof must be right even where none is needed; only a browser's cookie may be stale there, since it is sent by itself.
 */
export function authorize(
  deps: AppDeps,
  request: FastifyRequest,
  access: Access,
): void | Promise<void> {
  if (access === 'own') return
  const presented = presentedSecret(request)
  if (presented !== undefined && deps.accounts !== undefined && JWT.test(presented))
    return deps.accounts.sessions.ofAccessToken(presented).then(
      (principal) => admit(deps, request, { access, principal }),
      (error: unknown) => {
        if (access !== 'none') throw error
      },
    )
  if (access === 'none') {
    request.principal = personOfCookie(deps, request)
    return
  }
  if (presented === undefined) return authorizeBrowser(deps, request, access)
  if (access === 'metrics' && isToken(deps.metricsToken, presented)) return
  if (access !== 'ingest' && isToken(deps.operatorToken, presented))
    return admit(deps, request, { access, principal: OWNER })
  // The operator's calls are for nobody who has but a key, whatever it is.
  if (access === 'operator') throw refusal(access, 'key')
  const key = verified(deps.keys, presented)
  request.apiKey = key
  admit(deps, request, { access, principal: principalOfKey(key) })
}

/** Ends a hook when the promise does. */
export async function callBack(
  admitted: Promise<void>,
  done: (error?: Error) => void,
): Promise<void> {
  try {
    await admitted
  } catch (error) {
    done(error as Error)
    return
  }
  done()
}

function admit(
  deps: AppDeps,
  request: FastifyRequest,
  { access, principal }: { access: Access; principal: Principal },
): void {
  const scopes = request.apiKey?.scopes
  request.principal = principal
  if (!mayCall(access, { principal, scopes, isOpen: isOpen(deps) }))
    throw refusal(access, principal.kind)
}

function authorizeBrowser(deps: AppDeps, request: FastifyRequest, access: Access): void {
  const principal = personOfCookie(deps, request)
  if (principal !== undefined) {
    admit(deps, request, { access, principal })
    if (access !== 'read') checkCsrf(request)
  } else if (!mayCall(access, { principal, isOpen: isOpen(deps) }))
    throw new FaultlineError('unauthorized', 'This call needs an API key or a sign-in.', {
      remedy: 'Send the key as X-API-Key or as Authorization: Bearer, or sign in at /login.',
    })
}

export function personOfCookie(deps: AppDeps, request: FastifyRequest): Principal | undefined {
  const cookie = cookieOf(request, SESSION_COOKIE)
  return cookie === undefined ? undefined : deps.accounts?.sessions.ofCookie(cookie)
}

/** Cookies are sent by themselves; that a page of ours asked shows by what only its scripts can read. */
function checkCsrf(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const token = request.headers['x-csrf-token']
  const cookie = cookieOf(request, SESSION_COOKIE) ?? ''
  if (typeof token === 'string' && isSameHash(token, csrfTokenOf(cookie))) return
  throw new FaultlineError('forbidden', 'A change from a browser needs its CSRF token.', {
    path: 'x-csrf-token',
    remedy: 'Send the cookie fl_csrf as X-CSRF-Token, or use a token as Bearer.',
  })
}

function refusal(access: Access, kind: Principal['kind']): FaultlineError {
  if (access === 'operator')
    return new FaultlineError('forbidden', 'This call is for the operator of the platform.', {
      remedy: 'Use the command line beside the data folder, or sign in as an administrator.',
    })
  if (access === 'person')
    return new FaultlineError('forbidden', 'This call is for people who signed in.')
  if (kind === 'key')
    return new FaultlineError('forbidden', `This key lacks the scope ${scopeFor(access)}.`, {
      remedy: `Create one with: faultline keys create --scope ${scopeFor(access)}`,
    })
  return new FaultlineError('forbidden', 'Your role does not allow this.', {
    remedy: 'Ask an administrator for another role.',
  })
}

const scopeFor = (access: Access): string =>
  access === 'respond' ? 'admin' : access === 'metrics' ? 'read' : access

function isToken(token: string | undefined, presented: string | undefined): boolean {
  if (token === undefined || presented === undefined) return false
  return isSameHash(secretHash(presented), secretHash(token))
}

function verified(keys: Keys, presented: string): ApiKey {
  const key = keys.verify(presented)
  if (key !== undefined) return key
  throw new FaultlineError('unauthorized', 'The API key is unknown or revoked.', {
    remedy: 'List the keys with: faultline keys list',
  })
}

/** Tells the audit trail of everybody who was refused. */
export function noteRefusal(deps: AppDeps, request: FastifyRequest, error: unknown): void {
  if (!(error instanceof FaultlineError)) return
  if (error.code !== 'unauthorized' && error.code !== 'forbidden') return
  // These tell it themselves, and more about it.
  if (request.routeOptions.url?.startsWith('/api/auth/') === true) return
  deps.audit?.note({
    actor: request.principal?.id ?? `address:${request.ip}`,
    action: 'access',
    target: `${request.method} ${request.routeOptions.url ?? ''}`,
    result: 'denied',
    detail: { code: error.code, why: error.message },
  })
}

/**
 * Tells the audit trail of what an administrator or the operator changed, to be waited for before it is answered;
 * undefined for routes that change nothing so, or tell it themselves.
 */
export function changeNoterOf(
  { audit }: AppDeps,
  { method, path, access, tellsTrail }: Route,
): ((call: Call) => Promise<void>) | undefined {
  if (audit === undefined || method === 'GET' || tellsTrail === true) return undefined
  if (access !== 'admin' && access !== 'operator') return undefined
  return ({ principal, project, path: parts }) =>
    audit.record({
      actor: principal?.id ?? '',
      action: 'change',
      target: `${method} ${path}`,
      result: 'done',
      detail: { project, ...parts },
    })
}

/** Writes from pages of other sites are refused even where no key is needed. */
export function guardOrigin(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  if (request.routeOptions.config.isCrossOrigin === true) return
  checkOrigin(request.headers.origin, request.headers.host)
}

/** Before the body is read: a caller past its rate, or a pipeline behind, costs no more than this. */
export function guardIngest(
  request: FastifyRequest,
  limits: { rate: RateLimit; pressure: Pressure },
): void {
  const wait = limits.rate.waitSeconds(request.apiKey?.id ?? '')
  if (wait > 0)
    throw new FaultlineError('rate_limited', 'This key sends more than its rate allows.', {
      remedy: `Wait ${wait} s, send fewer, or ask for a higher rate.`,
      retryAfterSeconds: wait,
    })
  limits.pressure.check()
}
