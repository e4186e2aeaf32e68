import { fastify } from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { isFaultlineError } from '#/kernel/errors.ts'
import { COMPATIBILITY_LEVELS } from '#/schemas/compatibility.ts'
import type { CompatibilityLevel } from '#/schemas/compatibility.ts'
import type { EmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import { checkHost, checkOrigin } from './exposure.ts'
import { faultlineErrorOf } from './problem.ts'

/** Confluent's media type; clients send it, and some look for it in the answer. */
const TYPE = 'application/vnd.schemaregistry.v1+json'
const BODY_BYTES_MAX = 1 << 20

/** Confluent's error codes: the HTTP status, then two digits of its own (API reference, Errors). */
const CODES = {
  subject: [404, 40401],
  version: [404, 40402],
  schema: [404, 40403],
  incompatible: [409, 409],
  invalidSchema: [422, 42201],
  invalidVersion: [422, 42202],
  invalidLevel: [422, 42203],
  forbidden: [403, 403],
  internal: [500, 50001],
} as const
type Reason = keyof typeof CODES

class RegistryProblem extends Error {
  readonly reason: Reason
  constructor(reason: Reason, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * The part of Confluent's registry interface that Kafka clients use, in front of the embedded registry. It runs on a
 * port of its own, as they expect; for loopback only, since it knows no accounts.
 */
export function buildRegistryApp(deps: {
  registry: EmbeddedRegistry
  hostsAllowed?: readonly string[]
}): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('content-type', TYPE)
    checkHost(request.headers.host, deps.hostsAllowed ?? [])
    checkOrigin(request.headers.origin, request.headers.host)
    done()
  })
  app.setErrorHandler((error, _request, reply) => answerProblem(error, reply))
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(JSON.stringify({ error_code: 404, message: 'HTTP 404 Not Found' })),
  )
  addReads(app, deps.registry)
  addWrites(app, deps.registry)
  addConfig(app, deps.registry)
  return app
}

interface Named {
  Params: { subject: string; version: string; id: string }
}

function addReads(app: FastifyInstance, registry: EmbeddedRegistry): void {
  app.get('/', (_request, reply) => reply.send('{}'))
  app.get('/schemas/types', (_request, reply) => reply.send('["AVRO"]'))
  app.get('/subjects', (_request, reply) => send(reply, registry.subjects()))
  app.get<Named>('/subjects/:subject/versions', ({ params }, reply) =>
    send(
      reply,
      orMissing('subject', () => registry.versions(params.subject)),
    ),
  )
  app.get<Named>('/subjects/:subject/versions/:version', ({ params }, reply) =>
    send(reply, versionOf(registry, params)),
  )
  app.get<Named>('/subjects/:subject/versions/:version/schema', ({ params }, reply) =>
    reply.send(versionOf(registry, params).schema),
  )
  app.get<Named>('/schemas/ids/:id', async ({ params }, reply) => {
    const { schema } = await byId(registry, params.id)
    return send(reply, { schema })
  })
  app.get<Named>('/schemas/ids/:id/schema', async ({ params }, reply) =>
    reply.send((await byId(registry, params.id)).schema),
  )
  app.get<Named>('/schemas/ids/:id/versions', async ({ params }, reply) => {
    const { id } = await byId(registry, params.id)
    return send(reply, registry.usesOf(id))
  })
  app.get<Named>('/schemas/ids/:id/subjects', async ({ params }, reply) => {
    const { id } = await byId(registry, params.id)
    return send(reply, [...new Set(registry.usesOf(id).map(({ subject }) => subject))])
  })
}

function addWrites(app: FastifyInstance, registry: EmbeddedRegistry): void {
  app.post<Named>('/subjects/:subject/versions', async ({ params, body }, reply) => {
    try {
      return send(reply, { id: await registry.register(params.subject, schemaOf(body)) })
    } catch (error) {
      throw problemOf(error)
    }
  })
  app.post<Named>('/subjects/:subject', ({ params, body }, reply) => {
    orMissing('subject', () => registry.versions(params.subject))
    const schema = schemaOf(body)
    return send(
      reply,
      orMissing('schema', () => registry.lookup(params.subject, schema)),
    )
  })
  app.post<Named & { Querystring: { verbose?: string } }>(
    '/compatibility/subjects/:subject/versions/:version',
    ({ params, body, query }, reply) => {
      const { version } = versionOf(registry, params)
      return send(reply, verdict(registry.check(params.subject, schemaOf(body), version), query))
    },
  )
  app.post<Named & { Querystring: { verbose?: string } }>(
    '/compatibility/subjects/:subject/versions',
    ({ params, body, query }, reply) =>
      send(reply, verdict(registry.check(params.subject, schemaOf(body)), query)),
  )
}

