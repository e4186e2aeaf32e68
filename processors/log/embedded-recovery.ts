import { mkdirSync, readdirSync, statSync, truncateSync, unlinkSync } from 'node:fs'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Disk } from './disk.ts'
import type { Meta, PartitionRow, SegmentRow } from './embedded-meta.ts'
import { createPartition, nameOf, segmentRow } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import { readBatches } from './embedded-read.ts'
import { createSegment, SegmentIndex } from './embedded-segment.ts'
import type { Segment } from './embedded-segment.ts'

const SCAN_BYTES = 1024 * 1024

export interface RecoveryDeps {
  meta: Meta
  disk: Disk
  /** What was repaired, for the operator. */
  onProblem(error: unknown): void
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * Brings one partition back to its high watermark: bytes behind it are cut off. What was not yet on the medium at
 * the last checkpoint of meta.db is checked batch by batch; after a power loss the high watermark moves back to
 * the last batch whose checksum holds. Bytes known to be on the medium are trusted here and checked when read.
 */
export async function recoverPartition(
  deps: RecoveryDeps,
  row: PartitionRow,
  folder: string,
): Promise<Partition> {
  mkdirSync(folder, { recursive: true })
  const rows = deps.meta.segments(row.id)
  const segments: Segment[] = []
  let isCut = false
  for (const [index, segmentRowStored] of rows.entries()) {
    const isLast = index === rows.length - 1
    const bytes = isLast ? row.active_bytes : segmentRowStored.bytes
    const segment = restoreSegment(segmentRowStored, folder)
    const isIndexed = !isLast && segment.bytesIndexed === bytes
    if (isIndexed) segment.end = segmentRowStored.end_offset
    else segment.index = new SegmentIndex(deps.meta.positionIndex(row.id, segment.baseOffset))
    isCut = !(await checkSegment(deps.disk, segment, { bytes, isIndexed }))
    segments.push(segment)
    if (isCut) break
  }
  const last = segments.at(-1)
  const end = last?.end ?? row.end_offset
  const begin = Math.min(row.begin_offset, end)
  const place = { id: row.id, topic: row.topic, partition: row.partition, folder }
  const partition = createPartition(place, { begin, end, segments })
  if (last !== undefined && sizeOf(last.path) > last.bytes) truncateSync(last.path, last.bytes)
  if (isCut || end !== row.end_offset) moveBack(deps, partition, { rows, end: row.end_offset })
  removeStrangers(partition)
  return partition
}

function restoreSegment(row: SegmentRow, folder: string): Segment {
  const place = { baseOffset: row.base_offset, path: `${folder}/${row.file}` }
  return {
    ...createSegment(place, row.created_ms),
    timestampMsMax: row.timestamp_ms_max ?? -Infinity,
    index: undefined,
    bytesSynced: row.bytes_indexed,
    bytesIndexed: row.bytes_indexed,
    isFolderSynced: row.bytes_indexed > 0,
  }
}

/** Sets the segment's length to what holds; false when that is less than `bytes`. */
async function checkSegment(
  disk: Disk,
  segment: Segment,
  { bytes, isIndexed }: { bytes: number; isIndexed: boolean },
): Promise<boolean> {
  const size = sizeOf(segment.path)
  if (size < segment.bytesIndexed) {
    throw new FaultlineError(
      'log_corrupt',
      `${segment.path} has ${size} bytes, ${segment.bytesIndexed} were on the medium`,
      { remedy: 'restore the data folder from a backup' },
    )
  }
  segment.bytes = segment.bytesIndexed
  if (isIndexed) return true
  const limit = Math.min(size, bytes)
  let end = segment.bytes > 0 ? await endOf(disk, segment) : segment.baseOffset
  while (segment.bytes < limit) {
    const extent = { position: segment.bytes, limit, bytesMax: SCAN_BYTES }
    const { batches, isTorn } = await readBatches(disk, segment.path, extent)
    for (const { header } of batches) {
      if (header.baseOffset !== end) return finish(segment, end, bytes)
      segment.index?.add(header.baseOffset, segment.bytes, segment.timestampMsMax)
      segment.timestampMsMax = Math.max(segment.timestampMsMax, header.timestampMsMax)
      segment.bytes += header.bytes
      end = header.lastOffset + 1
    }
    if (isTorn) break
  }
  return finish(segment, end, bytes)
}

function finish(segment: Segment, end: number, bytes: number): boolean {
  segment.end = end
  return segment.bytes === bytes
}

/** The end offset of the indexed part: walks from its last index entry. */
async function endOf(disk: Disk, segment: Segment): Promise<number> {
  let position = segment.index?.positionOfOffset(Infinity) ?? 0
  let end = segment.baseOffset
  const limit = segment.bytesIndexed
  while (position < limit) {
    const found = await readBatches(disk, segment.path, { position, limit, bytesMax: SCAN_BYTES })
    const last = found.batches.at(-1)
    if (last === undefined) {
      throw new FaultlineError('log_corrupt', `${segment.path} is damaged at byte ${position}`)
    }
    end = last.header.lastOffset + 1
    position += found.bytes
  }
  return end
}

/** Records a high watermark that moved back, and takes offsets of groups back with it. */
function moveBack(
  deps: RecoveryDeps,
  partition: Partition,
  stored: { rows: readonly SegmentRow[]; end: number },
): void {
  const { meta } = deps
  const { begin, end, segments } = partition
  const last = segments.at(-1)
  meta.transaction(() => {
    for (const { base_offset } of stored.rows.slice(segments.length)) {
      meta.deleteSegment(partition.id, base_offset)
    }
    if (last !== undefined) meta.sealSegment(segmentRow(partition, last))
    meta.setEnd(partition.id, end, last?.bytes ?? 0)
    meta.setBegin(partition.id, begin)
    for (const { group_name, ...commit } of meta.groupOffsets()) {
      if (commit.topic !== partition.topic || commit.partition !== partition.partition) continue
      if (commit.offset <= end) continue
      // Without its metadata, so that the reader sees a rewind and not an intent it could complete.
      meta.putOffset(group_name, { ...commit, offset: end, metadata: '' })
    }
  })
  deps.onProblem(
    new FaultlineError(
      'log_corrupt',
      `${nameOf(partition)} lost what was not on the medium: its end moved from ${stored.end} to ${end}`,
      { remedy: 'run with durability fsync where a power loss must lose nothing' },
    ),
  )
}

/** Files that no row names: left by a crash between a file operation and its transaction. */
function removeStrangers(partition: Partition): void {
  const known = new Set(partition.segments.map((segment) => segment.path))
  for (const name of readdirSync(partition.folder)) {
    const path = `${partition.folder}/${name}`
    if (name.endsWith('.log') && !known.has(path)) unlinkSync(path)
  }
}
