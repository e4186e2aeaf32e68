import { ERROR_CATALOGUE } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'
import { OPENAPI_SCHEMAS } from './openapi-schemas.ts'
import type { Access, Route } from './route.ts'

/** Problems every call of this access may meet, beside an address or a parameter that is wrong. */
const PROBLEMS_OF: Readonly<Record<Access, readonly ErrorCode[]>> = {
  none: [],
  read: ['unauthorized', 'forbidden', 'storage_unavailable'],
  metrics: ['unauthorized', 'forbidden'],
  ingest: ['unauthorized', 'forbidden'],
  own: ['unauthorized'],
  respond: ['unauthorized', 'forbidden'],
  admin: ['unauthorized', 'forbidden'],
  person: ['unauthorized', 'forbidden'],
  operator: ['unauthorized', 'forbidden'],
}

/** OpenAPI 3.1 of the route table. */
export function openApiOf(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = openApiPath(route.path)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Faultline',
      version,
      description: 'Events in, incidents out. Times are milliseconds since the epoch.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: OPENAPI_SCHEMAS,
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

/** `/a/:b` as `/a/{b}`. */
export function openApiPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}')
}

function operationOf(route: Route): object {
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    ...(route.access === 'none' || route.access === 'own'
      ? { security: [] }
      : { security: securityOf(route.access) }),
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body) }),
    responses: { ...answersOf(route), ...problemsOf(route) },
  }
}

/** Reads may be open, which an empty requirement says. */
function securityOf(access: Access): object[] {
  const keys = [{ apiKey: [] }, { bearer: [] }]
  return access === 'read' || access === 'metrics' ? [...keys, {}] : keys
}

function operationId({ method, path }: Route): string {
  const words = path.split(/[/.:]/).filter((word) => word !== '')
  return [method.toLowerCase(), ...words].join('_')
}

function pathParameters({ path }: Route): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query, access }: Route): object[] {
  const own = Object.entries(query).map(([name, param]) => ({
    name,
    in: 'query',
    description: param.about,
    schema: param.isList === true ? { type: 'array', items: param.schema } : param.schema,
    ...(param.isList === true ? { style: 'form', explode: true } : {}),
  }))
  if (access !== 'read') return own
  const description = 'Project; the key’s own, or the default one, when missing.'
  return [...own, { name: 'project', in: 'query', description, schema: { type: 'string' } }]
}

function bodyOf(body: NonNullable<Route['body']>): object {
  const content = Object.fromEntries(body.types.map((type) => [type, { schema: body.schema }]))
  return { required: true, description: body.about, content }
}

function answersOf({ answer, otherAnswers = [], query }: Route): object {
  const isTable = (query['format']?.schema as { enum?: readonly string[] } | undefined)?.enum
  const csv = isTable?.includes('csv') === true ? [{ ...answer, type: CSV, schema: TEXT }] : []
  const byStatus = Map.groupBy([answer, ...csv, ...otherAnswers], ({ status }) => status)
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all[0]?.about ?? '',
        content: Object.fromEntries(
          all.map(({ type, schema }) => [typeAlone(type), schema === undefined ? {} : { schema }]),
        ),
      },
    ]),
  )
}

/** Without its parameters, as the document names it. */
const typeAlone = (type: string): string => type.replace(/;.*/, '')

const CSV = 'text/csv'
const TEXT = { type: 'string' }

/** A body that is too large or of another type is refused whatever the route is about. */
function bodyProblems({ method, body }: Route): readonly ErrorCode[] {
  if (method === 'GET') return []
  return body === undefined
    ? ['body_too_large']
    : ['invalid_json', 'body_too_large', 'unsupported_media_type']
}

function problemsOf(route: Route): Record<string, object> {
  const codes = new Set<ErrorCode>([
    'invalid_request',
    ...PROBLEMS_OF[route.access],
    ...bodyProblems(route),
    ...(route.problems ?? []),
  ])
  const byStatus = Map.groupBy(codes, (code) => ERROR_CATALOGUE[code].status)
  const types = route.errorTypes
  const problem =
    types === undefined
      ? { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
      : Object.fromEntries(types.map((type) => [type, {}]))
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      { description: all.map((code) => `\`${code}\``).join(', '), content: problem },
    ]),
  )
}
