import { open, unlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { uuidV7 } from '#/kernel/random.ts'
import type { Clock } from '#/kernel/clock.ts'
import { readStatement } from './body.ts'
import type { Statement } from './body.ts'
import { contentTypeOf } from './content-type.ts'
import type { EngineConfig } from './engine-config.ts'
import { laneSettings } from './engine-config.ts'
import { CODES, asEngineError, engineError, statusOf } from './engine-error.ts'
import { checkParams } from './executor.ts'
import type { Answer, Executor } from './executor.ts'
import { allowedSettings, headOf } from './request.ts'
import type { RequestHead } from './request.ts'
import type { Work } from './session.ts'
import type { Spool } from './spool.ts'

export interface FrontDeps {
  config: EngineConfig
  executor: Executor
  spool: Spool
  clock: Clock
  version: string
  /** What a reader may run and in which database, or throws; see clickhouse/guard.ts. */
  guard(sql: string, params: Work['params']): Promise<{ sql: string; database: string }>
}

// Statement and parameters travel in the URL; Node's default of 16 KiB refuses long IN lists.
const HEADER_BYTES_MAX = 1024 * 1024
const GZIP_LEVEL = 3

/** ClickHouse's HTTP interface over the executor; the caller listens and closes. */
export function createFront(deps: FrontDeps): Server {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: 60_000, requestTimeout: 300_000 },
    (request, response) => {
      response.on('close', () => {
        // While stopping, a connection that has become idle would be waited for until it times out.
        if (!server.listening) setImmediate(() => server.closeIdleConnections())
      })
      void serve(deps, request, response)
    },
  )
  return server
}

async function serve(
  deps: FrontDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  request.on('error', () => gone.abort())
  try {
    await route(deps, { request, response, signal: gone.signal })
  } catch (error) {
    sendError(deps, { request, response }, error)
  }
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  signal: AbortSignal
}

async function route(deps: FrontDeps, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  const url = new URL(request.url ?? '/', 'http://engine')
  const method = request.method ?? 'GET'
  if (url.pathname === '/ping' || url.pathname === '/replicas_status') return sendOk(response)
  // The database as a path, so that one address serves curl and the clients that write it there.
  if (url.pathname === `/${deps.config.database}`) url.pathname = '/'
  if (url.pathname !== '/' || !['GET', 'HEAD', 'POST'].includes(method)) {
    return sendPlain(
      response,
      404,
      `There is no handle ${method} ${url.pathname}: use / or /ping.\n`,
    )
  }
  if (method !== 'POST' && !url.searchParams.has('query')) return sendOk(response)
  const head = headOf(request, url, deps.config.users)
  const queryId = head.queryId ?? uuidV7(deps.clock.nowMs())
  response.setHeader('X-ClickHouse-Query-Id', queryId)
  const { spool, config } = deps
  const statement = await readStatement(request, head, { spool, limits: config.limits })
  try {
    const answer = await run(deps, exchange, { head, statement })
    await sendAnswer(exchange, head, answer)
  } catch (error) {
    if (statement.dataFile !== undefined) await deps.spool.remove(statement.dataFile)
    throw error
  }
}

async function run(
  deps: FrontDeps,
  exchange: Exchange,
  given: { head: RequestHead; statement: Statement },
): Promise<Answer> {
  const { head, statement } = given
  const { shape } = statement
  const reads = shape.kind === 'output' || shape.kind === 'explain-ast'
  if (exchange.request.method !== 'POST' && !reads) {
    const detail =
      'Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.'
    throw engineError('READONLY', detail)
  }
  const { readonly, ...settings } = allowedSettings(head, laneSettings('adhoc', deps.config.limits))
  const isReader = head.user.role === 'reader'
  const guarded = isReader ? await guardedStatement(deps, head, statement) : undefined
  return deps.executor.execute({
    statement: guarded?.statement ?? statement,
    database: guarded?.database ?? head.database ?? deps.config.database,
    defaultFormat: head.defaultFormat,
    settings,
    params: head.params,
    restricted: isReader || (readonly !== undefined && readonly !== '0'),
    signal: exchange.signal,
  })
}

