import { FaultlineError } from '#/kernel/errors.ts'
import { crc32c } from './crc32c.ts'
import type { ConsumedRecord, Headers, ProducedRecord } from './port.ts'
import {
  readInt64,
  VarintCursor,
  varintBytes,
  varlongBytes,
  writeInt64,
  writeVarint,
  writeVarlong,
} from './varint.ts'

/**
 * Kafka's RecordBatch, magic 2 (https://kafka.apache.org/documentation/#recordbatch): the bytes on disk, and
 * later the bytes of Produce and Fetch. Base offset and leader epoch lie outside the checksum, so that a broker
 * sets them without touching the rest.
 */
export const BATCH_HEADER_BYTES = 61
const AT_LENGTH = 8
const AT_EPOCH = 12
const AT_MAGIC = 16
const AT_CRC = 17
const AT_ATTRIBUTES = 21
const AT_LAST_DELTA = 23
const AT_TIMESTAMP_BASE = 27
const AT_TIMESTAMP_MAX = 35
/** Producer id, epoch and base sequence: 14 bytes. */
const AT_PRODUCER = 43
const AT_COUNT = 57
const MAGIC = 2
/** The length field counts what follows it. */
const LENGTH_OFFSET = 12
const COMPRESSION_MASK = 0x07
const TRANSACTIONAL = 0x10

/** Length, attributes, two varlongs, three varints at their longest. */
const RECORD_OVERHEAD_BYTES_MAX = 5 + 1 + 10 + 5 + 5 + 5 + 5

export interface BatchHeader {
  baseOffset: number
  /** Of the whole batch, header included. */
  bytes: number
  lastOffset: number
  timestampMsMax: number
  count: number
}

/** An upper bound of what one record takes inside a batch. */
export function recordBytesMax(record: ProducedRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES_MAX
  if (record.key !== null) bytes += record.key.length
  if (record.value !== null) bytes += record.value.length
  if (record.headers !== undefined) {
    for (const name in record.headers) {
      // UTF-8 takes at most three bytes for each UTF-16 unit.
      bytes += name.length * 3 + record.headers[name]!.length + 10
    }
  }
  return bytes
}

function headersBytes(headers: Headers | undefined): number {
  if (headers === undefined) return 1
  let count = 0
  let bytes = 0
  for (const name in headers) {
    const nameBytes = Buffer.byteLength(name)
    const value = headers[name]!
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value.length) + value.length
    count++
  }
  return bytes + varintBytes(count)
}

// TypedArray.set costs more than a loop for the few bytes of a key (measured: even at about 32).
const SMALL_COPY_BYTES = 32

function copyBytes(target: Buffer, at: number, source: Buffer): number {
  const length = source.length
  if (length <= SMALL_COPY_BYTES) {
    for (let index = 0; index < length; index++) target[at + index] = source[index]!
  } else {
    target.set(source, at)
  }
  return at + length
}

function writeBytes(target: Buffer, at: number, source: Buffer | null): number {
  if (source === null) return writeVarint(target, at, -1)
  return copyBytes(target, writeVarint(target, at, source.length), source)
}

function writeHeaders(target: Buffer, at: number, headers: Headers | undefined): number {
  if (headers === undefined) return writeVarint(target, at, 0)
  const names = Object.keys(headers)
  let position = writeVarint(target, at, names.length)
  for (const name of names) {
    position = writeVarint(target, position, Buffer.byteLength(name))
    position += target.write(name, position)
    position = writeBytes(target, position, headers[name]!)
  }
  return position
}

function nullableBytes(source: Buffer | null): number {
  return source === null ? 1 : varintBytes(source.length) + source.length
}

interface RecordDeltas {
  timestamp: number
  offset: number
}

