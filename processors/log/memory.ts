import type { Clock } from '#/kernel/clock.ts'
import { createGroups } from './groups.ts'
import type { Groups } from './groups.ts'
import { createOffsetTable } from './offset-table.ts'
import type { OffsetTable } from './offset-table.ts'
import type {
  AppendResult,
  CommitUnit,
  CommittedOffset,
  ConsumedRecord,
  GroupMembership,
  GroupSubscription,
  Log,
  OffsetCommit,
  PartitionLag,
  ProducedBatch,
  ProducedRecord,
  ReadOptions,
  TopicConfig,
  TopicPartition,
} from './port.ts'
import {
  checkBatch,
  checkCommit,
  checkTopic,
  logClosed,
  mergeTopic,
  outOfRange,
  unknownTopic,
} from './topic-config.ts'
import { createWaiters, createWaitList } from './waiters.ts'
import type { WaitList, Waiters } from './waiters.ts'

export interface MemoryLogOptions {
  clock: Clock
  /** How long a member may drain its partitions before it is fenced. */
  drainMsMax?: number
  /** A callback of a member failed or did not drain in time. */
  onProblem?: (error: unknown) => void
}

interface MemoryPartition extends WaitList {
  tp: TopicPartition
  /** Ascending offsets from `begin` on; holes only where compaction made them. */
  records: ConsumedRecord[]
  begin: number
  end: number
}

const DRAIN_MS_MAX = 30_000
/** As Kafka: how long a tombstone stays, so that slow readers see it. */
const TOMBSTONE_KEPT_MS = 86_400_000
// What a record costs besides its key and value; only retention by size uses it.
const RECORD_OVERHEAD_BYTES = 16

function copyOf(record: ProducedRecord, offset: number): ConsumedRecord {
  const headers = record.headers && Object.entries(record.headers)
  return {
    offset,
    timestampMs: record.timestampMs,
    key: record.key && Buffer.from(record.key),
    value: record.value && Buffer.from(record.value),
    headers:
      headers === undefined || headers.length === 0
        ? undefined
        : Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value)])),
  }
}

function sizeOf(record: ConsumedRecord): number {
  return RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
}

/** The index of the first record at or after `offset`. */
function indexOf(records: readonly ConsumedRecord[], offset: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}

function take(
  partition: MemoryPartition,
  from: number,
  bytesMax: number,
): readonly ConsumedRecord[] {
  const start = indexOf(partition.records, from)
  let bytes = 0
  let index = start
  for (; index < partition.records.length; index++) {
    bytes += sizeOf(partition.records[index]!)
    if (bytes > bytesMax && index > start) break
  }
  return partition.records.slice(start, index)
}

function retain(partition: MemoryPartition, topic: TopicConfig, nowMs: number): void {
  const { records } = partition
  let bytes = 0
  for (const record of records) bytes += sizeOf(record)
  let drop = 0
  for (; drop < records.length; drop++) {
    const record = records[drop]!
    const isOld = record.timestampMs < nowMs - topic.retentionMs
    if (!isOld && bytes <= topic.retentionBytes) break
    bytes -= sizeOf(record)
  }
  if (drop === 0) return
  partition.records = records.slice(drop)
  partition.begin = partition.records[0]?.offset ?? partition.end
}

function compact(partition: MemoryPartition, nowMs: number): void {
  const lastOf = new Map<string, number>()
  for (const { key, offset } of partition.records)
    lastOf.set(String(key?.toString('latin1')), offset)
  partition.records = partition.records.filter((record) => {
    // The last record stays, so that a read below the end is never empty.
    if (record.offset === partition.end - 1) return true
    if (lastOf.get(String(record.key?.toString('latin1'))) !== record.offset) return false
    return record.value !== null || record.timestampMs >= nowMs - TOMBSTONE_KEPT_MS
  })
}

/** The log in memory: for tests and simulation. Nothing survives it, nothing runs on its own. */
class MemoryLog implements Log {
  readonly #configs = new Map<string, TopicConfig>()
  readonly #partitions = new Map<string, MemoryPartition[]>()
  readonly #offsets: OffsetTable = createOffsetTable()
  readonly #waiters: Waiters
  readonly #groups: Groups
  #isClosed = false

