import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '#/schemas/principal.ts'
import { OWNER, principalOfKey } from './accounts/key-principal.ts'
import type { AppDeps } from './deps.ts'
import { checkHost, checkOrigin } from './exposure.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { isSameHash, keyHash } from './key-format.ts'
import type { ApiKey, Keys } from './keys.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Access } from './route.ts'
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

/** The key text of `X-API-Key` or `Authorization: Bearer`; the first wins when both are sent. */
function presentedKey(request: FastifyRequest): string | undefined {
  const own = request.headers['x-api-key']
  if (typeof own === 'string') return own
  const authorization = request.headers.authorization
  return authorization !== undefined && /^bearer /i.test(authorization)
    ? authorization.slice('bearer '.length).trim()
    : undefined
}

/** Whether a key was sent, right or wrong. */
export function presentsKey(request: FastifyRequest): boolean {
  return presentedKey(request) !== undefined
}

/** Refuses names that are not ours before anything else is looked at. */
export function guardHost(deps: AppDeps, request: FastifyRequest): void {
  if (deps.config.hostsAllowed !== null) checkHost(request.headers.host, deps.config.hostsAllowed)
}

/** Lets a call through or throws `unauthorized` or `forbidden`. A key that is sent must be right even where none is needed. */
export function authorize(deps: AppDeps, request: FastifyRequest, wanted: Access): void {
  if (wanted === 'none' || wanted === 'own') return
  const presented = presentedKey(request)
  if (wanted === 'metrics' && isToken(deps.metricsToken, presented)) return
  const access = wanted === 'metrics' ? 'read' : wanted
  if (presented === undefined) {
    if (access === 'read' && deps.config.readAccess === 'open') return
    throw new FaultlineError('unauthorized', 'This call needs an API key.', {
      remedy: 'Send it as X-API-Key or as Authorization: Bearer.',
    })
  }
  if (access !== 'ingest' && isOperator(deps, presented)) {
    request.principal = OWNER
    return
  }
  if (access === 'operator') throw notTheOperator()
  const key = verified(deps.keys, presented)
  if (!key.scopes.includes(access) && !key.scopes.includes('admin'))
    throw new FaultlineError('forbidden', `This key lacks the scope ${access}.`, {
      remedy: `Create one with: faultline keys create --scope ${access}`,
    })
  request.apiKey = key
  request.principal = principalOfKey(key)
}

function isOperator({ operatorToken }: AppDeps, presented: string): boolean {
  return isToken(operatorToken, presented)
}

function isToken(token: string | undefined, presented: string | undefined): boolean {
  if (token === undefined || presented === undefined) return false
  return isSameHash(keyHash(presented), keyHash(token))
}

function notTheOperator(): FaultlineError {
  return new FaultlineError('forbidden', 'This call is for the operator of the platform.', {
    remedy: 'Use the command line beside the data folder: it reads the token there.',
  })
}

function verified(keys: Keys, presented: string): ApiKey {
  const key = keys.verify(presented)
  if (key !== undefined) return key
  throw new FaultlineError('unauthorized', 'The API key is unknown or revoked.', {
    remedy: 'List the keys with: faultline keys list',
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
  reply: FastifyReply,
  limits: { rate: RateLimit; pressure: Pressure },
): void {
  const wait = limits.rate.waitSeconds(request.apiKey?.id ?? '')
  if (wait > 0) {
    void reply.header('retry-after', wait)
    throw new FaultlineError('rate_limited', 'This key sends more than its rate allows.', {
      remedy: `Wait ${wait} s, send fewer, or ask for a higher rate.`,
    })
  }
  limits.pressure.check()
}
