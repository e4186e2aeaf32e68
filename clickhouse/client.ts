import { Readable } from 'node:stream'
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ClickHouseSettings } from '@clickhouse/client'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { errorCodeOf } from './error-codes.ts'
import { insertStatement } from './statement.ts'
import type { InsertTarget, SettingValue } from './statement.ts'

export interface ClickHouseOptions {
  /** `http://127.0.0.1:8123`: the embedded engine or any ClickHouse server; the code is the same. */
  url: string
  username: string
  password: string
  database: string
  /** Sockets kept open to the server; further calls wait for one. */
  connectionsMax?: number
  /** How long one request may take as a whole, in milliseconds. */
  requestTimeoutMs?: number
  /** Sent as part of the user agent, so that `system.query_log` of a server shows who asked. */
  application?: string
}

export interface QueryLimits {
  /** Milliseconds of wall clock ClickHouse may spend; past it the answer is `query_timeout`. */
  timeMsMax?: number
  resultRowsMax?: number
  resultBytesMax?: number
  readRowsMax?: number
  readBytesMax?: number
  memoryBytesMax?: number
}

export interface QueryOptions {
  /** Values of `{name:Type}` placeholders; they never enter the text of the statement. */
  params?: Readonly<Record<string, unknown>>
  settings?: Readonly<Record<string, SettingValue>>
  limits?: QueryLimits
  /** Where unqualified names are looked up, when it is not the client's own database. */
  database?: string
  /** Aborting closes the connection, upon which the server kills the query. */
  signal?: AbortSignal
  queryId?: string
}

export interface Column {
  name: string
  /** ClickHouse's name of the type: `LowCardinality(String)`. */
  type: string
}

export interface QueryTable {
  columns: Column[]
  /** Values in the order of `columns`, in ClickHouse's JSON notation (64-bit integers as strings). */
  rows: unknown[][]
  /** Rows there would have been without LIMIT, where ClickHouse knows. */
  rowsBeforeLimit: number | undefined
  statistics: { elapsedMs: number; rowsRead: number; bytesRead: number }
}

export interface InsertRequest extends InsertTarget {
  body: Buffer | Readable
  signal?: AbortSignal
  queryId?: string
}

/** ClickHouse over HTTP. Failures are FaultlineErrors whose cause is the server's own error. */
export interface ClickHouse {
  readonly database: string
  /** Rows as objects; 64-bit integers are strings. The statement carries no FORMAT clause. */
  query<T>(sql: string, options?: QueryOptions): Promise<T[]>
  /** Columns with types, rows as arrays, and what it cost: for answers of unknown shape. */
  queryTable(sql: string, options?: QueryOptions): Promise<QueryTable>
  /** Rows in blocks as they arrive; bounded memory. Ending the loop early stops the query. */
  queryStream<T>(sql: string, options?: QueryOptions): AsyncGenerator<T[], void, undefined>
  /** The bytes of the answer in a format of the caller's choice (`FORMAT` stands in the statement). */
  queryRaw(sql: string, options?: QueryOptions): Promise<Readable>
  /** A statement without an answer: DDL, INSERT … SELECT, EXCHANGE TABLES. */
  command(sql: string, options?: QueryOptions): Promise<void>
  /** Inserts a body as it is. Resolves when ClickHouse has written it. */
  insertRaw(request: InsertRequest): Promise<void>
  /** Throws `storage_unavailable` when nobody answers. */
  ping(): Promise<void>
  close(): Promise<void>
}

// Servers since 25.8 print 64-bit integers as JSON numbers, which JavaScript rounds above 2^53.
const ALWAYS: ClickHouseSettings = { output_format_json_quote_64bit_integers: 1 }
const REQUEST_TIMEOUT_MS = 300_000
const CONNECTIONS_MAX = 32

