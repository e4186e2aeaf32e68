import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { createLogFront } from './embedded-front.ts'
import type { FrontedLog, LogFront } from './embedded-front.ts'
import { maintainPartition } from './embedded-maintenance.ts'
import type { MaintenanceDeps } from './embedded-maintenance.ts'
import type { Meta } from './embedded-meta.ts'
import { nameOf } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import { findTimestamp, onStableSegments, readStored } from './embedded-read.ts'
import type { StoredReader } from './embedded-read.ts'
import { SegmentIndex } from './embedded-segment.ts'
import type { Segment } from './embedded-segment.ts'
import { EMBEDDED_DEFAULTS } from './embedded-options.ts'
import type { EmbeddedLogOptions, EmbeddedSettings } from './embedded-options.ts'
import { snapshotLog, type LogSnapshot } from './embedded-snapshot.ts'
import { TopicStore } from './embedded-store.ts'
import { Syncer } from './embedded-sync.ts'
import { GroupCommitWriter } from './embedded-writer.ts'
import type { StagedBatch } from './embedded-writer.ts'
import { createGroups } from './groups.ts'
import type { Groups } from './groups.ts'
import { checkFormat, openLocked, unlock } from './lock-file.ts'
import { createOffsetTable } from './offset-table.ts'
import type { OffsetTable } from './offset-table.ts'
import type {
  AppendResult,
  CommitUnit,
  CommittedOffset,
  ConsumedRecord,
  GroupMembership,
  GroupSubscription,
  OffsetCommit,
  PartitionLag,
  ProducedBatch,
  ReadOptions,
  TopicConfig,
  TopicPartition,
} from './port.ts'
import { decodeBatch } from './record-batch.ts'
import { TailCache } from './tail-cache.ts'
import { checkBatch, checkCommit, checkTopic, logClosed, outOfRange } from './topic-config.ts'
import { createWaiters } from './waiters.ts'
import type { Waiters } from './waiters.ts'

export type { EmbeddedLogOptions } from './embedded-options.ts'

