import { assert } from '#/kernel/assert.ts'
import {
  BATCH_HEADER_BYTES,
  encodeBatch,
  placeBatch,
  readBatchHeader,
  recordBytesMax,
} from './record-batch.ts'
import type { BatchHeader } from './record-batch.ts'
import type { ProducedRecord } from './port.ts'

/** Batches are encoded one behind the other into blocks of this size; the tail cache then keeps them in place. */
const BLOCK_BYTES = 1024 * 1024
/** A batch ends here, so that a reader who asks for little gets little. */
const BATCH_BYTES_MAX = 256 * 1024

interface EncodedBatch {
  header: BatchHeader
  bytes: Buffer
}

export interface EncodedRun {
  batches: readonly EncodedBatch[]
  /** The same bytes in as few pieces as possible, for the write. */
  blocks: readonly Buffer[]
  bytes: number
}

/** What a caller gave for one partition: records, or a whole batch that is encoded already. */
export type Part = readonly ProducedRecord[] | Buffer

export interface Encoder {
  /** `bytesMax` is the sum of `recordBytesMax` over the records. */
  encode(records: readonly ProducedRecord[], baseOffset: number, bytesMax: number): EncodedRun
}

export function createEncoder(): Encoder {
  let block = Buffer.alloc(0)
  let used = 0

  const encodeOne = (
    records: readonly ProducedRecord[],
    part: { from: number; to: number; bytesMax: number; baseOffset: number },
  ): EncodedBatch => {
    const bytesMax = part.bytesMax + BATCH_HEADER_BYTES
    if (block.length - used < bytesMax) {
      block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytesMax))
      used = 0
    }
    const header = encodeBatch(block, used, { records, ...part })
    const bytes = block.subarray(used, used + header.bytes)
    used += header.bytes
    return { header, bytes }
  }

  const encodeSplit = (records: readonly ProducedRecord[], baseOffset: number): EncodedBatch[] => {
    const batches: EncodedBatch[] = []
    let from = 0
    let bytesMax = 0
    for (let to = 0; to < records.length; to++) {
      const recordMax = recordBytesMax(records[to]!)
      if (to > from && bytesMax + recordMax > BATCH_BYTES_MAX) {
        batches.push(encodeOne(records, { from, to, bytesMax, baseOffset: baseOffset + from }))
        from = to
        bytesMax = 0
      }
      bytesMax += recordMax
    }
    const last = { from, to: records.length, bytesMax, baseOffset: baseOffset + from }
    batches.push(encodeOne(records, last))
    return batches
  }

  return {
    encode: (records, baseOffset, bytesMax) => {
      if (bytesMax <= BATCH_BYTES_MAX) {
        const batch = encodeOne(records, { from: 0, to: records.length, bytesMax, baseOffset })
        return { batches: [batch], blocks: [batch.bytes], bytes: batch.bytes.length }
      }
      const batches = encodeSplit(records, baseOffset)
      const blocks = batches.map((batch) => batch.bytes)
      return { batches, blocks, bytes: blocks.reduce((sum, one) => sum + one.length, 0) }
    },
  }
}

const isEncoded = (part: Part): part is Buffer => Buffer.isBuffer(part)

/** The parts as batches, in their order; neighbouring records share a batch, encoded batches stay as they are. */
export function encodeParts(
  encoder: Encoder,
  { parts, bytesMax }: { parts: readonly Part[]; bytesMax: number },
  baseOffset: number,
): EncodedRun {
  const plain = parts.filter((part): part is readonly ProducedRecord[] => !isEncoded(part))
  if (plain.length === parts.length) {
    const all = plain.length === 1 ? plain[0]! : plain.flat()
    return encoder.encode(all, baseOffset, bytesMax)
  }
  const runs: EncodedRun[] = []
  let next = baseOffset
  let records: ProducedRecord[] = []
  const flush = (): void => {
    if (records.length === 0) return
    const most = records.reduce((sum, record) => sum + recordBytesMax(record), 0)
    runs.push(encoder.encode(records, next, most))
    next += records.length
    records = []
  }
  for (const part of parts) {
    if (isEncoded(part)) {
      flush()
      const batch = placeEncoded(part, next)
      runs.push({ batches: [batch], blocks: [part], bytes: part.length })
      next = batch.header.lastOffset + 1
    } else records = records.length === 0 ? [...part] : records.concat(part)
  }
  flush()
  return {
    batches: runs.flatMap(({ batches }) => batches),
    blocks: runs.flatMap(({ blocks }) => blocks),
    bytes: runs.reduce((sum, run) => sum + run.bytes, 0),
  }
}

function placeEncoded(bytes: Buffer, baseOffset: number): EncodedBatch {
  placeBatch(bytes, baseOffset)
  const header = readBatchHeader(bytes, 0, bytes.length)
  assert(header?.bytes === bytes.length, 'an encoded batch is whole and alone in its buffer')
  return { header, bytes }
}
