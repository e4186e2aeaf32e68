import { fastifyWebsocket } from '@fastify/websocket'
import { fastify } from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { FaultlineError } from '#/kernel/errors.ts'
import { projectOf } from './accounts/project-choice.ts'
import {
  authorize,
  callBack,
  changeNoterOf,
  guardHost,
  guardIngest,
  guardOrigin,
  noteRefusal,
} from './auth.ts'
import { sendBadAddressPage } from './bad-address.ts'
import { isPageRequest, registerClientFiles, sendPageOf } from './dashboard.ts'
import type { AppDeps } from './deps.ts'
import { createDoor } from './ingest/door.ts'
import { createHub } from './live/hub.ts'
import { readAway } from './linger.ts'
import { readParams } from './params.ts'
import { signInFirst } from './accounts/page-gate.ts'
import { faultlineErrorOf, sendProblem } from './problem.ts'
import { createRateLimit } from './rate-limit.ts'
import { countLimited } from './routes/ingest.ts'
import { allRoutes, serves } from './routes/all.ts'
import type { RouteParts } from './routes/all.ts'
import { WEBSOCKET_OPTIONS, registerWebSockets } from './routes/live.ts'
import type { Call, Route } from './route.ts'
import { isOpenInSandbox, refusedInSandbox } from './sandbox.ts'

/** What `buildApp` gives, under a name that binds nobody to Fastify. */
export type App = FastifyInstance

const JSON_TYPE = 'application/json; charset=utf-8'
const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const PLAIN_BODY_BYTES_MAX = 64 * 1024

/**
 * The whole HTTP surface, ready for `listen` or `inject`; it never listens by itself. `close()` ends live streams
 * and timers, not the things it was given.
 */
export function buildApp(deps: AppDeps): FastifyInstance {
  let requestCount = 0
  const boot = deps.random.int(2 ** 32).toString(36)
  const app = fastify({
    logger: false,
    genReqId: () => `${boot}-${(requestCount += 1).toString(36)}`,
    bodyLimit: PLAIN_BODY_BYTES_MAX,
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    // Keep-alive connections must not hold up a stop.
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) =>
      void answerUnrouted(deps, error, { request, reply }),
  })
  app.decorateRequest('apiKey', undefined)
  app.decorateRequest('admission', undefined)
  app.decorateRequest('principal', undefined)
  // Bodies stay bytes: each route knows best how to read its own, and most never need to.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => answerError(deps, error, { request, reply }))

  const hub = createHub({ ...deps, onProblem: (error) => deps.onProblem?.(error, 'live') })
  const parts: RouteParts = {
    hub,
    door: createDoor(deps),
    rate: createRateLimit(deps.clock, {
      perSecond: deps.config.eventsPerSecondMax,
      burst: deps.config.eventsBurstMax,
    }),
  }
  addHooks(app, deps)
  app.addHook('preClose', () => hub.close())
  void app.register(fastifyWebsocket, WEBSOCKET_OPTIONS)
  const page = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    (await signInFirst(deps, request, reply)) ?? sendPageOf(deps.dashboard, request, reply)
  // In a scope of its own, because the WebSocket plugin has to see the routes being added.
  void app.register(async (scope) => {
    const routes = allRoutes(deps, parts)
    for (const route of routes) register(scope, deps, { route, parts })
    refuseOtherMethods(scope, routes)
    if (serves(deps, 'reads')) registerWebSockets(scope, deps, { hub, page })
    if (deps.dashboard !== undefined) await registerClientFiles(scope, deps.dashboard.clientDir)
  })
  app.setNotFoundHandler(async (request, reply) => {
    if (deps.dashboard !== undefined && isPageRequest(request)) return page(request, reply)
    const shown = request.url.slice(0, 200)
    throw new FaultlineError('not_found', `There is nothing at ${shown}.`, {
      remedy: 'See /docs for all addresses.',
    })
  })
  return app
}

function addHooks(app: FastifyInstance, deps: AppDeps): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-content-type-options', 'nosniff')
    guardHost(deps, request)
    guardOrigin(request)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (reply.statusCode === 413) void callBack(readAway(request.raw, deps.clock), done)
    else done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    deps.metrics.add('faultline_http_requests_total', 1, { route, status: reply.statusCode })
    deps.metrics.observe('faultline_http_seconds', reply.elapsedTime / 1000, { route })
    done()
  })
}

