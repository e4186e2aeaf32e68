import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, gunzipSync, inflate, zstdDecompress } from 'node:zlib'
import type { FastifyRequest } from 'fastify'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'
import { LIMITS } from '#/schemas/event-input.ts'

const JSON_TYPES = ['application/json', '']
const LINE_TYPES = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
]
export const INGEST_TYPES = [...JSON_TYPES.filter((type) => type !== ''), ...LINE_TYPES]

export type BodyFormat = 'json' | 'lines'

/** What a body holds by its content type; a missing one is read as JSON. Fails with `unsupported_media_type`. */
export function formatOf(contentType: string | undefined): BodyFormat {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (JSON_TYPES.includes(type)) return 'json'
  if (LINE_TYPES.includes(type)) return 'lines'
  throw new FaultlineError('unsupported_media_type', `Events cannot be sent as ${type}.`, {
    path: 'content-type',
    remedy: `Send ${INGEST_TYPES.slice(0, 2).join(' or ')}.`,
  })
}

const gunzipAsync = promisify(gunzip)
const inflateAsync = promisify(inflate)
const brotliAsync = promisify(brotliDecompress)
const zstdAsync = promisify(zstdDecompress)
/** Below this a trip to the thread pool costs more than the work. */
const SYNC_BYTES_MAX = 16 * 1024

/**
 * The body as sent before compression. Fails with `invalid_encoding` when it is cut or no such stream, with
 * `body_too_large` as soon as it grows past the limit, and with `unsupported_media_type`.
 */
export function decompressed(body: Buffer, encoding: string | undefined): Buffer | Promise<Buffer> {
  const name = (encoding ?? 'identity').trim().toLowerCase()
  if (name === 'identity' || name === '') return body
  const options = { maxOutputLength: LIMITS.bodyBytesMax }
  if (name === 'gzip' || name === 'x-gzip') {
    if (body.length > SYNC_BYTES_MAX) return gunzipAsync(body, options).catch(refuse)
    try {
      return gunzipSync(body, options)
    } catch (error) {
      return refuse(error)
    }
  }
  if (name === 'deflate') return inflateAsync(body, options).catch(refuse)
  if (name === 'br') return brotliAsync(body, options).catch(refuse)
  if (name === 'zstd') return zstdAsync(body, options).catch(refuse)
  throw new FaultlineError('unsupported_media_type', `Content encoding ${name} is not supported.`, {
    path: 'content-encoding',
    remedy: 'Send gzip, deflate, br, zstd, or no encoding.',
  })
}

/** The body of a request as sent before compression; empty where there is none. Fails as `decompressed` does. */
export function bytesOf(
  request: Pick<FastifyRequest, 'body' | 'headers'>,
): Buffer | Promise<Buffer> {
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  return decompressed(raw, request.headers['content-encoding'])
}

function refuse(error: unknown): never {
  if (systemErrorCode(error) === 'ERR_BUFFER_TOO_LARGE')
    throw new FaultlineError(
      'body_too_large',
      `The body is larger than ${LIMITS.bodyBytesMax} bytes when decompressed.`,
      { remedy: 'Send several smaller bodies.', cause: error },
    )
  throw new FaultlineError('invalid_encoding', 'The compressed body is cut or damaged.', {
    path: 'content-encoding',
    remedy: 'Compress it again and send all of it.',
    cause: error,
  })
}

export interface ParsedBody {
  /** False when the body is one object by itself, whose failure is the failure of the request. */
  isBatch: boolean
  items: readonly unknown[]
  /** Places that hold no JSON, by index. */
  broken: ReadonlyMap<number, FaultlineError>
}

const NO_BROKEN: ReadonlyMap<number, FaultlineError> = new Map()

/** Several items, each of which can be read. */
export function batchOf(items: readonly unknown[]): ParsedBody {
  return { isBatch: true, items, broken: NO_BROKEN }
}

/** Fails with `invalid_json` or `invalid_encoding` when nothing of the body can be read. */
export function parseBody(body: Buffer, format: BodyFormat): ParsedBody {
  if (format === 'lines') return parseLines(body)
  const value = parseJson(body)
  return Array.isArray(value)
    ? batchOf(value)
    : { isBatch: false, items: [value], broken: NO_BROKEN }
}

/** Each line is read by itself, so that a damaged one takes no other with it. Empty lines do not count. */
function parseLines(body: Buffer): ParsedBody {
  const items: unknown[] = []
  const broken = new Map<number, FaultlineError>()
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(10, start)
    const end = newline < 0 ? body.length : newline
    const line = body.subarray(start, end)
    start = end + 1
    if (isBlank(line)) continue
    if (items.length >= LIMITS.batchEventsMax) throw tooMany()
    try {
      items.push(parseJson(line))
    } catch (error) {
      broken.set(items.length, error as FaultlineError)
      items.push(undefined)
    }
  }
  return { isBatch: true, items, broken }
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 13 || byte === 32 || byte === 9)
}

export function tooMany(): FaultlineError {
  return new FaultlineError(
    'body_too_large',
    `The body holds more than ${LIMITS.batchEventsMax} events.`,
    { remedy: 'Send several smaller bodies.' },
  )
}

export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes))
    throw new FaultlineError('invalid_encoding', 'The body is not UTF-8.', {
      remedy: 'RFC 8259 asks for UTF-8: encode the text again.',
    })
  // A byte order mark is not JSON, yet some tools write one (RFC 8259 §8.1 lets a parser ignore it).
  const start =
    bytes.length > 2 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  try {
    return JSON.parse(bytes.toString('utf8', start))
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is too deep'
    throw new FaultlineError('invalid_json', `The body is not JSON: ${reason.slice(0, 200)}`, {
      remedy: 'Send one object, an array of them, or one per line as application/x-ndjson.',
      cause: error,
    })
  }
}
