/**
 * The one catalogue of errors a user can meet. `status` is the HTTP status, `retryable` says whether the
 * same call may succeed later. Codes are never reused; docs/errors.md lists the same table (a test compares).
 */
export const ERROR_CATALOGUE = {
  invalid_json: { status: 400, retryable: false, text: 'The body is not valid JSON.' },
  invalid_event: {
    status: 400,
    retryable: false,
    text: 'A field of the event is missing or wrong.',
  },
  invalid_request: { status: 400, retryable: false, text: 'A parameter is missing or wrong.' },
  invalid_encoding: {
    status: 400,
    retryable: false,
    text: 'The body cannot be decoded as declared.',
  },
  invalid_sql: {
    status: 400,
    retryable: false,
    text: 'The query is not allowed or does not parse.',
  },
  unauthorized: { status: 401, retryable: false, text: 'A valid API key is required.' },
  forbidden: { status: 403, retryable: false, text: 'This key may not do that.' },
  not_found: { status: 404, retryable: false, text: 'There is nothing at this address.' },
  method_not_allowed: {
    status: 405,
    retryable: false,
    text: 'This address does not take that method.',
  },
  conflict: { status: 409, retryable: false, text: 'The value changed since it was read.' },
  backtest_missing: {
    status: 409,
    retryable: false,
    text: 'There is no back-test of exactly this text.',
  },
  body_too_large: { status: 413, retryable: false, text: 'The body is larger than the limit.' },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    text: 'The content type is not supported.',
  },
  rate_limited: { status: 429, retryable: true, text: 'Too many requests for this key.' },
  overloaded: { status: 429, retryable: true, text: 'The pipeline is behind; send again later.' },
  internal: { status: 500, retryable: false, text: 'Something broke on our side.' },
  log_unavailable: {
    status: 503,
    retryable: true,
    text: 'The log does not answer, or cannot be written, at the moment.',
  },
  storage_unavailable: {
    status: 503,
    retryable: true,
    text: 'ClickHouse cannot be reached at the moment.',
  },
  storage_refused: {
    status: 500,
    retryable: false,
    text: 'ClickHouse refuses the credentials it was given.',
  },
  tables_in_use: {
    status: 503,
    retryable: true,
    text: 'Another process writes to tables of which rollups are to be made.',
  },
  query_too_heavy: {
    status: 400,
    retryable: false,
    text: 'The query reads, holds or returns more than its limits allow.',
  },
  query_timeout: { status: 504, retryable: true, text: 'The query took longer than its limit.' },
  disk_full: { status: 503, retryable: true, text: 'The disk of the data folder is full.' },
  config_invalid: { status: 500, retryable: false, text: 'The configuration has an error.' },
  config_unsafe: {
    status: 500,
    retryable: false,
    text: 'This would listen beyond loopback without accounts.',
  },
  data_dir_locked: { status: 500, retryable: false, text: 'Another process uses the data folder.' },
  data_dir_version: {
    status: 500,
    retryable: false,
    text: 'The data folder is of another version.',
  },
  platform_unsupported: {
    status: 500,
    retryable: false,
    text: 'The embedded ClickHouse does not run on this platform.',
  },
  engine_failed: {
    status: 500,
    retryable: false,
    text: 'The embedded ClickHouse could not be started.',
  },
  port_taken: { status: 500, retryable: false, text: 'The port is already in use.' },
  log_corrupt: {
    status: 500,
    retryable: false,
    text: 'The log holds bytes that cannot be what was written.',
  },
  stale_owner: {
    status: 500,
    retryable: false,
    text: 'This consumer no longer owns the partition.',
  },
  offset_out_of_range: {
    status: 500,
    retryable: false,
    text: 'The log no longer or not yet holds this offset.',
  },
  unknown_topic: { status: 404, retryable: false, text: 'There is no such topic.' },
  unknown_schema: { status: 500, retryable: true, text: 'The schema id is not in the registry.' },
  schema_incompatible: {
    status: 409,
    retryable: false,
    text: 'The schema breaks readers of the old one.',
  },
  dead_letters_exceeded: {
    status: 500,
    retryable: false,
    text: 'Too many records in a row could not be processed.',
  },
  usage: { status: 400, retryable: false, text: 'The command line is wrong.' },
} as const

export type ErrorCode = keyof typeof ERROR_CATALOGUE

export interface FaultlineErrorOptions {
  /** The place in the input that is wrong, as a JSON path: `events[3].severity`. */
  path?: string
  /** What the reader can do about it. */
  remedy?: string
  /** How long to wait before it may succeed, where that is known: `Retry-After` in an answer. */
  retryAfterSeconds?: number
  cause?: unknown
}

/** Every expected failure is one of these; any other thrown value is a bug. */
export class FaultlineError extends Error {
  override readonly name = 'FaultlineError'
  readonly code: ErrorCode
  readonly path: string | undefined
  readonly remedy: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, detail: string, options: FaultlineErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.path = options.path
    this.remedy = options.remedy
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable
  }
}

export function isFaultlineError(error: unknown, code?: ErrorCode): error is FaultlineError {
  return error instanceof FaultlineError && (code === undefined || error.code === code)
}

/** The system's error code (ENOSPC, EADDRINUSE…) of a thrown value, where it has one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