function writeRecord(
  target: Buffer,
  at: number,
  record: ProducedRecord,
  deltas: RecordDeltas,
): number {
  const bodyBytes =
    1 +
    varlongBytes(deltas.timestamp) +
    varintBytes(deltas.offset) +
    nullableBytes(record.key) +
    nullableBytes(record.value) +
    headersBytes(record.headers)
  let position = writeVarint(target, at, bodyBytes)
  target[position++] = 0
  position = writeVarlong(target, position, deltas.timestamp)
  position = writeVarint(target, position, deltas.offset)
  position = writeBytes(target, position, record.key)
  position = writeBytes(target, position, record.value)
  return writeHeaders(target, position, record.headers)
}

export interface BatchInput {
  records: readonly ProducedRecord[]
  /** The part of `records` to encode: `[from, to)`, not empty. */
  from: number
  to: number
  baseOffset: number
  /** Offsets of the records where they are not dense, as after compaction; same length as `records`. */
  offsets?: readonly number[]
  producer?: BatchProducer
}

/** An idempotent producer: the broker drops a batch whose sequence it has seen. */
export interface BatchProducer {
  producerId: number
  producerEpoch: number
  /** Of the first record in this partition. */
  sequence: number
  isTransactional: boolean
}

/**
 * Writes one batch into `target` at `at`, which must have room for the header and `recordBytesMax` of each
 * record. Returns what a reader of the header would learn.
 */
export function encodeBatch(target: Buffer, at: number, input: BatchInput): BatchHeader {
  const { records, from, to, baseOffset, offsets } = input
  const timestampBase = records[from]!.timestampMs
  let timestampMsMax = timestampBase
  let position = at + BATCH_HEADER_BYTES
  const deltas: RecordDeltas = { timestamp: 0, offset: 0 }
  for (let index = from; index < to; index++) {
    const record = records[index]!
    if (record.timestampMs > timestampMsMax) timestampMsMax = record.timestampMs
    deltas.timestamp = record.timestampMs - timestampBase
    deltas.offset = offsets === undefined ? index - from : offsets[index]! - baseOffset
    position = writeRecord(target, position, record, deltas)
  }
  writeInt64(target, at, baseOffset)
  target.writeInt32BE(position - at - LENGTH_OFFSET, at + AT_LENGTH)
  target.writeInt32BE(0, at + AT_EPOCH)
  target[at + AT_MAGIC] = MAGIC
  const { producer } = input
  target.writeInt16BE(producer?.isTransactional === true ? TRANSACTIONAL : 0, at + AT_ATTRIBUTES)
  target.writeInt32BE(deltas.offset, at + AT_LAST_DELTA)
  writeInt64(target, at + AT_TIMESTAMP_BASE, timestampBase)
  writeInt64(target, at + AT_TIMESTAMP_MAX, timestampMsMax)
  if (producer === undefined) {
    // No idempotent producer: id, epoch and sequence are -1.
    target.fill(0xff, at + AT_PRODUCER, at + AT_COUNT)
  } else {
    writeInt64(target, at + AT_PRODUCER, producer.producerId)
    target.writeInt16BE(producer.producerEpoch, at + AT_PRODUCER + 8)
    target.writeInt32BE(producer.sequence, at + AT_PRODUCER + 10)
  }
  target.writeInt32BE(to - from, at + AT_COUNT)
  target.writeUInt32BE(crc32c(target, at + AT_ATTRIBUTES, position), at + AT_CRC)
  return {
    baseOffset,
    bytes: position - at,
    lastOffset: baseOffset + deltas.offset,
    timestampMsMax,
    count: to - from,
  }
}

/** Gives an encoded batch its place in the log; both fields lie outside the checksum. */
export function placeBatch(batch: Buffer, baseOffset: number): void {
  writeInt64(batch, 0, baseOffset)
  batch.writeInt32BE(0, AT_EPOCH)
}

/**
 * The header at `at`, or undefined when the bytes up to `end` hold no whole, plausible one (they may be the torn
 * end of a file). `bytes` may reach past `end`: then the batch is there in part.
 */
