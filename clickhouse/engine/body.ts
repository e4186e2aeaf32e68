import { Readable } from 'node:stream'
import type { IncomingMessage } from 'node:http'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'
import type { Transform } from 'node:stream'
import type { EngineLimits } from './engine-config.ts'
import { asEngineError, engineError } from './engine-error.ts'
import type { RequestHead } from './request.ts'
import { shapeOf } from './statement-shape.ts'
import type { StatementShape } from './statement-shape.ts'
import type { Spool } from './spool.ts'

export interface Statement {
  shape: StatementShape
  /** The spooled data of an insert; whoever runs the statement removes it. */
  dataFile: string | undefined
  dataBytes: number
}

interface BodyDeps {
  spool: Spool
  limits: EngineLimits
}

/**
 * Takes statement and data apart: they come in the URL, in the body, or the statement in front of its
 * data. Data goes to a file as it arrives; memory holds at most the statement's limit.
 */
export async function readStatement(
  request: IncomingMessage,
  head: RequestHead,
  deps: BodyDeps,
): Promise<Statement> {
  const body = decoded(request)
  try {
    if (head.urlQuery !== undefined && /^\s*INSERT\b/i.test(head.urlQuery)) {
      return await insertFromUrl(head.urlQuery, body, deps)
    }
    return await statementFromBody(head.urlQuery, body, deps)
  } catch (error) {
    // Destroying the request itself would close the socket before the error is told.
    if (body !== request) body.destroy()
    throw bodyError(error)
  }
}

async function insertFromUrl(sql: string, body: Readable, deps: BodyDeps): Promise<Statement> {
  const shape = shapeOf(sql)
  if (shape.kind === 'insert' || shape.kind === 'insert-input') {
    return spooled(shape, Buffer.from(sql.slice(shape.dataAt)), body, deps)
  }
  body.resume()
  return { shape, dataFile: undefined, dataBytes: 0 }
}

async function statementFromBody(
  urlQuery: string | undefined,
  body: Readable,
  deps: BodyDeps,
): Promise<Statement> {
  const start = urlQuery === undefined ? [] : [Buffer.from(`${urlQuery}\n`)]
  const { head, rest } = await readHead(body, start, deps.limits.statementBytesMax)
  const isInsert = /^\s*INSERT\b/i.test(head.toString('latin1', 0, 64)) || startsWithComment(head)
  // One character per byte, so that offsets are byte offsets and data need not be valid UTF-8.
  const bytewise = isInsert ? shapeOf(head.toString('latin1')) : undefined
  if (bytewise !== undefined && 'dataAt' in bytewise) {
    const { dataAt } = bytewise
    const shape = shapeOf(head.toString('utf8', 0, dataAt))
    if ('dataAt' in shape) return spooled(shape, head.subarray(dataAt), rest, deps)
  }
  if (rest !== undefined) throw tooLarge(deps.limits)
  return { shape: shapeOf(head.toString('utf8')), dataFile: undefined, dataBytes: 0 }
}

async function spooled(
  shape: StatementShape,
  head: Buffer,
  rest: Readable | undefined,
  deps: BodyDeps,
): Promise<Statement> {
  const dataFile = deps.spool.path()
  try {
    const dataBytes = await deps.spool.write(dataFile, head, rest, deps.limits.bodyBytesMax)
    return { shape, dataFile, dataBytes }
  } catch (error) {
    await deps.spool.remove(dataFile)
    throw error
  }
}

/** Reads until the body ends or the limit is passed; the remainder is left as a stream. */
async function readHead(body: Readable, start: Buffer[], bytesMax: number) {
  const chunks = start
  let size = start.reduce((sum, chunk) => sum + chunk.length, 0)
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  while (size <= bytesMax) {
    const step = await source.next()
    if (step.done === true) return { head: Buffer.concat(chunks), rest: undefined }
    chunks.push(step.value)
    size += step.value.length
  }
  const remainder = { [Symbol.asyncIterator]: () => source }
  return { head: Buffer.concat(chunks), rest: Readable.from(remainder, { objectMode: false }) }
}

function startsWithComment(head: Buffer): boolean {
  return /^\s*(?:--|\/\*|#)/.test(head.toString('latin1', 0, 64))
}

function decoded(request: IncomingMessage): Readable {
  const decoder = decoderOf(request.headers['content-encoding'])
  if (decoder === undefined) return request
  request.on('error', (error) => decoder.destroy(error))
  request.on('close', () => {
    if (!request.complete) decoder.destroy(new Error('the client went away'))
  })
  return request.pipe(decoder)
}

function decoderOf(encoding: string | undefined): Transform | undefined {
  switch (encoding) {
    case undefined:
    case '':
    case 'identity':
      return undefined
    case 'gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    default:
      throw engineError('NOT_IMPLEMENTED', `Unknown Content-Encoding ${JSON.stringify(encoding)}.`)
  }
}

function bodyError(error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/^(?:Z_|ERR_BROTLI|ERR_ZSTD|ZSTD_|ERR__ERROR)/.test(code)) {
    return engineError('CANNOT_DECOMPRESS', 'The body cannot be decompressed as declared.', error)
  }
  return asEngineError(error)
}

function tooLarge(limits: EngineLimits): Error {
  const detail = `Max query size exceeded (${limits.statementBytesMax} bytes); data belongs behind FORMAT.`
  return engineError('QUERY_IS_TOO_LARGE', detail)
}
