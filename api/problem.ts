import type { FastifyReply, FastifyRequest } from 'fastify'
import { ERROR_CATALOGUE, FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'
import type { Problem } from '#/schemas/view.ts'
import { BAD_ADDRESS_REMEDY } from './bad-address.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Fastify's own refusals, which happen before any of our code sees the request. */
const FROM_FASTIFY: Readonly<Record<string, readonly [ErrorCode, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'body_too_large',
    'The body is larger than the limit.',
    'Send several smaller bodies.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'The content type is not supported.',
    'Name one that /docs has for this address, as Content-Type.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'invalid_encoding',
    'The body ended before its length.',
    'Send all of it, with the Content-Length it has.',
  ],
  FST_ERR_BAD_URL: ['invalid_request', 'The address is not valid.', BAD_ADDRESS_REMEDY],
  FST_ERR_MAX_PARAM_LENGTH: [
    'invalid_request',
    'A part of the address is too long.',
    'Copy the whole address again.',
  ],
}

/** The error of the catalogue behind anything thrown; what nobody foresaw is `internal`. */
export function faultlineErrorOf(error: unknown): FaultlineError {
  if (error instanceof FaultlineError) return error
  const code = (error as { code?: unknown } | null)?.code
  const known = typeof code === 'string' ? FROM_FASTIFY[code] : undefined
  if (known !== undefined)
    return new FaultlineError(known[0], known[1], {
      cause: error,
      remedy: known[2],
    })
  if ((error as { statusCode?: unknown } | null)?.statusCode === 400)
    return new FaultlineError('invalid_request', messageOf(error), { cause: error })
  return new FaultlineError('internal', 'Something broke on our side.', { cause: error })
}

/** RFC 9457. Details of the unforeseen stay inside: they may hold what the caller must not see. */
function problemOf(error: FaultlineError, requestId: string): Problem {
  return {
    type: `/docs#${error.code}`,
    title: ERROR_CATALOGUE[error.code].text,
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(error.path === undefined ? {} : { path: error.path }),
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    request_id: requestId,
  }
}

/** Seconds to wait, for retryable errors that do not say it themselves (RFC 9110 §10.2.3). */
export const RETRY_AFTER_SECONDS = 5

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: FaultlineError,
): FastifyReply {
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="faultline"')
  if (error.retryable && !reply.hasHeader('retry-after'))
    void reply.header('retry-after', RETRY_AFTER_SECONDS)
  return reply
    .code(error.status)
    .header('content-type', PROBLEM_TYPE)
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problemOf(error, request.id)))
}
