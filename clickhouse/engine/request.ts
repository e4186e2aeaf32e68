import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { engineError } from './engine-error.ts'
import type { EngineUser } from './engine-config.ts'

/** Everything of a request but its body. */
export interface RequestHead {
  user: EngineUser
  queryId: string | undefined
  /** The statement, or its beginning, from the URL. */
  urlQuery: string | undefined
  database: string | undefined
  defaultFormat: string
  settings: Record<string, string>
  params: Record<string, string>
  /** Answer bytes compressed as the client accepts them. */
  gzip: boolean
}

// What the protocol itself uses; every other parameter is a setting.
const PROTOCOL = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'quota_key',
  'compress',
  'decompress',
  'enable_http_compression',
  'http_zlib_compression_level',
  'wait_end_of_query',
  'buffer_size',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'add_http_cors_header',
  'cancel_http_readonly_queries_on_client_close',
  'http_write_exception_in_output_format',
  'http_response_buffer_size',
  'client_protocol_version',
  'stacktrace',
])

const REFUSED: Readonly<Record<string, string>> = {
  session_id: 'Sessions are not kept: every request stands for itself.',
  session_timeout: 'Sessions are not kept: every request stands for itself.',
  session_check: 'Sessions are not kept: every request stands for itself.',
  role: 'The embedded engine has no roles.',
  additional_table_filters: 'additional_table_filters is not served.',
  additional_result_filter: 'additional_result_filter is not served.',
  log_comment: 'log_comment is used by the engine itself.',
}

/** What a reader may set for one request: how the answer is printed, and tighter limits. */
const READER_SETTINGS = new Set([
  'output_format_json_quote_64bit_integers',
  'output_format_json_quote_64bit_floats',
  'output_format_json_quote_denormals',
  'output_format_json_quote_decimals',
  'output_format_json_escape_forward_slashes',
  'output_format_json_named_tuples_as_objects',
  'output_format_write_statistics',
  'output_format_pretty_max_rows',
  'output_format_csv_crlf_end_of_line',
  'output_format_parquet_compression_method',
  'format_csv_delimiter',
  'date_time_output_format',
  'max_execution_time',
  'max_result_rows',
  'max_result_bytes',
  'max_rows_to_read',
  'max_bytes_to_read',
  'max_memory_usage',
  'result_overflow_mode',
  'readonly',
])

const SETTING_NAME = /^[a-z][a-z0-9_]{0,80}$/
const PARAM_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,80}$/
const QUERY_ID = /^[\x21-\x7e]{1,128}$/

export function headOf(
  request: IncomingMessage,
  url: URL,
  users: readonly EngineUser[],
): RequestHead {
  const query = url.searchParams
  const user = authenticate(request, query, users)
  for (const name of ['compress', 'decompress']) {
    // ClickHouse's own framing of LZ4 blocks, which some JDBC tools switch on.
    const detail = `${name}=1 is not served; gzip is (Content-Encoding, enable_http_compression=1).`
    if (isOn(query.get(name))) throw engineError('NOT_IMPLEMENTED', detail)
  }
  const settings: Record<string, string> = {}
  const params: Record<string, string> = {}
  for (const [name, value] of query) {
    const refused = REFUSED[name]
    if (refused !== undefined) throw engineError('NOT_IMPLEMENTED', refused)
    if (name.startsWith('param_')) params[checkedName(name.slice(6), PARAM_NAME)] = value
    else if (!PROTOCOL.has(name)) settings[checkedName(name, SETTING_NAME)] = value
  }
  const queryId = query.get('query_id') ?? header(request, 'x-clickhouse-query-id')
  if (queryId !== undefined && !QUERY_ID.test(queryId)) {
    throw engineError('BAD_ARGUMENTS', 'A query_id is 1 to 128 printable characters.')
  }
  const accepts = header(request, 'accept-encoding') ?? ''
  return {
    user,
    queryId,
    urlQuery: query.get('query') ?? undefined,
    database: query.get('database') ?? header(request, 'x-clickhouse-database'),
    defaultFormat: formatName(
      query.get('default_format') ?? header(request, 'x-clickhouse-format'),
    ),
    settings,
    params,
    gzip: isOn(query.get('enable_http_compression')) && /\bgzip\b/.test(accepts),
  }
}

/** The settings of a request by role; a reader may print differently and ask for less, not for more. */
export function allowedSettings(head: RequestHead, limits: Readonly<Record<string, unknown>>) {
  if (head.user.role === 'internal') return head.settings
  const allowed: Record<string, string> = {}
  for (const [name, value] of Object.entries(head.settings)) {
    if (!READER_SETTINGS.has(name)) {
      throw engineError('READONLY', `Cannot modify '${name}' setting in readonly mode.`)
    }
    if (name !== 'readonly') allowed[name] = tightened(name, value, limits[name])
  }
  return allowed
}

function tightened(name: string, value: string, limit: unknown): string {
  if (typeof limit !== 'number' || !name.startsWith('max_')) return value
  const asked = Number(value)
  // 0 means "no limit" to ClickHouse.
  return Number.isFinite(asked) && asked > 0 && asked < limit ? value : String(limit)
}

function authenticate(
  request: IncomingMessage,
  query: URLSearchParams,
  users: readonly EngineUser[],
): EngineUser {
  const given = credentialsOf(request, query)
  if (given === undefined) {
    throw engineError(
      'REQUIRED_PASSWORD',
      'Authentication failed: a user and a password are required.',
    )
  }
  const user = users.find((one) => {
    // Both are compared in any case, so that the time taken does not tell which names exist.
    const [name, secret] = [same(one.name, given.user), same(one.secret, given.password)]
    return name && secret
  })
  if (user !== undefined) return user
  const detail = `${given.user}: Authentication failed: password is incorrect, or there is no user with that name.`
  throw engineError('AUTHENTICATION_FAILED', detail)
}

function credentialsOf(request: IncomingMessage, query: URLSearchParams) {
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header(request, 'authorization') ?? '')?.[1]
  if (basic !== undefined) {
    const text = Buffer.from(basic, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    return { user: text.slice(0, Math.max(colon, 0)), password: text.slice(colon + 1) }
  }
  const user = header(request, 'x-clickhouse-user') ?? query.get('user')
  const password = header(request, 'x-clickhouse-key') ?? query.get('password')
  if (user === null || user === undefined) return undefined
  return { user, password: password ?? '' }
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function same(expected: string, given: string): boolean {
  return timingSafeEqual(digestOf(expected), digestOf(given))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function checkedName(name: string, pattern: RegExp): string {
  if (pattern.test(name)) return name
  throw engineError('UNKNOWN_SETTING', `${JSON.stringify(name)} cannot be the name of a setting.`)
}

function formatName(name: string | undefined): string {
  if (name === undefined) return 'TabSeparated'
  if (/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(name)) return name
  throw engineError('BAD_ARGUMENTS', 'The name of a format is letters and digits.')
}

function isOn(value: string | null): boolean {
  return value === '1' || value === 'true'
}