/** A reader's FORMAT clause is ours to read; the guard sees the query alone. */
async function guardedStatement(deps: FrontDeps, head: RequestHead, statement: Statement) {
  const { shape } = statement
  if (shape.kind !== 'output') {
    // A slip of the pen is no attempt to write.
    if (shape.kind === 'command') {
      const problem = await deps.guard(shape.sql, head.params).then(() => undefined, asEngineError)
      if (problem?.code === CODES.SYNTAX_ERROR) throw problem
    }
    throw engineError('READONLY', 'Cannot execute query in readonly mode.')
  }
  const { formatAt } = shape
  const query = formatAt === undefined ? shape.sql : shape.sql.slice(0, formatAt)
  checkParams(query, head.params)
  const { sql, database } = await deps.guard(query, head.params)
  const format = shape.format ?? head.defaultFormat
  const guarded = { kind: 'output' as const, sql, format, formatAt: undefined }
  return { statement: { ...statement, shape: guarded }, database }
}

async function sendAnswer(exchange: Exchange, head: RequestHead, answer: Answer): Promise<void> {
  const { response } = exchange
  const { result } = answer
  response.setHeader('X-ClickHouse-Format', answer.format)
  response.setHeader('X-ClickHouse-Timezone', 'UTC')
  response.setHeader('X-ClickHouse-Server-Display-Name', 'faultline')
  response.setHeader('Content-Type', contentTypeOf(answer.format))
  const summary = {
    read_rows: String(result.rowsRead),
    read_bytes: String(result.bytesRead),
    written_rows: String(answer.wroteRows),
    written_bytes: String(answer.wroteRows === 0 ? 0 : result.bytesRead),
    total_rows_to_read: '0',
    elapsed_ns: String(Math.round(result.elapsedMs * 1e6)),
  }
  response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary))
  if (answer.file === undefined) {
    response.end(answer.bytes)
    return
  }
  await sendFile(exchange, head, answer.file)
}

async function sendFile(exchange: Exchange, head: RequestHead, path: string): Promise<void> {
  const { request, response } = exchange
  const handle = await open(path, 'r')
  // The open handle keeps the bytes; nothing is left behind however the answer ends.
  await unlink(path)
  if (request.method === 'HEAD') {
    await handle.close()
    response.end()
    return
  }
  const source = handle.createReadStream({ highWaterMark: 256 * 1024 })
  if (head.gzip) {
    response.setHeader('Content-Encoding', 'gzip')
    await pipeline(source, createGzip({ level: GZIP_LEVEL }), response)
    return
  }
  const { size } = await handle.stat()
  response.setHeader('Content-Length', size)
  await pipeline(size === 0 ? Readable.from([]) : source, response)
  if (size === 0) source.destroy()
}

function sendError(
  deps: FrontDeps,
  exchange: { request: IncomingMessage; response: ServerResponse },
  cause: unknown,
): void {
  const { request, response } = exchange
  if (response.headersSent || response.destroyed) {
    // Cut off, so that the client cannot take a part for the whole.
    response.destroy()
    return
  }
  const error = asEngineError(cause)
  response.statusCode = statusOf(error)
  response.removeHeader('Content-Length')
  response.removeHeader('Content-Encoding')
  response.setHeader('X-ClickHouse-Exception-Code', String(error.code))
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  if (error.code === CODES.REQUIRED_PASSWORD) {
    response.setHeader('WWW-Authenticate', 'Basic realm="ClickHouse server HTTP API"')
  }
  if (!request.complete) {
    // The rest of the body is unread; the connection cannot carry another request.
    response.setHeader('Connection', 'close')
    request.resume()
  }
  response.end(`${error.message.trim()} (version ${deps.version})\n`)
}

function sendOk(response: ServerResponse): void {
  sendPlain(response, 200, 'Ok.\n')
}

function sendPlain(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/html; charset=UTF-8')
  response.end(text)
}
