import { SqlLexError } from '#/clickhouse/sql-lexer.ts'
import { isFaultlineError, messageOf, systemErrorCode } from '#/kernel/errors.ts'
import type { FaultlineError } from '#/kernel/errors.ts'
import { StatementError } from './statement-shape.ts'

/** ClickHouse's own codes that this front raises itself. */
export const CODES = {
  SYNTAX_ERROR: 62,
  UNKNOWN_SETTING: 115,
  TIMEOUT_EXCEEDED: 159,
  READONLY: 164,
  QUERY_IS_TOO_LARGE: 261,
  REQUIRED_PASSWORD: 194,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  ABORTED: 236,
  NOT_ENOUGH_SPACE: 243,
  UNKNOWN_QUERY_PARAMETER: 456,
  NOT_IMPLEMENTED: 48,
  BAD_ARGUMENTS: 36,
  CANNOT_DECOMPRESS: 271,
  AUTHENTICATION_FAILED: 516,
  ACCESS_DENIED: 497,
  STD_EXCEPTION: 1001,
} as const

type CodeName = keyof typeof CODES

/** A failure in ClickHouse's own notation: `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: number

  constructor(code: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** One of our own, with the text the server would print. */
export function engineError(code: CodeName, detail: string, cause?: unknown): EngineError {
  return new EngineError(
    CODES[code],
    `Code: ${CODES[code]}. DB::Exception: ${detail} (${code})`,
    cause,
  )
}

/** Any thrown value as a ClickHouse exception. */
export function asEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error
  if (error instanceof SqlLexError) {
    const detail = `Syntax error: failed at position ${error.position + 1}: ${error.message}.`
    return engineError('SYNTAX_ERROR', detail, error)
  }
  if (error instanceof StatementError) return engineError('NOT_IMPLEMENTED', error.message, error)
  if (isFaultlineError(error, 'invalid_sql')) return fromGuard(error)
  if (systemErrorCode(error) === 'ENOSPC') {
    return engineError('NOT_ENOUGH_SPACE', 'The disk of the data folder is full.', error)
  }
  const message = messageOf(error)
  const code = /Code: (\d+)\. DB::Exception: /.exec(message)?.[1]
  if (code === undefined) return engineError('STD_EXCEPTION', message, error)
  return new EngineError(Number(code), message, error)
}

/** What the guard refuses is denied; what did not even parse keeps ClickHouse's code for that. */
function fromGuard(error: FaultlineError): EngineError {
  const { message, remedy, cause } = error
  if (cause === undefined)
    return engineError(
      'ACCESS_DENIED',
      remedy === undefined ? message : `${message} ${remedy}`,
      error,
    )
  const { code } = asEngineError(cause)
  if (code === CODES.SYNTAX_ERROR) return engineError('SYNTAX_ERROR', message, error)
  return new EngineError(code, `Code: ${code}. DB::Exception: ${message}`, error)
}

// HTTPHandler of the server groups its codes like this; what is in no group is a 500.
const STATUS_OF_CODE: Readonly<Record<number, readonly number[]>> = {
  400: [6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 70, 72, 117, 167, 168, 321, 427, 456],
  401: [CODES.REQUIRED_PASSWORD],
  403: [192, 193, CODES.AUTHENTICATION_FAILED, CODES.ACCESS_DENIED],
  404: [46, 47, 50, 56, 60, 63, 73, 81, 113, 115, 336],
  408: [CODES.TIMEOUT_EXCEEDED],
  413: [CODES.QUERY_IS_TOO_LARGE],
  501: [CODES.NOT_IMPLEMENTED],
  503: [CODES.TOO_MANY_SIMULTANEOUS_QUERIES, 209, CODES.ABORTED, 439],
}

const STATUS_BY_CODE = new Map(
  Object.entries(STATUS_OF_CODE).flatMap(([status, codes]) =>
    codes.map((code) => [code, Number(status)] as const),
  ),
)

export function statusOf(error: EngineError): number {
  return STATUS_BY_CODE.get(error.code) ?? 500
}