  constructor(options: MemoryLogOptions) {
    this.#waiters = createWaiters(options.clock)
    this.#groups = createGroups({
      clock: options.clock,
      drainMsMax: options.drainMsMax ?? DRAIN_MS_MAX,
      partitionCount: (topic) => this.#partitions.get(topic)?.length,
      settled: async () => undefined,
      onProblem: options.onProblem ?? ((): void => undefined),
    })
  }

  async createTopics(topics: readonly TopicConfig[]): Promise<void> {
    this.#checkOpen()
    for (const topic of topics) checkTopic(topic)
    let grew = false
    for (const wanted of topics) {
      const topic = mergeTopic(this.#configs.get(wanted.name), wanted)
      const partitions = this.#partitions.get(topic.name) ?? []
      grew ||= partitions.length < topic.partitions
      for (let partition = partitions.length; partition < topic.partitions; partition++) {
        const tp = { topic: topic.name, partition }
        partitions.push({ tp, records: [], begin: 0, end: 0, ...createWaitList() })
      }
      this.#configs.set(topic.name, topic)
      this.#partitions.set(topic.name, partitions)
    }
    if (grew) await this.#groups.topicsChanged()
  }

  async topics(): Promise<readonly TopicConfig[]> {
    return [...this.#configs.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async append(batches: readonly ProducedBatch[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    this.#checkBatches(batches)
    return this.#store(batches)
  }

  async read(
    tp: TopicPartition,
    from: number,
    { bytesMax, waitMs, signal }: ReadOptions,
  ): Promise<readonly ConsumedRecord[]> {
    this.#checkOpen()
    const partition = this.#partition(tp)
    for (let isWoken = true; isWoken;) {
      if (from < partition.begin || from > partition.end) {
        const range = { begin: partition.begin, end: partition.end }
        throw outOfRange(`${tp.topic}/${tp.partition}`, from, range)
      }
      if (from < partition.end || waitMs <= 0) break
      isWoken = await this.#waiters.wait(partition, { waitMs, signal })
    }
    return take(partition, from, bytesMax)
  }

  async beginningOffset(tp: TopicPartition): Promise<number> {
    return this.#partition(tp).begin
  }

  async endOffset(tp: TopicPartition): Promise<number> {
    return this.#partition(tp).end
  }

  async offsetForTimestamp(tp: TopicPartition, timestampMs: number): Promise<number> {
    const partition = this.#partition(tp)
    const found = partition.records.find((record) => record.timestampMs >= timestampMs)
    return found?.offset ?? partition.end
  }

  async join(subscription: GroupSubscription): Promise<GroupMembership> {
    this.#checkOpen()
    for (const topic of subscription.topics)
      if (!this.#configs.has(topic)) throw unknownTopic(topic)
    return this.#groups.join(subscription)
  }

  async commit({ membership, outputs, offsets }: CommitUnit): Promise<void> {
    this.#checkOpen()
    this.#groups.claim(membership, offsets)
    for (const offset of offsets) checkCommit(offset)
    this.#checkBatches(outputs)
    this.#store(outputs)
    for (const offset of offsets) this.#offsets.set(membership.group, offset)
  }

  async committed(group: string, tp: TopicPartition): Promise<CommittedOffset | undefined> {
    this.#partition(tp)
    return this.#offsets.get(group, tp)
  }

  async resetOffsets(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#checkOpen()
    for (const commit of offsets) {
      checkCommit(commit)
      const { begin, end } = this.#partition(commit)
      if (commit.offset < begin || commit.offset > end) {
        throw outOfRange(`${commit.topic}/${commit.partition}`, commit.offset, { begin, end })
      }
    }
    await this.#groups.reset(group, offsets, async () => {
      for (const commit of offsets) this.#offsets.set(group, commit)
    })
  }

  async groups(): Promise<readonly string[]> {
    return [...new Set([...this.#offsets.groups(), ...this.#groups.names()])].toSorted()
  }

  async lag(group: string): Promise<readonly PartitionLag[]> {
    return this.#offsets.list(group).map(({ topic, partition, offset }) => ({
      topic,
      partition,
      committed: offset,
      end: this.#partition({ topic, partition }).end,
    }))
  }

  async maintain(nowMs: number): Promise<void> {
    this.#checkOpen()
    for (const topic of this.#configs.values()) {
      for (const partition of this.#partitions.get(topic.name) ?? []) {
        if (topic.compacted) compact(partition, nowMs)
        retain(partition, topic, nowMs)
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#groups.close()
    this.#waiters.close()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw logClosed()
  }

  #partition({ topic, partition }: TopicPartition): MemoryPartition {
    const found = this.#partitions.get(topic)?.[partition]
    if (found === undefined) throw unknownTopic(topic, partition)
    return found
  }

  #checkBatches(batches: readonly ProducedBatch[]): void {
    for (const batch of batches) {
      this.#partition(batch)
      checkBatch(batch, this.#configs.get(batch.topic)?.compacted ?? false)
    }
  }

  #store(batches: readonly ProducedBatch[]): readonly AppendResult[] {
    const results = batches.map((batch) => {
      const partition = this.#partition(batch)
      const baseOffset = partition.end
      for (const record of batch.records) partition.records.push(copyOf(record, partition.end++))
      return { ...partition.tp, baseOffset, count: batch.records.length }
    })
    for (const batch of batches) this.#waiters.wake(this.#partition(batch))
    return results
  }
}

export function createMemoryLog(options: MemoryLogOptions): Log {
  return new MemoryLog(options)
}