function register(
  app: FastifyInstance,
  deps: AppDeps,
  wish: { route: Route; parts: RouteParts },
): void {
  const { route, parts } = wish
  const noteChange = changeNoterOf(deps, route)
  app.route({
    method: route.method === 'GET' && route.isStream !== true ? ['GET', 'HEAD'] : route.method,
    url: route.path,
    bodyLimit: route.bodyBytesMax ?? PLAIN_BODY_BYTES_MAX,
    config: { isCrossOrigin: route.isCrossOrigin === true },
    errorHandler: (error, request, reply) =>
      answerError(deps, error, { request, reply, send: route.sendError }),
    onRequest: (request, reply, done) => {
      if (route.isCrossOrigin === true) allowOrigins(reply)
      // Keys, cookies and signatures are looked at at once; only tokens are waited for.
      const admitted = authorize(deps, request, route.access) ?? route.admit?.(request)
      if (route.access === 'ingest' || route.access === 'own') limitIngest(deps, parts, request)
      if (admitted === undefined) done()
      else void callBack(admitted, done)
    },
    handler: async (request, reply) => {
      if (deps.config.isSandbox && !isOpenInSandbox(route)) throw refusedInSandbox()
      const call = callOf(deps, route, { request, reply })
      const answer = await route.handle(call)
      if (noteChange !== undefined) await noteChange(call)
      if (answer === undefined) return reply
      return reply
        .code(route.answer.status)
        .header('content-type', JSON_TYPE)
        .header('cache-control', 'no-store')
        .send(JSON.stringify(answer))
    },
  })
}

function limitIngest(deps: AppDeps, parts: RouteParts, request: FastifyRequest): void {
  try {
    guardIngest(request, { rate: parts.rate, pressure: parts.door.pressure })
  } catch (error) {
    countLimited(deps)
    throw error
  }
}

function callOf(
  deps: AppDeps,
  route: Route,
  http: { request: FastifyRequest; reply: FastifyReply },
): Call {
  const { request } = http
  const nowMs = deps.clock.nowMs()
  const { project: wished, ...rest } = request.query as Record<string, unknown>
  return {
    ...http,
    query: readParams(route.query, rest, nowMs),
    path: request.params as Record<string, string>,
    project: projectOf(request, { wished, fallback: deps.config.defaultProject }),
    key: request.apiKey,
    principal: request.principal,
    nowMs,
  }
}

/** RFC 9110 §15.5.6: an address that exists says which methods it takes. */
function refuseOtherMethods(app: FastifyInstance, routes: readonly Route[]): void {
  const byPath = Map.groupBy(routes, (route) => route.path)
  for (const [path, all] of byPath) {
    const allowed = all.flatMap((route) =>
      route.method === 'GET' && route.isStream !== true ? ['GET', 'HEAD'] : [route.method],
    )
    const isCrossOrigin = all.some((route) => route.isCrossOrigin === true)
    if (isCrossOrigin) answerPreflight(app, path, allowed)
    app.route({
      method: METHODS.filter(
        (method) => !allowed.includes(method) && !(isCrossOrigin && method === 'OPTIONS'),
      ),
      url: path,
      handler: (request, reply) => {
        void reply.header('allow', allowed.join(', '))
        throw new FaultlineError('method_not_allowed', `${path} does not take ${request.method}.`, {
          remedy: `It takes ${allowed.join(', ')}.`,
        })
      },
    })
  }
}

/** Any page may send here, and may read how long to be quiet (Fetch, "CORS protocol"). */
function allowOrigins(reply: FastifyReply): void {
  void reply
    .header('access-control-allow-origin', '*')
    .header('access-control-expose-headers', 'retry-after, x-sentry-rate-limits, x-sentry-error')
    .header('cross-origin-resource-policy', 'cross-origin')
}

function answerPreflight(app: FastifyInstance, path: string, methods: readonly string[]): void {
  app.route({
    method: 'OPTIONS',
    url: path,
    config: { isCrossOrigin: true },
    handler: (_request, reply) => {
      allowOrigins(reply)
      return reply
        .code(204)
        .header('access-control-allow-methods', methods.join(', '))
        .header(
          'access-control-allow-headers',
          'authorization, content-encoding, content-type, x-sentry-auth',
        )
        .header('access-control-max-age', '3600')
        .send()
    },
  })
}

/** The router refused the address itself, before any hook or handler. */
function answerUnrouted(
  deps: AppDeps,
  thrown: unknown,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): FastifyReply {
  const error = faultlineErrorOf(thrown)
  return deps.dashboard !== undefined && isPageRequest(request)
    ? sendBadAddressPage(request, reply, error)
    : sendProblem(request, reply, error)
}

function answerError(
  deps: AppDeps,
  thrown: unknown,
  http: { request: FastifyRequest; reply: FastifyReply; send?: Route['sendError'] },
): FastifyReply {
  const { request, reply, send = sendProblem } = http
  const error = faultlineErrorOf(thrown)
  if (error.status >= 500) deps.onProblem?.(thrown, request.id)
  noteRefusal(deps, request, error)
  const { retryAfterSeconds } = error
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', retryAfterSeconds)
  return send(request, reply, error)
}