class EmbeddedLog implements FrontedLog {
  readonly #settings: EmbeddedSettings
  readonly #meta: Meta
  readonly #store: TopicStore
  readonly #offsets: OffsetTable = createOffsetTable()
  readonly #cache: TailCache
  readonly #waiters: Waiters
  readonly #syncer: Syncer
  readonly #writer: GroupCommitWriter
  readonly #groups: Groups
  readonly #reader: StoredReader
  readonly #closing = new AbortController()
  #maintenance: Promise<void> = Promise.resolve()
  #housekeeping: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(settings: EmbeddedSettings, meta: Meta) {
    const { clock, disk, dir, onProblem } = settings
    this.#settings = settings
    this.#meta = meta
    this.#store = new TopicStore(`${dir}/log`, meta)
    this.#cache = new TailCache(settings.cacheBytesMax)
    this.#waiters = createWaiters(clock)
    const walPath = `${dir}/meta.db-wal`
    const intervalMs = settings.syncIntervalMs
    this.#syncer = new Syncer({ clock, disk, meta, walPath, intervalMs, onProblem })
    this.#writer = this.#createWriter()
    this.#groups = createGroups({
      clock,
      drainMsMax: settings.drainMsMax,
      partitionCount: (topic) => this.#store.partitionCount(topic),
      settled: () => this.#writer.settled(),
      onProblem,
    })
    const loadIndex = (partition: Partition, { baseOffset }: Segment): SegmentIndex =>
      new SegmentIndex(meta.positionIndex(partition.id, baseOffset))
    this.#reader = { disk, loadIndex }
  }

  /** Reads what is stored; called once, before anything else. */
  async open(): Promise<void> {
    const { disk, onProblem } = this.#settings
    await this.#store.open({ meta: this.#meta, disk, onProblem })
    for (const { group_name, ...commit } of this.#meta.groupOffsets()) {
      this.#offsets.set(group_name, commit)
    }
    this.#housekeeping = this.#keepHouse()
  }

  async createTopics(topics: readonly TopicConfig[]): Promise<void> {
    this.#checkOpen()
    for (const topic of topics) checkTopic(topic)
    const grew = await this.#writer.exclusive(() => this.#store.declare(topics))
    if (grew) await this.#groups.topicsChanged()
  }

  async topics(): Promise<readonly TopicConfig[]> {
    return this.#store.configs()
  }

  async append(batches: readonly ProducedBatch[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    const staged = this.#stage(batches)
    return this.#writer.submit({ batches: staged, offsets: [], group: '', claim: undefined })
  }

  async read(
    tp: TopicPartition,
    from: number,
    { bytesMax, waitMs, signal }: ReadOptions,
  ): Promise<readonly ConsumedRecord[]> {
    this.#checkOpen()
    const partition = this.#store.partition(tp)
    for (let isWoken = true; isWoken;) {
      this.#checkRange(partition, from)
      if (from < partition.end) return this.#readNow(partition, from, bytesMax)
      if (waitMs <= 0) break
      isWoken = await this.#waiters.wait(partition, { waitMs, signal })
    }
    return []
  }

  async beginningOffset(tp: TopicPartition): Promise<number> {
    return this.#store.partition(tp).begin
  }

  async endOffset(tp: TopicPartition): Promise<number> {
    return this.#store.partition(tp).end
  }

  async offsetForTimestamp(tp: TopicPartition, timestampMs: number): Promise<number> {
    this.#checkOpen()
    const partition = this.#store.partition(tp)
    return onStableSegments(partition, () => findTimestamp(this.#reader, partition, timestampMs))
  }

  async join(subscription: GroupSubscription): Promise<GroupMembership> {
    this.#checkOpen()
    for (const topic of subscription.topics) this.#store.config(topic)
    return this.#groups.join(subscription)
  }

  async commit({ membership, outputs, offsets }: CommitUnit): Promise<void> {
    this.#checkOpen()
    const claim = this.#groups.claim(membership, offsets)
    for (const offset of offsets) checkCommit(offset)
    const batches = this.#stage(outputs)
    await this.#writer.submit({ batches, offsets, group: membership.group, claim })
  }

  async committed(group: string, tp: TopicPartition): Promise<CommittedOffset | undefined> {
    this.#store.partition(tp)
    return this.#offsets.get(group, tp)
  }

  async resetOffsets(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#checkOpen()
    for (const commit of offsets) {
      checkCommit(commit)
      this.#checkRange(this.#store.partition(commit), commit.offset)
    }
    await this.#groups.reset(group, offsets, async () => {
      await this.#writer.submit({ batches: [], offsets, group, claim: undefined })
    })
  }

  async groups(): Promise<readonly string[]> {
    return [...new Set([...this.#offsets.groups(), ...this.#groups.names()])].toSorted()
  }

  async lag(group: string): Promise<readonly PartitionLag[]> {
    return this.#offsets.list(group).map(({ topic, partition, offset }) => {
      const { end } = this.#store.partition({ topic, partition })
      return { topic, partition, committed: offset, end }
    })
  }

  async maintain(nowMs: number): Promise<void> {
    this.#checkOpen()
    await this.#maintain(nowMs, true)
  }

  snapshot(): Promise<LogSnapshot> {
    this.#checkOpen()
    const { dir, clock } = this.#settings
    const parts = { meta: this.#meta, store: this.#store, writer: this.#writer }
    return snapshotLog({ dir, clock, ...parts })
  }

  front(): LogFront {
    return createLogFront({
      meta: this.#meta,
      disk: this.#settings.disk,
      store: this.#store,
      offsets: this.#offsets,
      cache: this.#cache,
      waiters: this.#waiters,
      writer: this.#writer,
      groups: this.#groups,
      reader: this.#reader,
      checkOpen: () => this.#checkOpen(),
    })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#groups.close()
    await this.#housekeeping
    await this.#maintenance.catch(() => undefined)
    await this.#writer.close()
    this.#waiters.close()
    const partitions = this.#store.all()
    await this.#syncer.close(partitions)
    for (const { fd } of partitions) if (fd !== undefined) this.#settings.disk.close(fd)
    unlock(this.#settings.dir)
    this.#meta.close()
  }

  #createWriter(): GroupCommitWriter {
    const { clock, disk, metrics, durability, pendingBytesMax } = this.#settings
    return new GroupCommitWriter({
      meta: this.#meta,
      disk,
      clock,
      metrics,
      durability,
      pendingBytesMax,
      isHeld: (claim) => this.#groups.holds(claim),
      isRollDue: (partition, bytes) => this.#isRollDue(partition, bytes),
      publish: (partition, segment, run) => {
        for (const { header, bytes } of run.batches) {
          segment.index?.add(header.baseOffset, segment.bytes, segment.timestampMsMax)
          segment.timestampMsMax = Math.max(segment.timestampMsMax, header.timestampMsMax)
          segment.bytes += header.bytes
          segment.end = header.lastOffset + 1
          const { baseOffset, lastOffset } = header
          this.#cache.add(partition.tail, { baseOffset, lastOffset, bytes })
        }
        partition.end = segment.end
        this.#syncer.markDirty(partition, segment)
        this.#waiters.wake(partition)
      },
      publishOffset: (group, commit) => this.#offsets.set(group, commit),
      syncSegments: async (segments) => {
        await Promise.all(segments.map((segment) => this.#syncer.syncSegment(segment)))
      },
      syncMeta: () => this.#syncer.syncMeta(),
    })
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw logClosed()
  }

  #checkRange(partition: Partition, offset: number): void {
    const { begin, end } = partition
    if (offset < begin || offset > end) throw outOfRange(nameOf(partition), offset, { begin, end })
  }

  #stage(batches: readonly ProducedBatch[]): StagedBatch[] {
    return batches.map((batch) => {
      const bytesMax = checkBatch(batch, this.#store.config(batch.topic).compacted)
      const { records } = batch
      return {
        partition: this.#store.partition(batch),
        part: records,
        count: records.length,
        bytesMax,
      }
    })
  }

  #isRollDue(partition: Partition, bytes: number): boolean {
    const segment = partition.segments.at(-1)
    if (segment === undefined || segment.bytes === 0) return false
    const { segmentBytesMax, segmentAgeMsMax, clock } = this.#settings
    const topic = this.#store.config(partition.topic)
    return (
      segment.isSealed ||
      segment.bytes + bytes > Math.min(segmentBytesMax, topic.retentionBytes / 2) ||
      clock.nowMs() - segment.createdMs > Math.min(segmentAgeMsMax, topic.retentionMs / 4)
    )
  }

  async #readNow(
    partition: Partition,
    from: number,
    bytesMax: number,
  ): Promise<readonly ConsumedRecord[]> {
    const cached = partition.tail.from(from, bytesMax)
    if (cached.length > 0) {
      const records: ConsumedRecord[] = []
      for (const { bytes } of cached) decodeBatch(bytes, 0, from, records)
      return records
    }
    return onStableSegments(partition, () => {
      // Retention may have moved the beginning since the last try.
      this.#checkRange(partition, from)
      return readStored(this.#reader, partition, { from, bytesMax })
    })
  }

  /** One run at a time: they replace files. */
  #maintain(nowMs: number, isAsked: boolean): Promise<void> {
    const run = this.#maintenance.then(() => this.#maintainAll(nowMs, isAsked))
    this.#maintenance = run.catch(() => undefined)
    return run
  }

  async #maintainAll(nowMs: number, isAsked: boolean): Promise<void> {
    const { disk, clock, segmentBytesMax, metrics } = this.#settings
    const deps: MaintenanceDeps = {
      meta: this.#meta,
      disk,
      clock,
      cache: this.#cache,
      segmentBytesMax,
      exclusive: (work) => this.#writer.exclusive(work),
    }
    for (const partition of this.#store.all()) {
      const topic = this.#store.findConfig(partition.topic)
      if (topic === undefined) continue
      await maintainPartition(deps, partition, { topic, nowMs, isAsked })
    }
    metrics?.set('faultline_log_size_bytes', this.#store.bytes())
  }

  async #keepHouse(): Promise<void> {
    const { clock, maintainIntervalMs, onProblem } = this.#settings
    const { signal } = this.#closing
    if (maintainIntervalMs === Infinity) return
    while (!signal.aborted) {
      await clock.sleep(maintainIntervalMs, signal)
      if (signal.aborted) return
      await this.#maintain(clock.nowMs(), false).catch(onProblem)
    }
  }
}

/**
 * The durable log of one machine, without a server: Kafka record batches in segment files, a small SQLite
 * database for what counts. Fails with `data_dir_locked`, `data_dir_version` or `log_corrupt`.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<FrontedLog> {
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  checkFormat(dir)
  const meta = openLocked(dir)
  try {
    const log = new EmbeddedLog({ ...EMBEDDED_DEFAULTS, ...options, dir }, meta)
    await log.open()
    return log
  } catch (error) {
    unlock(dir)
    meta.close()
    throw error
  }
}
