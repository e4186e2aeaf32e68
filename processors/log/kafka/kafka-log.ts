import {
  checkBatch,
  checkCommit,
  checkTopic,
  logClosed,
  mergeTopic,
  outOfRange,
} from '#/processors/log/topic-config.ts'
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
  ReadOptions,
  TopicConfig,
  TopicPartition,
} from '#/processors/log/port.ts'
import { Appender } from './appender.ts'
import { Cluster } from './cluster.ts'
import { loadCodec } from './compression.ts'
import { Fetcher } from './fetcher.ts'
import { GroupClient } from './group-client.ts'
import { createNames } from './names.ts'
import type { Names } from './names.ts'
import { Offsets } from './offsets.ts'
import type { KafkaLogOptions } from './options.ts'
import { Reader } from './reader.ts'
import { Topics } from './topics.ts'
import type { Transport } from './transport.ts'

/** The broker's own default. */
const REPLICATION_OF_BROKER = -1

/** The log on a Kafka cluster. Fails with `log_unavailable` when no broker answers. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  return openKafkaLogOver(await createTransport(options), options)
}

/** The same over connections of one's own: tests put faults between. */
export async function openKafkaLogOver(
  transport: Transport,
  options: KafkaLogOptions,
): Promise<Log> {
  const cluster = new Cluster(transport, options)
  await loadCodec(options.compression ?? 'none')
  try {
    await cluster.retry(() => cluster.refresh([]), { what: options.brokers.join(', ') })
  } catch (error) {
    await cluster.close()
    throw error
  }
  return new KafkaLog(cluster, options)
}

/** Only the chosen library is loaded. */
export async function createTransport(options: KafkaLogOptions): Promise<Transport> {
  if (options.client === 'kafkajs') {
    const { createKafkajsTransport } = await import('./transport-kafkajs.ts')
    return createKafkajsTransport(options)
  }
  const { createPlatformaticTransport } = await import('./transport-platformatic.ts')
  return createPlatformaticTransport(options)
}

class KafkaLog implements Log {
  readonly #cluster: Cluster
  readonly #names: Names
  readonly #topics: Topics
  readonly #appender: Appender
  readonly #offsets: Offsets
  readonly #reader: Reader
  readonly #groups: GroupClient
  readonly #closing = new AbortController()
  /** Topics that are known to be compacted: their records need a key. */
  readonly #compacted = new Set<string>()
  /** Appends on their way, which closing waits for. */
  readonly #appends = new Set<Promise<void>>()
  #closed: Promise<void> | undefined