export function createClickHouse(options: ClickHouseOptions): ClickHouse {
  const client = createClient({
    url: options.url,
    username: options.username,
    password: options.password,
    // The database goes with each request instead (below), so that a request can choose another.
    database: 'default',
    request_timeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    max_open_connections: options.connectionsMax ?? CONNECTIONS_MAX,
    application: options.application ?? 'faultline',
    clickhouse_settings: ALWAYS,
    log: { level: ClickHouseLogLevel.OFF },
  })
  const callOf = (call: CallOptions) => requestOf(call, call.database ?? options.database)
  const select = (sql: string, call: QueryOptions) =>
    run(call.signal, () => client.query({ query: sql, format: 'JSONEachRow', ...callOf(call) }))

  return {
    database: options.database,
    async query<T>(sql: string, call: QueryOptions = {}) {
      const result = await select(sql, call)
      return run(call.signal, () => result.json<T>())
    },
    async queryTable(sql, call = {}) {
      return run(call.signal, async () => {
        const result = await client.query({ query: sql, format: 'JSONCompact', ...callOf(call) })
        return tableOf(await result.json<unknown[]>())
      })
    },
    async *queryStream<T>(
      sql: string,
      call: QueryOptions = {},
    ): AsyncGenerator<T[], void, undefined> {
      const result = await select(sql, call)
      try {
        for await (const rows of result.stream<T>()) yield rows.map((row) => row.json())
      } catch (error) {
        throw failureOf(error, call.signal)
      } finally {
        result.close()
      }
    },
    async queryRaw(sql, call = {}) {
      const result = await run(call.signal, () => client.exec({ query: sql, ...callOf(call) }))
      return result.stream
    },
    async command(sql, call = {}) {
      await run(call.signal, () => client.command({ query: sql, ...callOf(call) }))
    },
    async insertRaw(request) {
      // The settings stand in the statement, not in the URL.
      const { settings: _inStatement, ...call } = request
      const values = Buffer.isBuffer(request.body) ? streamOf(request.body) : request.body
      const result = await run(request.signal, () =>
        client.exec({ query: insertStatement(request), values, ...callOf(call) }),
      )
      result.stream.resume()
    },
    async ping() {
      const answer = await client.ping()
      if (!answer.success) throw faultlineErrorOf(answer.error)
    },
    close: () => client.close(),
  }
}

/** The code ClickHouse gave (`60` for an unknown table), where the failure came from ClickHouse. */
export function clickHouseCodeOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const origin = error instanceof ClickHouseError ? error : cause
  return origin instanceof ClickHouseError ? Number(origin.code) : undefined
}

/** One chunk of bytes; `Readable.from(buffer)` would hand them over one by one. */
function streamOf(body: Buffer): Readable {
  return Readable.from([body], { objectMode: false })
}

type CallOptions = Pick<
  QueryOptions,
  'params' | 'settings' | 'limits' | 'signal' | 'queryId' | 'database'
>

function requestOf(call: CallOptions, database: string) {
  return {
    ...(call.params === undefined ? {} : { query_params: { ...call.params } }),
    ...(call.signal === undefined ? {} : { abort_signal: call.signal }),
    ...(call.queryId === undefined ? {} : { query_id: call.queryId }),
    clickhouse_settings: { database, ...settingsOf(call.limits), ...call.settings },
  }
}

function settingsOf(limits: QueryLimits = {}): Record<string, SettingValue> {
  const settings: Record<string, SettingValue> = {}
  const set = (name: string, value: number | undefined): void => {
    if (value !== undefined) settings[name] = value
  }
  set('max_execution_time', limits.timeMsMax === undefined ? undefined : limits.timeMsMax / 1000)
  set('max_result_rows', limits.resultRowsMax)
  set('max_result_bytes', limits.resultBytesMax)
  set('max_rows_to_read', limits.readRowsMax)
  set('max_bytes_to_read', limits.readBytesMax)
  set('max_memory_usage', limits.memoryBytesMax)
  return settings
}

async function run<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw failureOf(error, signal)
  }
}

/** An abort surfaces as the reason of the caller's own signal, everything else from the catalogue. */
function failureOf(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  return faultlineErrorOf(error)
}

function faultlineErrorOf(error: unknown): FaultlineError {
  if (error instanceof FaultlineError) return error
  if (error instanceof ClickHouseError) {
    const detail = error.message.trim()
    // The memory of the whole server is used up: by others, and for a while.
    const code = /\(total\)/.test(detail) ? 'storage_unavailable' : errorCodeOf(Number(error.code))
    return new FaultlineError(code, detail, { cause: error })
  }
  const message = messageOf(error)
  if (/^Timeout error/i.test(message)) {
    return new FaultlineError('query_timeout', 'ClickHouse did not answer in time.', {
      cause: error,
    })
  }
  return new FaultlineError('storage_unavailable', `ClickHouse does not answer: ${message}`, {
    cause: error,
  })
}

interface CompactAnswer {
  meta?: Column[]
  data: unknown[][]
  rows_before_limit_at_least?: number
  statistics?: { elapsed: number; rows_read: number; bytes_read: number }
}

function tableOf(answer: CompactAnswer): QueryTable {
  return {
    columns: answer.meta ?? [],
    rows: answer.data,
    rowsBeforeLimit: answer.rows_before_limit_at_least,
    statistics: {
      elapsedMs: (answer.statistics?.elapsed ?? 0) * 1000,
      rowsRead: answer.statistics?.rows_read ?? 0,
      bytesRead: answer.statistics?.bytes_read ?? 0,
    },
  }
}
