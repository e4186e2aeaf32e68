import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import type { Attributes, OtlpSpan } from './model.ts'
import { STATUS_ERROR } from './model.ts'
import { firstText } from './resource.ts'

/** Today's names of the HTTP conventions (1.23 and later) before those of old. */
const METHOD = ['http.request.method', 'http.method']
const STATUS = ['http.response.status_code', 'http.status_code']
const ROUTE = ['http.route']
const PATH = ['url.path', 'http.target', 'url.full', 'http.url']
const RPC_STATUS = ['rpc.response.status_code', 'rpc.grpc.status_code']

/** Whom an event is about, wherever it comes from. */
const PERSONAL: Readonly<Record<string, readonly string[]>> = {
  user_id: ['user.id', 'enduser.id'],
  session_id: ['session.id'],
  request_id: ['http.request.header.x-request-id', 'http.request_id', 'request.id'],
}

/** Names that became fields of the event; as attributes they would be told twice. */
export const MAPPED: ReadonlySet<string> = new Set([
  ...METHOD,
  ...STATUS,
  ...ROUTE,
  ...Object.values(PERSONAL).flat(),
])

/** method, status_code, route as far as the attributes name them. */
export function httpFields(attributes: Attributes): EventInput {
  const fields: EventInput = {}
  const method = firstText(attributes, METHOD)
  // _OTHER stands for a method the instrumentation does not know.
  if (method !== '') fields['method'] = method === '_OTHER' ? 'OTHER' : method
  const status = statusOf(attributes)
  if (status !== 0) fields['status_code'] = status
  const route = firstText(attributes, ROUTE)
  if (route !== '') fields['route'] = route
  return fields
}

export function personalFields(attributes: Attributes): EventInput {
  const fields: EventInput = {}
  for (const [field, names] of Object.entries(PERSONAL)) {
    for (const name of names) {
      const value = attributes[name]
      // Headers are lists of values.
      const text = textOf(Array.isArray(value) ? (value as unknown[])[0] : value)
      if (text === '') continue
      fields[field] = text
      break
    }
  }
  return fields
}

/** A request a server has answered: HTTP, or a remote call told in HTTP's words. */
export function requestFields(span: OtlpSpan): EventInput {
  const { attributes } = span
  const fields = httpFields(attributes)
  fields['route'] ??= routeOf(span)
  if (fields['method'] === undefined && isRpc(attributes))
    fields['method'] = textOf(attributes['rpc.system.name'] ?? attributes['rpc.system'])
  if (fields['status_code'] === undefined) {
    const status = rpcStatusOf(attributes)
    // A server that failed before it had an answer has failed all the same.
    if (status !== 0) fields['status_code'] = status
    else if (span.statusCode === STATUS_ERROR) fields['status_code'] = 500
  }
  return fields
}

function isRpc(attributes: Attributes): boolean {
  return textOf(attributes['rpc.system.name'] ?? attributes['rpc.system']) !== ''
}

/** Without a route the path would be a new one for each id in it, so the name of the span goes first. */
function routeOf(span: OtlpSpan): string {
  const { attributes, name } = span
  if (isRpc(attributes)) {
    const service = textOf(attributes['rpc.service'])
    const method = textOf(attributes['rpc.method'])
    return service === '' ? method || name : `${service}/${method}`
  }
  const bare = name.replace(/^(?:HTTP )?[A-Z]{3,7}(?: |$)/, '')
  return bare === '' ? pathOf(firstText(attributes, PATH)) : bare
}

/** The path of an address or of a request target, without its query. */
export function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : (URL.parse(target)?.pathname ?? target)
  return path.split(/[?#]/, 1)[0] ?? ''
}

function statusOf(attributes: Attributes): number {
  const status = Number(firstText(attributes, STATUS) || 0)
  return Number.isInteger(status) && status >= 0 && status <= 999 ? status : 0
}

/** The HTTP status for each code of gRPC, as google.rpc.Code's own comments give it. */
const HTTP_OF_RPC = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500]
const RPC_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]
const UNAUTHENTICATED = { code: 16, name: 'UNAUTHENTICATED', status: 401 } as const

function rpcStatusOf(attributes: Attributes): number {
  const text = firstText(attributes, RPC_STATUS)
  if (text === '') return 0
  if (text === UNAUTHENTICATED.name || text === `${UNAUTHENTICATED.code}`)
    return UNAUTHENTICATED.status
  const code = RPC_NAMES.includes(text) ? RPC_NAMES.indexOf(text) : Number(text)
  return HTTP_OF_RPC[code] ?? 0
}