function addConfig(app: FastifyInstance, registry: EmbeddedRegistry): void {
  app.get('/config', (_request, reply) => send(reply, { compatibilityLevel: registry.level() }))
  app.put('/config', ({ body }, reply) => {
    const compatibility = levelOf(body)
    registry.setLevel(compatibility)
    return send(reply, { compatibility })
  })
  app.get<Named & { Querystring: { defaultToGlobal?: string } }>(
    '/config/:subject',
    ({ params, query }, reply) => {
      const own = registry.level(params.subject)
      const level = own ?? (query.defaultToGlobal === 'true' ? registry.level() : undefined)
      if (level === undefined)
        throw new RegistryProblem('subject', `Subject '${params.subject}' has no level of its own.`)
      return send(reply, { compatibilityLevel: level })
    },
  )
  app.put<Named>('/config/:subject', ({ params, body }, reply) => {
    const compatibility = levelOf(body)
    registry.setLevel(compatibility, params.subject)
    return send(reply, { compatibility })
  })
}

function send(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.send(JSON.stringify(value))
}

function verdict(messages: readonly string[], query: { verbose?: string }): object {
  const is_compatible = messages.length === 0
  return query.verbose === 'true' ? { is_compatible, messages } : { is_compatible }
}

/** What the registry does not find, in Confluent's words for it. */
function orMissing<T>(reason: Reason, find: () => T): T {
  try {
    return find()
  } catch (error) {
    if (isFaultlineError(error, 'not_found')) throw new RegistryProblem(reason, error.message)
    throw problemOf(error)
  }
}

function versionOf(registry: EmbeddedRegistry, params: Named['Params']) {
  const isLatest = params.version === 'latest' || params.version === '-1'
  const version = isLatest ? 'latest' : Number(params.version)
  if (version !== 'latest' && !(Number.isInteger(version) && version > 0))
    throw new RegistryProblem('invalidVersion', 'The version must be a whole number or latest.')
  orMissing('subject', () => registry.versions(params.subject))
  return orMissing('version', () => registry.version(params.subject, version))
}

async function byId(registry: EmbeddedRegistry, id: string) {
  try {
    return await registry.byId(Number(id))
  } catch {
    throw new RegistryProblem('schema', 'Schema not found.')
  }
}

function objectOf(body: unknown): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(String(body))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Falls through to the same answer as any other body that is no object.
  }
  throw new RegistryProblem('invalidSchema', 'The body must be a JSON object.')
}

function schemaOf(body: unknown): string {
  const { schema, schemaType = 'AVRO' } = objectOf(body)
  if (typeof schema !== 'string' || schemaType !== 'AVRO')
    throw new RegistryProblem('invalidSchema', 'Send {"schema": "<Avro schema as JSON text>"}.')
  return schema
}

function levelOf(body: unknown): CompatibilityLevel {
  const { compatibility } = objectOf(body)
  const level = COMPATIBILITY_LEVELS.find((known) => known === compatibility)
  if (level !== undefined) return level
  throw new RegistryProblem('invalidLevel', `Use one of ${COMPATIBILITY_LEVELS.join(', ')}.`)
}

function problemOf(error: unknown): unknown {
  if (isFaultlineError(error, 'schema_incompatible'))
    return new RegistryProblem('incompatible', error.message)
  if (isFaultlineError(error, 'invalid_request'))
    return new RegistryProblem('invalidSchema', error.message)
  return error
}

function answerProblem(thrown: unknown, reply: FastifyReply): FastifyReply {
  const known = problemOf(thrown)
  const problem = known instanceof RegistryProblem ? known : undefined
  const error = faultlineErrorOf(known)
  const reason = problem?.reason ?? (error.code === 'forbidden' ? 'forbidden' : 'internal')
  const isOurs = reason !== 'internal'
  const [status, code] = CODES[reason]
  const message = isOurs ? (problem ?? error).message : 'Something broke on our side.'
  // Fastify drops the type of the answer when a handler throws.
  void reply.code(status).header('content-type', TYPE)
  return reply.send(JSON.stringify({ error_code: code, message }))
}
