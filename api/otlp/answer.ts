import type { FastifyReply, FastifyRequest } from 'fastify'
import { RETRY_AFTER_SECONDS } from '#/api/problem.ts'
import type { ErrorCode, FaultlineError } from '#/kernel/errors.ts'

export type OtlpEncoding = 'json' | 'protobuf'

export const OTLP_TYPES: Readonly<Record<OtlpEncoding, string>> = {
  json: 'application/json',
  protobuf: 'application/x-protobuf',
}

/** Undefined for a content type OTLP/HTTP does not know. */
export function encodingOf(request: FastifyRequest): OtlpEncoding | undefined {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (type === OTLP_TYPES.json) return 'json'
  return type === OTLP_TYPES.protobuf || type === 'application/protobuf' ? 'protobuf' : undefined
}

export interface PartialSuccess {
  rejected: number
  message: string
  /** `rejectedSpans` or `rejectedLogRecords`. */
  name: string
}

/** An Export…ServiceResponse: empty when all was taken (OTLP/HTTP, "Full Success" and "Partial Success"). */
export function responseOf(encoding: OtlpEncoding, partial?: PartialSuccess): Buffer {
  if (encoding === 'json') {
    if (partial === undefined) return Buffer.from('{}')
    // Protobuf's JSON writes 64-bit numbers as text.
    const told = { [partial.name]: `${partial.rejected}`, errorMessage: partial.message }
    return Buffer.from(JSON.stringify({ partialSuccess: told }))
  }
  if (partial === undefined) return Buffer.alloc(0)
  const inner = Buffer.concat([varintField(1, partial.rejected), textField(2, partial.message)])
  return bytesField(1, inner)
}

/** The code of google.rpc.Code beside each of ours; what is not here is INTERNAL. */
const RPC_CODES: Partial<Record<ErrorCode, number>> = {
  invalid_json: 3,
  invalid_event: 3,
  invalid_request: 3,
  invalid_encoding: 3,
  unsupported_media_type: 3,
  body_too_large: 3,
  not_found: 5,
  forbidden: 7,
  rate_limited: 8,
  overloaded: 8,
  method_not_allowed: 12,
  log_unavailable: 14,
  disk_full: 14,
  unauthorized: 16,
}
const RPC_INTERNAL = 13

/** Errors as google.rpc.Status in the encoding of the request (OTLP/HTTP, "Failures"). */
export function sendStatus(
  request: FastifyRequest,
  reply: FastifyReply,
  error: FaultlineError,
): FastifyReply {
  const encoding = encodingOf(request) ?? 'json'
  const code = RPC_CODES[error.code] ?? RPC_INTERNAL
  const remedy = error.remedy === undefined ? '' : ` ${error.remedy}`
  const message = `${error.message}${remedy} [${error.code}, request ${request.id}]`
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="faultline"')
  if (error.retryable && !reply.hasHeader('retry-after'))
    void reply.header('retry-after', RETRY_AFTER_SECONDS)
  const body =
    encoding === 'json'
      ? Buffer.from(JSON.stringify({ code, message }))
      : Buffer.concat([varintField(1, code), textField(2, message)])
  return reply.code(error.status).header('content-type', OTLP_TYPES[encoding]).send(body)
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return [...bytes, rest]
}

function varintField(field: number, value: number): Buffer {
  return Buffer.from([...varint(field * 8), ...varint(value)])
}

function bytesField(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(value.length)]), value])
}

function textField(field: number, value: string): Buffer {
  return bytesField(field, Buffer.from(value, 'utf8'))
}
