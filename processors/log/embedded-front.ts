import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Disk } from './disk.ts'
import { closeActive, removeFiles } from './embedded-maintenance.ts'
import type { Meta } from './embedded-meta.ts'
import { nameOf } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import { onStableSegments, takeStored } from './embedded-read.ts'
import type { StoredReader } from './embedded-read.ts'
import type { LogSnapshot } from './embedded-snapshot.ts'
import type { TopicStore } from './embedded-store.ts'
import type { GroupCommitWriter } from './embedded-writer.ts'
import type { Groups } from './groups.ts'
import type { OffsetTable } from './offset-table.ts'
import type {
  AppendResult,
  CommittedOffset,
  Log,
  OffsetCommit,
  TopicConfig,
  TopicPartition,
} from './port.ts'
import type { TailCache } from './tail-cache.ts'
import { checkCommit, outOfRange } from './topic-config.ts'
import type { Waiters } from './waiters.ts'

/** One RecordBatch as a Kafka client made it, uncompressed and checked; see wire/produced-batch.ts. */
export interface EncodedBatch extends TopicPartition {
  /** Its base offset is written into it; the log keeps the buffer. */
  bytes: Buffer
  count: number
}

/** What the front remembers of producers and transactions, as text under a name. */
export interface FrontNote {
  kind: 'producer' | 'transaction'
  key: string
  /** null forgets it. */
  value: string | null
}

export interface FrontWrite {
  batches?: readonly EncodedBatch[]
  group?: string
  offsets?: readonly OffsetCommit[]
  /** Kept in the same step; asked once it is known where the batches come to lie. */
  notes?: (results: readonly AppendResult[]) => readonly FrontNote[]
}

export interface OffsetRange {
  begin: number
  end: number
}

/**
 * The embedded log as Kafka's protocol needs it: whole batches instead of records, offsets of groups whose members
 * live elsewhere. What it writes and what `Log` writes are one log: a reader of either sees the other's.
 */
export interface LogFront {
  /** Batches, offsets and notes become durable and visible in one step. Fails as `Log.append` does. */
  write(request: FrontWrite): Promise<readonly AppendResult[]>
  /** Batches from the one that holds `from` on. Empty at the end; fails with `offset_out_of_range`. */
  read(tp: TopicPartition, from: number, bytesMax: number): Promise<readonly Buffer[]>
  /** Resolves when something was appended to one of them, after `waitMs`, or when the signal aborts. */
  wait(partitions: readonly TopicPartition[], options: WaitOptions): Promise<void>
  range(tp: TopicPartition): OffsetRange | undefined
  topic(name: string): TopicConfig | undefined
  topics(): readonly TopicConfig[]
  offset(group: string, tp: TopicPartition): CommittedOffset | undefined
  offsets(group: string): readonly OffsetCommit[]
  /** Groups that have members in this process now. */
  hasLocalMembers(group: string): boolean
  /** The topic, its records and what groups read of it. Fails with `unknown_topic`. */
  deleteTopic(name: string): Promise<void>
  /** What was kept when the log was opened. */
  notes(): readonly { kind: string; key: string; value: string }[]
}

interface WaitOptions {
  waitMs: number
  signal: AbortSignal
}

export interface FrontedLog extends Log {
  front(): LogFront
  /** One moment of it, to be copied; `dropSnapshot` removes it. */
  snapshot(): Promise<LogSnapshot>
}

export interface LogFrontDeps {
  meta: Meta
  disk: Disk
  store: TopicStore
  offsets: OffsetTable
  cache: TailCache
  waiters: Waiters
  writer: GroupCommitWriter
  groups: Groups
  reader: StoredReader
  checkOpen(): void
}

export function createLogFront(deps: LogFrontDeps): LogFront {
  const { meta, store, offsets, waiters, writer, groups } = deps
  return {
    async write({ batches = [], group = '', offsets: commits = [], notes }) {
      deps.checkOpen()
      for (const commit of commits) checkCommit(commit)
      const staged = batches.map((batch) => ({
        partition: store.partition(batch),
        part: batch.bytes,
        count: batch.count,
        bytesMax: batch.bytes.length,
      }))
      const request = { batches: staged, offsets: commits, group, claim: undefined }
      if (notes === undefined) return writer.submit(request)
      return writer.submit({
        ...request,
        note: (target, results) => {
          for (const { kind, key, value } of notes(results)) target.putFrontNote(kind, key, value)
        },
      })
    },
    async read(tp, from, bytesMax) {
      deps.checkOpen()
      return readBatchesOf(deps.reader, store.partition(tp), { from, bytesMax })
    },
    async wait(partitions, { waitMs, signal }) {
      const woken = new AbortController()
      const any = AbortSignal.any([woken.signal, signal])
      const known = partitions.flatMap((tp) => store.findPartition(tp) ?? [])
      if (known.length === 0) return
      await Promise.race(known.map((one) => waiters.wait(one, { waitMs, signal: any })))
      woken.abort()
    },
    range(tp) {
      const found = store.findPartition(tp)
      return found === undefined ? undefined : { begin: found.begin, end: found.end }
    },
    topic: (name) => store.findConfig(name),
    topics: () => store.configs(),
    offset: (group, tp) => offsets.get(group, tp),
    offsets: (group) => offsets.list(group),
    hasLocalMembers: (group) => groups.names().includes(group),
    async deleteTopic(name) {
      deps.checkOpen()
      await writer.exclusive(() => removeTopic(deps, name))
      await groups.topicsChanged()
    },
    notes: () => meta.frontNotes(),
  }
}

function removeTopic({ store, offsets, disk, cache, waiters }: LogFrontDeps, name: string): void {
  const partitions = store.delete(name)
  offsets.forgetTopic(name)
  for (const partition of partitions) {
    closeActive(disk, partition)
    removeFiles(partition.segments)
    partition.segments = []
    partition.begin = partition.end
    cache.clear(partition.tail)
    waiters.wake(partition)
    rmSync(partition.folder, { recursive: true, force: true })
  }
  const folder = partitions[0]?.folder
  if (folder !== undefined) rmSync(dirname(folder), { recursive: true, force: true })
}

async function readBatchesOf(
  reader: StoredReader,
  partition: Partition,
  range: { from: number; bytesMax: number },
): Promise<readonly Buffer[]> {
  const { from, bytesMax } = range
  const check = (): void => {
    if (from < partition.begin || from > partition.end)
      throw outOfRange(nameOf(partition), from, partition)
  }
  check()
  if (from === partition.end) return []
  const cached = partition.tail.from(from, bytesMax)
  if (cached.length > 0) return cached.map(({ bytes }) => bytes)
  return onStableSegments(partition, async () => {
    check()
    const found: Buffer[] = []
    await takeStored(reader, partition, range, (block, at, { bytes }) => {
      found.push(block.subarray(at, at + bytes))
      return true
    })
    return found
  })
}
