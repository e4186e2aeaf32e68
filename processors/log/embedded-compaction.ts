import { basename } from 'node:path'
import type { Clock } from '#/kernel/clock.ts'
import type { Disk } from './disk.ts'
import { segmentPath } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import { walkSegment } from './embedded-read.ts'
import { createSegment } from './embedded-segment.ts'
import type { Segment } from './embedded-segment.ts'
import type { ConsumedRecord } from './port.ts'
import { BATCH_HEADER_BYTES, decodeBatch, encodeBatch, recordBytesMax } from './record-batch.ts'

/** As Kafka: how long a tombstone stays, so that slow readers see it. */
const TOMBSTONE_KEPT_MS = 86_400_000
/** Later keys stay as they are in this run: their records are kept, only not thinned out. */
const KEYS_MAX = 1_000_000
const BATCH_BYTES_MAX = 256 * 1024

export interface CompactionDeps {
  disk: Disk
  clock: Clock
  segmentBytesMax: number
}

/** What replaces a run of neighbouring segments; no `segment` when nothing of them is left. */
interface Replacement {
  old: readonly Segment[]
  segment: Segment | undefined
}

export interface Compaction {
  replacements: readonly Replacement[]
  /** When the oldest tombstone that was kept may go. */
  tombstoneDueMs: number
}

function keyOf(record: ConsumedRecord): string | undefined {
  return record.key?.toString('latin1')
}

async function* recordsOf(disk: Disk, segment: Segment): AsyncGenerator<ConsumedRecord[]> {
  for await (const { block, batches } of walkSegment(disk, segment, { position: 0 })) {
    const records: ConsumedRecord[] = []
    for (const { at } of batches) decodeBatch(block, at, 0, records)
    yield records
  }
}

/**
 * Writes what compaction leaves of `segments` into new files beside them: the last record of each key, without
 * tombstones that have been there long enough, and in any case the last record of all. Offsets stay. Nothing of
 * it counts until the caller has put it into meta.db.
 */
export async function compactSegments(
  deps: CompactionDeps,
  partition: Partition,
  nowMs: number,
): Promise<Compaction> {
  const { segments } = partition
  const lastOf = await lastOffsets(deps.disk, segments)
  const end = segments.at(-1)?.end ?? 0
  let tombstoneDueMs = Infinity
  const isKept = (record: ConsumedRecord): boolean => {
    if (record.offset === end - 1) return true
    const key = keyOf(record)
    if (key !== undefined && (lastOf.get(key) ?? record.offset) > record.offset) return false
    if (record.value !== null) return true
    const dueMs = record.timestampMs + TOMBSTONE_KEPT_MS
    if (dueMs <= nowMs) return false
    tombstoneDueMs = Math.min(tombstoneDueMs, dueMs)
    return true
  }
  const replacements: Replacement[] = []
  for (const old of runs(segments, deps.segmentBytesMax)) {
    replacements.push({ old, segment: await rewrite(deps, partition, old, isKept) })
  }
  return { replacements, tombstoneDueMs }
}

async function lastOffsets(disk: Disk, segments: readonly Segment[]): Promise<Map<string, number>> {
  const lastOf = new Map<string, number>()
  for (const segment of segments) {
    for await (const records of recordsOf(disk, segment)) {
      for (const record of records) {
        const key = keyOf(record)
        if (key !== undefined && (lastOf.size < KEYS_MAX || lastOf.has(key))) {
          lastOf.set(key, record.offset)
        }
      }
    }
  }
  return lastOf
}

/** Neighbours that fit into one file together, so that compaction does not leave many small ones. */
function runs(segments: readonly Segment[], bytesMax: number): Segment[][] {
  const all: Segment[][] = []
  let bytes = Infinity
  for (const segment of segments) {
    const last = all.at(-1)
    if (last === undefined || bytes + segment.bytes > bytesMax) {
      all.push([segment])
      bytes = 0
    } else {
      last.push(segment)
    }
    bytes += segment.bytes
  }
  return all
}

function nextGeneration(old: readonly Segment[]): number {
  const generations = old.map(({ path }) => Number(basename(path).split('.')[1]) || 0)
  return Math.max(...generations) + 1
}

async function rewrite(
  deps: CompactionDeps,
  partition: Partition,
  old: readonly Segment[],
  isKept: (record: ConsumedRecord) => boolean,
): Promise<Segment | undefined> {
  const { baseOffset } = old[0]!
  const path = segmentPath(partition, baseOffset, nextGeneration(old))
  const segment = createSegment({ baseOffset, path }, deps.clock.nowMs())
  const fd = deps.disk.open(path)
  try {
    deps.disk.truncate(fd, 0)
    for (const source of old) {
      for await (const records of recordsOf(deps.disk, source)) {
        for (const batch of batchesOf(records.filter(isKept))) {
          appendBatch(deps.disk, fd, segment, batch)
        }
      }
    }
  } finally {
    deps.disk.close(fd)
  }
  if (segment.bytes === 0) return undefined
  await deps.disk.sync(path, { withFolder: true })
  segment.end = old.at(-1)!.end
  segment.bytesSynced = segment.bytes
  segment.bytesIndexed = segment.bytes
  segment.isFolderSynced = true
  segment.isSealed = true
  return segment
}

function* batchesOf(records: readonly ConsumedRecord[]): Generator<readonly ConsumedRecord[]> {
  let from = 0
  let bytes = 0
  for (const [index, record] of records.entries()) {
    bytes += recordBytesMax(record)
    if (bytes <= BATCH_BYTES_MAX || index === from) continue
    yield records.slice(from, index)
    from = index
    bytes = recordBytesMax(record)
  }
  if (from < records.length) yield records.slice(from)
}

function appendBatch(
  disk: Disk,
  fd: number,
  segment: Segment,
  records: readonly ConsumedRecord[],
): void {
  const bytesMax = records.reduce((sum, record) => sum + recordBytesMax(record), BATCH_HEADER_BYTES)
  const target = Buffer.allocUnsafeSlow(bytesMax)
  const offsets = records.map((record) => record.offset)
  const input = { records, from: 0, to: records.length, baseOffset: offsets[0]!, offsets }
  const header = encodeBatch(target, 0, input)
  disk.write(fd, [target.subarray(0, header.bytes)], segment.bytes)
  segment.index?.add(header.baseOffset, segment.bytes, segment.timestampMsMax)
  segment.timestampMsMax = Math.max(segment.timestampMsMax, header.timestampMsMax)
  segment.bytes += header.bytes
}