export function readBatchHeader(source: Buffer, at: number, end: number): BatchHeader | undefined {
  if (end - at < BATCH_HEADER_BYTES) return undefined
  const length = source.readInt32BE(at + AT_LENGTH)
  const baseOffset = readInt64(source, at)
  const lastDelta = source.readInt32BE(at + AT_LAST_DELTA)
  const count = source.readInt32BE(at + AT_COUNT)
  const plausible =
    source[at + AT_MAGIC] === MAGIC &&
    length >= BATCH_HEADER_BYTES - LENGTH_OFFSET &&
    baseOffset >= 0 &&
    count >= 1 &&
    count - 1 <= lastDelta
  if (!plausible) return undefined
  return {
    baseOffset,
    bytes: length + LENGTH_OFFSET,
    lastOffset: baseOffset + lastDelta,
    timestampMsMax: readInt64(source, at + AT_TIMESTAMP_MAX),
    count,
  }
}

/** Whether the checksum of the whole batch at `at` holds. */
export function isBatchIntact(source: Buffer, at: number, header: BatchHeader): boolean {
  return source.readUInt32BE(at + AT_CRC) === crc32c(source, at + AT_ATTRIBUTES, at + header.bytes)
}

function corrupt(detail: string): FaultlineError {
  return new FaultlineError('log_corrupt', `a record batch ${detail}`)
}

function readHeaders(cursor: VarintCursor, source: Buffer, end: number): Headers | undefined {
  const count = cursor.next()
  if (count === 0) return undefined
  const headers: Record<string, Buffer> = {}
  for (let index = 0; index < count; index++) {
    const nameEnd = cursor.next() + cursor.position
    if (!(nameEnd >= cursor.position && nameEnd <= end)) throw corrupt('has a header past its end')
    const name = source.toString('utf8', cursor.position, nameEnd)
    cursor.position = nameEnd
    const value = readBytes(cursor, source, end) ?? Buffer.alloc(0)
    // Plain assignment to this one name would set the prototype instead.
    if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true })
    else headers[name] = value
  }
  return headers
}

function readBytes(cursor: VarintCursor, source: Buffer, end: number): Buffer | null {
  const length = cursor.next()
  if (length < 0) return null
  const start = cursor.position
  if (start + length > end) throw corrupt('has a record past its end')
  cursor.position = start + length
  return source.subarray(start, start + length)
}

/**
 * Appends the records of the batch at `at` whose offset is `from` or later to `into`. Keys, values and header
 * values are views on `source`. Fails with `log_corrupt` when lengths contradict each other.
 */
export function decodeBatch(
  source: Buffer,
  at: number,
  from: number,
  into: ConsumedRecord[],
): void {
  const baseOffset = readInt64(source, at)
  const end = at + source.readInt32BE(at + AT_LENGTH) + LENGTH_OFFSET
  const attributes = source.readInt16BE(at + AT_ATTRIBUTES)
  if ((attributes & COMPRESSION_MASK) !== 0) throw corrupt('is compressed, which is not supported')
  const timestampBase = readInt64(source, at + AT_TIMESTAMP_BASE)
  const count = source.readInt32BE(at + AT_COUNT)
  const cursor = new VarintCursor(source, at + BATCH_HEADER_BYTES)
  for (let index = 0; index < count; index++) {
    const recordEnd = cursor.next() + cursor.position
    if (!(recordEnd > cursor.position && recordEnd <= end))
      throw corrupt('has a record past its end')
    cursor.position++
    const timestampMs = timestampBase + cursor.next()
    const offset = baseOffset + cursor.next()
    if (offset >= from) {
      const key = readBytes(cursor, source, recordEnd)
      const value = readBytes(cursor, source, recordEnd)
      const headers = readHeaders(cursor, source, recordEnd)
      into.push({ offset, timestampMs, key, value, headers })
    }
    cursor.position = recordEnd
  }
}
