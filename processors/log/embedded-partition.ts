import type { SegmentRow } from './embedded-meta.ts'
import { segmentFileName } from './embedded-segment.ts'
import type { Segment } from './embedded-segment.ts'
import { basename } from 'node:path'
import { Tail } from './tail-cache.ts'
import { createWaitList } from './waiters.ts'
import type { WaitList } from './waiters.ts'

/** One partition while the log is open. `begin` and `end` are what readers see: `end` is the high watermark. */
export interface Partition extends WaitList {
  /** Its row in meta.db. */
  readonly id: number
  readonly topic: string
  readonly partition: number
  /** Where its segments lie. */
  readonly folder: string
  begin: number
  end: number
  /** By base offset; the last one is written to. Replaced as a whole, so that a reader keeps what it saw. */
  segments: readonly Segment[]
  readonly tail: Tail
  /** The open file of the last segment. */
  fd: number | undefined
  /** Up to here compaction has been; nothing to do until records came after it, */
  compactedEnd: number
  /** or until the oldest tombstone it kept has been there long enough. */
  tombstoneDueMs: number
  /** Its topic was deleted: what still holds it must not write. */
  isDeleted: boolean
}

export function createPartition(
  place: Pick<Partition, 'id' | 'topic' | 'partition' | 'folder'>,
  range: Pick<Partition, 'begin' | 'end' | 'segments'>,
): Partition {
  const open = {
    tail: new Tail(),
    fd: undefined,
    compactedEnd: 0,
    tombstoneDueMs: Infinity,
    isDeleted: false,
    ...createWaitList(),
  }
  return { ...place, ...range, ...open }
}

export function nameOf(partition: Partition): string {
  return `${partition.topic}/${partition.partition}`
}

export function segmentPath(partition: Partition, baseOffset: number, generation = 0): string {
  return `${partition.folder}/${segmentFileName(baseOffset, generation)}`
}

export function segmentRow(partition: Partition, segment: Segment): SegmentRow {
  return {
    partition_id: partition.id,
    base_offset: segment.baseOffset,
    file: basename(segment.path),
    bytes: segment.bytes,
    end_offset: segment.end,
    timestamp_ms_max: segment.timestampMsMax === -Infinity ? null : segment.timestampMsMax,
    created_ms: segment.createdMs,
    bytes_indexed: segment.bytesIndexed,
  }
}

export function bytesOf(partition: Partition): number {
  return partition.segments.reduce((sum, segment) => sum + segment.bytes, 0)
}
