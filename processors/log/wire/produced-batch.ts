import { crc32c } from '#/processors/log/crc32c.ts'
import {
  BATCH_HEADER_BYTES,
  isBatchIntact,
  readBatchHeader,
} from '#/processors/log/record-batch.ts'
import { readInt64, VarintCursor, writeInt64 } from '#/processors/log/varint.ts'
import { CODECS, decompress } from './compression.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'

/** Records of one batch after decompression. */
export const BATCH_BYTES_MAX = 32 * 1024 * 1024
const AT_LENGTH = 8
const AT_MAGIC = 16
const AT_CRC = 17
const AT_ATTRIBUTES = 21
const AT_TIMESTAMP_BASE = 27
const AT_TIMESTAMP_MAX = 35
const AT_PRODUCER_ID = 43
const AT_PRODUCER_EPOCH = 51
const AT_BASE_SEQUENCE = 53
const LENGTH_OFFSET = 12
const CODEC_MASK = 0x07
const TRANSACTIONAL = 0x10
/** Time set by a broker, control records, delete horizons: no producer sends these. */
const FOREIGN = 0xffff & ~(CODEC_MASK | TRANSACTIONAL)
const TIMESTAMP_MS_MAX = 2 ** 51

export interface ProducedBatch {
  /** One uncompressed RecordBatch in a buffer that nothing else keeps alive. */
  bytes: Buffer
  count: number
  /** -1 for a producer that is not idempotent. */
  producerId: number
  producerEpoch: number
  baseSequence: number
  isTransactional: boolean
}

const corrupt = (detail: string): KafkaError => new KafkaError(KAFKA.CORRUPT_MESSAGE, detail)
const invalid = (detail: string): KafkaError => new KafkaError(KAFKA.INVALID_RECORD, detail)

/**
 * What a producer sent for one partition, as the log keeps it. Everything is looked at before it is stored, every
 * length of every record too, since readers in this process trust what the log holds. Compressed batches are
 * unpacked here, so that nobody behind has to; others stay as they are, byte for byte.
 */
export function checkProducedBatch(
  sent: Buffer | null,
  topic: { isCompacted: boolean },
): ProducedBatch {
  if (sent === null || sent.length < BATCH_HEADER_BYTES) throw corrupt('there is no record batch')
  if (sent[AT_MAGIC] !== 2) {
    const detail = `the message format is ${sent[AT_MAGIC]}; send record batches (format 2)`
    throw new KafkaError(KAFKA.UNSUPPORTED_FOR_MESSAGE_FORMAT, detail)
  }
  const header = readBatchHeader(normalised(sent), 0, sent.length)
  if (header === undefined || header.bytes > sent.length)
    throw corrupt('the record batch is cut off')
  if (header.bytes < sent.length) throw invalid('send one record batch per partition and request')
  if (!isBatchIntact(sent, 0, header)) throw corrupt('the checksum does not match')
  const attributes = sent.readUInt16BE(AT_ATTRIBUTES)
  if ((attributes & FOREIGN) !== 0) throw invalid(`attributes ${attributes} are not a producer's`)
  if (header.lastOffset !== header.count - 1) throw invalid('offsets of a batch must be dense')
  const codec = attributes & CODEC_MASK
  const bytes = codec === CODECS.none ? owned(sent) : unpacked(sent, codec)
  const timestampMsMax = checkRecords(bytes, header.count, topic.isCompacted)
  if (readInt64(bytes, AT_TIMESTAMP_MAX) !== timestampMsMax) {
    writeInt64(bytes, AT_TIMESTAMP_MAX, timestampMsMax)
    bytes.writeUInt32BE(crc32c(bytes, AT_ATTRIBUTES, bytes.length), AT_CRC)
  }
  return {
    bytes,
    count: header.count,
    producerId: readInt64(bytes, AT_PRODUCER_ID),
    producerEpoch: bytes.readInt16BE(AT_PRODUCER_EPOCH),
    baseSequence: bytes.readInt32BE(AT_BASE_SEQUENCE),
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
  }
}

/** Producers may put anything into the base offset, which is the broker's and outside the checksum. */
function normalised(sent: Buffer): Buffer {
  writeInt64(sent, 0, 0)
  return sent
}

/** The log keeps batches in memory for a while: a small one must not keep a large request there. */
function owned(sent: Buffer): Buffer {
  if (sent.buffer.byteLength <= sent.length * 2) return sent
  const copy = Buffer.allocUnsafeSlow(sent.length)
  sent.copy(copy)
  return copy
}

function unpacked(sent: Buffer, codec: number): Buffer {
  const records = decompress(codec, sent.subarray(BATCH_HEADER_BYTES), BATCH_BYTES_MAX)
  const bytes = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + records.length)
  sent.copy(bytes, 0, 0, BATCH_HEADER_BYTES)
  records.copy(bytes, BATCH_HEADER_BYTES)
  bytes.writeInt32BE(bytes.length - LENGTH_OFFSET, AT_LENGTH)
  bytes.writeUInt16BE(sent.readUInt16BE(AT_ATTRIBUTES) & ~CODEC_MASK, AT_ATTRIBUTES)
  bytes.writeUInt32BE(crc32c(bytes, AT_ATTRIBUTES, bytes.length), AT_CRC)
  return bytes
}

/** Walks over all records; returns the largest timestamp. */
function checkRecords(bytes: Buffer, count: number, needsKeys: boolean): number {
  const timestampBase = readInt64(bytes, AT_TIMESTAMP_BASE)
  const cursor = new VarintCursor(bytes, BATCH_HEADER_BYTES)
  let timestampMsMax = -Infinity
  for (let index = 0; index < count; index++) {
    const length = cursor.next()
    const end = cursor.position + length
    if (!(length > 0 && end <= bytes.length)) throw invalid(`record ${index} is cut off`)
    cursor.position++
    const timestampMs = timestampBase + cursor.next()
    if (!(Math.abs(timestampMs) <= TIMESTAMP_MS_MAX))
      throw invalid(`record ${index} has timestamp ${timestampMs}`)
    if (timestampMs > timestampMsMax) timestampMsMax = timestampMs
    if (cursor.next() !== index) throw invalid(`record ${index} has another offset`)
    const isKeyless = skipBytes(cursor, end)
    if (isKeyless && needsKeys) throw invalid('the topic is compacted: records need a key')
    skipBytes(cursor, end)
    skipHeaders(cursor, end)
    if (cursor.position !== end) throw invalid(`record ${index} has bytes left over`)
  }
  if (cursor.position !== bytes.length) throw invalid('there are bytes behind the last record')
  return timestampMsMax
}

/** Returns whether it was null. */
function skipBytes(cursor: VarintCursor, end: number): boolean {
  const length = cursor.next()
  if (length > 0) cursor.position += length
  if (!(length >= -1 && cursor.position <= end)) throw invalid('a record ends too early')
  return length < 0
}

function skipHeaders(cursor: VarintCursor, end: number): void {
  const count = cursor.next()
  // Each takes two bytes at least.
  if (!(count >= 0 && count * 2 <= end - cursor.position)) throw invalid('a record ends too early')
  for (let index = 0; index < count; index++) {
    if (skipBytes(cursor, end)) throw invalid('a header has no name')
    skipBytes(cursor, end)
  }
}