  constructor(cluster: Cluster, options: KafkaLogOptions) {
    const fetcher = new Fetcher(cluster, options.clock)
    this.#cluster = cluster
    this.#names = createNames(options.prefix ?? '')
    this.#topics = new Topics(cluster, options.replicationFactor ?? REPLICATION_OF_BROKER)
    this.#appender = new Appender(cluster, options)
    this.#offsets = new Offsets(cluster, fetcher)
    this.#groups = new GroupClient(cluster, options)
    this.#reader = new Reader({
      cluster,
      fetcher,
      clock: options.clock,
      closing: this.#closing.signal,
      rangeOf: async (tp) => ({
        begin: await this.#offsets.begin(tp),
        end: await this.#offsets.end(tp),
      }),
    })
  }

  async createTopics(topics: readonly TopicConfig[]): Promise<void> {
    this.#checkOpen()
    for (const topic of topics) {
      checkTopic(topic)
      checkTopic({ ...topic, name: this.#names.out(topic.name) })
    }
    const merged = new Map<string, TopicConfig>()
    for (const topic of topics) merged.set(topic.name, mergeTopic(merged.get(topic.name), topic))
    await this.#topics.declare(
      [...merged.values()].map((topic) => ({ ...topic, name: this.#names.out(topic.name) })),
    )
    for (const { name, compacted } of merged.values()) {
      if (compacted) this.#compacted.add(name)
      else this.#compacted.delete(name)
    }
    await this.#groups.topicsChanged()
  }

  async topics(): Promise<readonly TopicConfig[]> {
    this.#checkOpen()
    const all = await this.#topics.list(null)
    return all.flatMap((topic) => {
      const name = this.#names.back(topic.name)
      return name === undefined ? [] : [{ ...topic, name }]
    })
  }

  append(batches: readonly ProducedBatch[]): Promise<readonly AppendResult[]> {
    const work = this.#append(batches)
    const quiet = work.then(
      () => undefined,
      () => undefined,
    )
    this.#appends.add(quiet)
    void quiet.then(() => this.#appends.delete(quiet))
    return work
  }

  async read(
    tp: TopicPartition,
    from: number,
    options: ReadOptions,
  ): Promise<readonly ConsumedRecord[]> {
    this.#checkOpen()
    return this.#reader.read(this.#out(tp), from, options)
  }

  async beginningOffset(tp: TopicPartition): Promise<number> {
    this.#checkOpen()
    return this.#offsets.begin(this.#out(tp))
  }

  async endOffset(tp: TopicPartition): Promise<number> {
    this.#checkOpen()
    return this.#offsets.end(this.#out(tp))
  }

  async offsetForTimestamp(tp: TopicPartition, timestampMs: number): Promise<number> {
    this.#checkOpen()
    return this.#offsets.forTimestamp(this.#out(tp), timestampMs)
  }

  async join(subscription: GroupSubscription): Promise<GroupMembership> {
    this.#checkOpen()
    const topics = subscription.topics.map((topic) => this.#names.out(topic))
    for (const topic of topics) await this.#cluster.leaders(topic)
    const handles = new Map<GroupMembership, GroupMembership>()
    const handle = (member: GroupMembership): GroupMembership => {
      let known = handles.get(member)
      if (known === undefined) handles.set(member, (known = this.#handle(member)))
      return known
    }
    const member = await this.#groups.join(
      this.#names.out(subscription.group),
      { topics },
      {
        onAssigned: (partitions, inner) =>
          subscription.onAssigned(this.#names.backAll(partitions), handle(inner)),
        onRevoked: (partitions) => subscription.onRevoked(this.#names.backAll(partitions)),
      },
    )
    return handle(member)
  }

  async commit({ membership, outputs, offsets }: CommitUnit): Promise<void> {
    this.#checkOpen()
    const inner = membership instanceof Membership ? membership.inner : membership
    const rest = this.#groups.claim(inner, this.#names.outAll(offsets))
    for (const offset of offsets) checkCommit(offset)
    await this.#checkBatches(outputs)
    await this.#groups.commit(rest, {
      outputs: this.#names.outAll(outputs),
      offsets: this.#names.outAll(offsets),
    })
  }

  async committed(group: string, tp: TopicPartition): Promise<CommittedOffset | undefined> {
    this.#checkOpen()
    const [found] = await this.#groups.committed(this.#names.out(group), [this.#out(tp)])
    return found && { offset: found.offset, metadata: found.metadata }
  }

  async resetOffsets(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#checkOpen()
    for (const commit of offsets) {
      checkCommit(commit)
      const [begin, end] = [await this.beginningOffset(commit), await this.endOffset(commit)]
      if (commit.offset < begin || commit.offset > end) {
        throw outOfRange(`${commit.topic}/${commit.partition}`, commit.offset, { begin, end })
      }
    }
    await this.#groups.reset(this.#names.out(group), this.#names.outAll(offsets))
  }

  async groups(): Promise<readonly string[]> {
    this.#checkOpen()
    return (await this.#groups.list()).flatMap((name) => this.#names.back(name) ?? [])
  }

  async lag(group: string): Promise<readonly PartitionLag[]> {
    this.#checkOpen()
    const offsets = await this.#groups.committed(this.#names.out(group), undefined)
    const sorted = this.#names
      .backAll(offsets)
      .toSorted((a, b) =>
        a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
      )
    return Promise.all(
      sorted.map(async ({ topic, partition, offset }) => ({
        topic,
        partition,
        committed: offset,
        end: await this.endOffset({ topic, partition }),
      })),
    )
  }

  /** The brokers do that on their own. */
  async maintain(): Promise<void> {
    this.#checkOpen()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#groups.close()
    await Promise.all(this.#appends)
    await this.#cluster.close()
  }

  async #append(batches: readonly ProducedBatch[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    const sizes = await this.#checkBatches(batches)
    const filled = batches.flatMap((batch, index) =>
      batch.records.length === 0 ? [] : [{ batch, bytes: sizes[index]! }],
    )
    const results = await this.#appender.append(
      this.#names.outAll(filled.map(({ batch }) => batch)),
      filled.map(({ bytes }) => bytes),
    )
    return this.#inOrder(batches, results)
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw logClosed()
  }

  #out({ topic, partition }: TopicPartition): TopicPartition {
    return { topic: this.#names.out(topic), partition }
  }

  /** Refuses what cannot be kept before anything is sent; gives upper bounds of the encoded bytes. */
  async #checkBatches(batches: readonly ProducedBatch[]): Promise<number[]> {
    const sizes: number[] = []
    for (const batch of batches) {
      await this.#cluster.checkPartition(this.#out(batch))
      sizes.push(checkBatch(batch, this.#compacted.has(batch.topic)))
    }
    return sizes
  }

  /** An empty batch lies where the next record of its partition will. */
  async #inOrder(
    batches: readonly ProducedBatch[],
    results: readonly AppendResult[],
  ): Promise<readonly AppendResult[]> {
    const left = [...results]
    const ends = new Map<string, number>()
    const ordered: AppendResult[] = []
    for (const { topic, partition, records } of batches) {
      const key = `${topic}/${partition}`
      if (records.length > 0) {
        const { baseOffset, count } = left.shift()!
        ends.set(key, baseOffset + count)
        ordered.push({ topic, partition, baseOffset, count })
      } else {
        const baseOffset =
          ends.get(key) ?? (await this.#offsets.end(this.#out({ topic, partition })))
        ordered.push({ topic, partition, baseOffset, count: 0 })
      }
    }
    return ordered
  }

  #handle(member: GroupMembership): Membership {
    return new Membership(member, this.#names)
  }
}

/** A membership with our names for its topics and group. */
class Membership implements GroupMembership {
  readonly inner: GroupMembership
  readonly group: string
  readonly #names: Names

  constructor(inner: GroupMembership, names: Names) {
    this.inner = inner
    this.#names = names
    this.group = names.back(inner.group) ?? inner.group
  }

  get memberId(): string {
    return this.inner.memberId
  }

  assignment(): readonly TopicPartition[] {
    return this.#names.backAll(this.inner.assignment())
  }

  leave(): Promise<void> {
    return this.inner.leave()
  }
}
