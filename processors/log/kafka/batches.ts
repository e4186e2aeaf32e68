import { FaultlineError } from '#/kernel/errors.ts'
import { crc32c } from '#/processors/log/crc32c.ts'
import type { ConsumedRecord, ProducedRecord } from '#/processors/log/port.ts'
import {
  BATCH_HEADER_BYTES,
  decodeBatch,
  encodeBatch,
  recordBytesMax,
} from '#/processors/log/record-batch.ts'
import type { BatchProducer } from '#/processors/log/record-batch.ts'
import { readInt64 } from '#/processors/log/varint.ts'
import { compress, compressionCode, decompress, missingCodec } from './compression.ts'
import type { Compression } from './options.ts'
import type { FetchResult } from './api-records.ts'

const AT_LENGTH = 8
const AT_MAGIC = 16
const AT_CRC = 17
const AT_ATTRIBUTES = 21
const AT_LAST_DELTA = 23
const AT_TIMESTAMP_MAX = 35
const AT_PRODUCER_ID = 43
const AT_COUNT = 57
const LENGTH_OFFSET = 12
const COMPRESSION_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** The type in the key of a control record, behind its version. */
const ABORT_MARKER = 0

export interface EncodeOptions {
  producer: BatchProducer
  compression: Compression
}

/** The records as the parts of one batch. */
export function encodeForBroker(
  records: readonly ProducedRecord[],
  { producer, compression }: EncodeOptions,
): Buffer[] {
  let bytesMax = BATCH_HEADER_BYTES
  for (const record of records) bytesMax += recordBytesMax(record)
  const target = Buffer.allocUnsafe(bytesMax)
  const input = { records, from: 0, to: records.length, baseOffset: 0, producer }
  const { bytes } = encodeBatch(target, 0, input)
  if (compression === 'none') return [target.subarray(0, bytes)]
  const body = compress(compression, target.subarray(BATCH_HEADER_BYTES, bytes))
  const header = target.subarray(0, BATCH_HEADER_BYTES)
  const attributes = header.readInt16BE(AT_ATTRIBUTES) | compressionCode(compression)
  header.writeInt16BE(attributes, AT_ATTRIBUTES)
  const batch = Buffer.concat([header, body])
  batch.writeInt32BE(batch.length - LENGTH_OFFSET, AT_LENGTH)
  batch.writeUInt32BE(crc32c(batch, AT_ATTRIBUTES), AT_CRC)
  return [batch]
}

export interface Decoded {
  records: ConsumedRecord[]
  /** Behind the last whole batch; at least where reading began. */
  next: number
  /** Bytes of the first batch when it is larger than what was asked for, else 0. */
  bytesWanted: number
  /** A codec that has to be loaded before this can be decoded. */
  missing: Compression | undefined
}

/** Records of a Fetch from `from` on, without markers and without what was aborted. */
export function decodeFetched({ records: source, aborted }: FetchResult, from: number): Decoded {
  const decoded: Decoded = { records: [], next: from, bytesWanted: 0, missing: undefined }
  const open = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const abortedProducers = new Set<number>()
  for (let at = 0; source.length - at >= LENGTH_OFFSET;) {
    const bytes = source.readInt32BE(at + AT_LENGTH) + LENGTH_OFFSET
    if (source.length - at < Math.max(bytes, BATCH_HEADER_BYTES)) {
      if (at === 0) decoded.bytesWanted = bytes
      break
    }
    const lastOffset = checkHeader(source, at, bytes)
    while (open.length > 0 && open[0]!.firstOffset <= lastOffset)
      abortedProducers.add(open.shift()!.producerId)
    if (lastOffset >= from) {
      decoded.missing = decodeOne(
        source.subarray(at, at + bytes),
        { from, abortedProducers },
        decoded.records,
      )
      if (decoded.missing !== undefined) return decoded
      decoded.next = lastOffset + 1
    }
    at += bytes
  }
  return decoded
}

function checkHeader(source: Buffer, at: number, bytes: number): number {
  const magic = source[at + AT_MAGIC]
  if (magic !== 2) {
    const detail = `a batch has the format ${magic}, older than Kafka 0.11`
    throw new FaultlineError('log_corrupt', detail)
  }
  if (source.readUInt32BE(at + AT_CRC) !== crc32c(source, at + AT_ATTRIBUTES, at + bytes))
    throw new FaultlineError('log_corrupt', 'the checksum of a batch is wrong')
  return readInt64(source, at) + source.readInt32BE(at + AT_LAST_DELTA)
}

function decodeOne(
  batch: Buffer,
  { from, abortedProducers }: { from: number; abortedProducers: Set<number> },
  into: ConsumedRecord[],
): Compression | undefined {
  const attributes = batch.readInt16BE(AT_ATTRIBUTES)
  // Compaction may have taken all records of a batch.
  if (batch.readInt32BE(AT_COUNT) === 0) return undefined
  const producerId = readInt64(batch, AT_PRODUCER_ID)
  if ((attributes & CONTROL) !== 0) {
    const markers: ConsumedRecord[] = []
    decodeBatch(batch, 0, 0, markers)
    const type = markers[0]?.key?.readInt16BE(2)
    if (type === ABORT_MARKER) abortedProducers.delete(producerId)
    return undefined
  }
  if ((attributes & TRANSACTIONAL) !== 0 && abortedProducers.has(producerId)) return undefined
  const missing = missingCodec(attributes & COMPRESSION_MASK)
  if (missing !== undefined) return missing
  const first = into.length
  decodeBatch(plain(batch, attributes), 0, from, into)
  if ((attributes & LOG_APPEND_TIME) !== 0) {
    const timestampMs = readInt64(batch, AT_TIMESTAMP_MAX)
    for (let index = first; index < into.length; index++) into[index]!.timestampMs = timestampMs
  }
  return undefined
}

/** The batch as it would be without compression. */
function plain(batch: Buffer, attributes: number): Buffer {
  const code = attributes & COMPRESSION_MASK
  if (code === 0) return batch
  const body = decompress(code, batch.subarray(BATCH_HEADER_BYTES))
  const whole = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), body])
  whole.writeInt32BE(whole.length - LENGTH_OFFSET, AT_LENGTH)
  whole.writeInt16BE(attributes & ~COMPRESSION_MASK, AT_ATTRIBUTES)
  return whole
}
