import { existsSync, unlinkSync } from 'node:fs'
import type { Clock } from '#/kernel/clock.ts'
import type { Disk } from './disk.ts'
import { compactSegments } from './embedded-compaction.ts'
import type { Compaction } from './embedded-compaction.ts'
import type { Meta } from './embedded-meta.ts'
import { bytesOf, segmentRow } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import type { Segment } from './embedded-segment.ts'
import type { TopicConfig } from './port.ts'
import type { TailCache } from './tail-cache.ts'

/** Compacting less than this on our own accord is not worth the rewriting. */
const DIRTY_BYTES_MIN = 1024 * 1024

export interface MaintenanceDeps {
  meta: Meta
  disk: Disk
  clock: Clock
  cache: TailCache
  segmentBytesMax: number
  /** Runs a step while no group is being written. */
  exclusive<T>(work: () => T): Promise<T>
}

/** How many of the first segments retention removes. */
function expiredCount(partition: Partition, topic: TopicConfig, nowMs: number): number {
  let bytes = bytesOf(partition)
  let count = 0
  for (const segment of partition.segments) {
    const isOld = segment.timestampMsMax < nowMs - topic.retentionMs
    if (!isOld && bytes - segment.bytes < topic.retentionBytes) break
    bytes -= segment.bytes
    count++
  }
  return count
}

export function removeFiles(segments: readonly Segment[]): void {
  // Rows are gone already: what cannot be removed now is a stranger to the next start, which removes it.
  for (const { path } of segments) if (existsSync(path)) unlinkSync(path)
}

export function closeActive(disk: Disk, partition: Partition): void {
  if (partition.fd === undefined) return
  disk.close(partition.fd)
  partition.fd = undefined
}

/** Must run exclusively. The last segment goes too when all of it is over; the next append starts a new one. */
function applyRetention(
  { meta, disk }: MaintenanceDeps,
  partition: Partition,
  limits: { topic: TopicConfig; nowMs: number },
): void {
  const count = expiredCount(partition, limits.topic, limits.nowMs)
  if (count === 0 || partition.isDeleted) return
  const expired = partition.segments.slice(0, count)
  const kept = partition.segments.slice(count)
  const begin = kept[0]?.baseOffset ?? partition.end
  meta.transaction(() => {
    for (const { baseOffset } of expired) meta.deleteSegment(partition.id, baseOffset)
    meta.setBegin(partition.id, begin)
    if (kept.length === 0) meta.setEnd(partition.id, partition.end, 0)
  })
  partition.begin = begin
  partition.segments = kept
  if (kept.length === 0) closeActive(disk, partition)
  removeFiles(expired)
}

/** Must run exclusively: puts rewritten segments in the place of the old ones. */
function replaceSegments(
  { meta, disk, cache }: MaintenanceDeps,
  partition: Partition,
  { replacements, tombstoneDueMs }: Compaction,
): void {
  const old = replacements.flatMap((replacement) => replacement.old)
  const fresh = replacements.flatMap(({ segment }) => segment ?? [])
  // Deleted while it was rewritten: nothing names these files.
  if (partition.isDeleted) return removeFiles([...old, ...fresh])
  const later = partition.segments.slice(old.length)
  const last = fresh.at(-1)
  meta.transaction(() => {
    for (const { baseOffset } of old) meta.deleteSegment(partition.id, baseOffset)
    for (const segment of fresh) {
      const index = segment.index?.toBytes(segment.bytes) ?? null
      meta.putSegment(segmentRow(partition, segment), index)
    }
    if (later.length === 0) meta.setEnd(partition.id, partition.end, last?.bytes ?? 0)
  })
  if (later.length === 0) closeActive(disk, partition)
  partition.segments = [...fresh, ...later]
  partition.compactedEnd = old.at(-1)?.end ?? partition.compactedEnd
  partition.tombstoneDueMs = tombstoneDueMs
  cache.clear(partition.tail)
  removeFiles(old)
}

function isCompactionDue(partition: Partition, nowMs: number, isAsked: boolean): boolean {
  if (partition.tombstoneDueMs <= nowMs) return true
  const isDirty = (segment: Segment): boolean => segment.end > partition.compactedEnd
  const dirty = partition.segments.filter(isDirty)
  if (isAsked) return dirty.length > 0
  const dirtyBytes = dirty.reduce((sum, segment) => sum + segment.bytes, 0)
  return dirtyBytes >= Math.max(DIRTY_BYTES_MIN, bytesOf(partition) - dirtyBytes)
}

async function compact(deps: MaintenanceDeps, partition: Partition, nowMs: number): Promise<void> {
  // The last segment is closed first: from here on appends go behind what is being rewritten.
  const frozen = await deps.exclusive(() => {
    for (const segment of partition.segments) segment.isSealed = true
    return { ...partition }
  })
  const compaction = await compactSegments(deps, frozen, nowMs)
  await deps.exclusive(() => replaceSegments(deps, partition, compaction))
}

export interface MaintenanceRun {
  nowMs: number
  /** Asked for by a caller: compact whatever can be, not only where it pays. */
  isAsked: boolean
}

/** Retention and compaction of one partition. Runs of one log must not overlap. */
export async function maintainPartition(
  deps: MaintenanceDeps,
  partition: Partition,
  run: MaintenanceRun & { topic: TopicConfig },
): Promise<void> {
  const { topic, nowMs, isAsked } = run
  if (partition.isDeleted) return
  if (topic.compacted && isCompactionDue(partition, nowMs, isAsked)) {
    await compact(deps, partition, nowMs)
  }
  await deps.exclusive(() => applyRetention(deps, partition, { topic, nowMs }))
}
