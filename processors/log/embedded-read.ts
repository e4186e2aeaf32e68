import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'
import type { Disk } from './disk.ts'
import type { Partition } from './embedded-partition.ts'
import { INDEX_INTERVAL_BYTES, SegmentIndex } from './embedded-segment.ts'
import type { Segment } from './embedded-segment.ts'
import type { ConsumedRecord } from './port.ts'
import { BATCH_HEADER_BYTES, decodeBatch, isBatchIntact, readBatchHeader } from './record-batch.ts'
import type { BatchHeader } from './record-batch.ts'

/** A reader asking for more gets this much at a time. */
const READ_BYTES_MAX = 8 * 1024 * 1024
const SCAN_BYTES = 1024 * 1024

export interface StoredBatches {
  block: Buffer
  /** Whole batches whose checksum holds, and where in `block` they start. */
  batches: readonly { at: number; header: BatchHeader }[]
  /** How far in the file they reach. */
  bytes: number
  /** What follows them cannot be a batch that was written. */
  isTorn: boolean
}

export interface Extent {
  position: number
  /** Bytes of the file that count. */
  limit: number
  bytesMax: number
}

/** At least one whole batch from `position` on, unless the bytes there are torn. */
export async function readBatches(
  disk: Disk,
  path: string,
  extent: Extent,
): Promise<StoredBatches> {
  let wanted = Math.max(BATCH_HEADER_BYTES, extent.bytesMax)
  for (;;) {
    const rest = extent.limit - extent.position
    const block = await disk.read(path, extent.position, Math.min(wanted, rest))
    const found = splitBatches(block, rest)
    if (found.bytes > 0 || found.isTorn) return found
    // The first batch is larger than what was asked for; its header is there and tells how large.
    wanted = readBatchHeader(block, 0, block.length)?.bytes ?? rest
  }
}

function splitBatches(block: Buffer, rest: number): StoredBatches {
  const batches: { at: number; header: BatchHeader }[] = []
  let at = 0
  while (at < block.length) {
    const header = readBatchHeader(block, at, block.length)
    const end = at + (header?.bytes ?? BATCH_HEADER_BYTES)
    if (end > rest || (header === undefined && end <= block.length)) {
      return { block, batches, bytes: at, isTorn: true }
    }
    // Cut by the end of the block, or the file is shorter than it should be.
    if (header === undefined || end > block.length) break
    if (!isBatchIntact(block, at, header)) return { block, batches, bytes: at, isTorn: true }
    batches.push({ at, header })
    at = end
  }
  return { block, batches, bytes: at, isTorn: at === 0 && block.length === 0 }
}

function corrupt(segment: Segment, position: number): FaultlineError {
  return new FaultlineError('log_corrupt', `${segment.path} is damaged at byte ${position}`, {
    remedy: 'restore the file from a backup, or reset the readers behind it',
  })
}

/**
 * All batches of a segment from `position` on, block by block. Fails with `log_corrupt`, and with ENOENT when
 * maintenance has removed the file since the caller looked at the partition.
 */
export async function* walkSegment(
  disk: Disk,
  segment: Segment,
  start: { position: number; bytesMax?: number },
): AsyncGenerator<StoredBatches> {
  const limit = segment.bytes
  let { position } = start
  while (position < limit) {
    const bytesMax = start.bytesMax ?? SCAN_BYTES
    const found = await readBatches(disk, segment.path, { position, limit, bytesMax })
    if (found.bytes === 0) throw corrupt(segment, position)
    yield found
    position += found.bytes
  }
}

/**
 * Runs `work`, again if maintenance replaced segments under it. A file that is missing without that is damage.
 */
export async function onStableSegments<T>(
  partition: Partition,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const { segments } = partition
    try {
      return await work()
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
      if (segments !== partition.segments) continue
      const remedy = 'restore the data folder from a backup'
      throw new FaultlineError('log_corrupt', `a file of ${partition.folder} is missing`, {
        remedy,
        cause: error,
      })
    }
  }
}

export interface StoredReader {
  disk: Disk
  /** The stored index of a sealed segment. */
  loadIndex(partition: Partition, segment: Segment): SegmentIndex
}

function indexOf(reader: StoredReader, partition: Partition, segment: Segment): SegmentIndex {
  return (segment.index ??= reader.loadIndex(partition, segment))
}

/**
 * Whole batches from disk, from the one that holds `from` on, about `bytesMax` of them and at least one. `take`
 * answers whether it found something in the batch.
 */
export async function takeStored(
  reader: StoredReader,
  partition: Partition,
  range: { from: number; bytesMax: number },
  take: (block: Buffer, at: number, header: BatchHeader) => boolean,
): Promise<void> {
  const { from } = range
  const bytesMax = Math.min(Math.max(range.bytesMax, 1), READ_BYTES_MAX)
  let isFound = false
  for (const segment of partition.segments.filter((one) => one.end > from)) {
    const position = indexOf(reader, partition, segment).positionOfOffset(from)
    const start = { position, bytesMax: bytesMax + INDEX_INTERVAL_BYTES }
    for await (const { block, batches } of walkSegment(reader.disk, segment, start)) {
      let bytes = 0
      for (const { at, header } of batches) {
        if (header.lastOffset < from) continue
        bytes += header.bytes
        if (bytes > bytesMax && isFound) return
        isFound = take(block, at, header) || isFound
      }
      if (isFound) return
    }
  }
}

/** Records from disk, in whole batches; see Log.read. */
export async function readStored(
  reader: StoredReader,
  partition: Partition,
  range: { from: number; bytesMax: number },
): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = []
  await takeStored(reader, partition, range, (block, at) => {
    decodeBatch(block, at, range.from, records)
    return records.length > 0
  })
  return records
}

/** See Log.offsetForTimestamp. */
export async function findTimestamp(
  reader: StoredReader,
  partition: Partition,
  timestampMs: number,
): Promise<number> {
  const { end } = partition
  for (const segment of partition.segments.filter((one) => one.timestampMsMax >= timestampMs)) {
    const position = indexOf(reader, partition, segment).positionOfTimestamp(timestampMs)
    for await (const { block, batches } of walkSegment(reader.disk, segment, { position })) {
      for (const { at, header } of batches) {
        if (header.timestampMsMax < timestampMs) continue
        const records: ConsumedRecord[] = []
        decodeBatch(block, at, 0, records)
        const found = records.find((record) => record.timestampMs >= timestampMs)
        if (found !== undefined) return found.offset
      }
    }
  }
  return end
}
