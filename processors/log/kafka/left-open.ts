import type { TopicPartition } from '#/processors/log/port.ts'
import { DESCRIBE_PRODUCERS } from './api-txn.ts'
import { BrokerError, CODE } from './broker-error.ts'
import type { Cluster } from './cluster.ts'

/** What a producer has open although its coordinator knows of nothing. */
export interface LeftOpen {
  partitions: readonly TopicPartition[]
  /** Offsets of the group, which are added to a transaction by the group's name. */
  hasOffsets: boolean
}

export interface LeftOpenOptions {
  producerId: number
  group: string
}

interface OpenPartition extends TopicPartition {
  /** The broker's code: what it knows of the partition, or why it does not tell. */
  error: number
  /** Ids of the producers with a transaction open on it. */
  open: readonly number[]
}

const OFFSETS_TOPIC = '__consumer_offsets'
const LANE = { lane: 'main' }

/**
 * A broker that ends while it closes a transaction may afterwards call it complete with markers missing (Kafka 4.4.0,
 * one node; seen after orderly stops and after kills). On those partitions it stays open: nobody reads beyond it,
 * offsets are refused as unstable, and the marker of the producer's next transaction decides about it as well, which
 * may be the other way round.
 *
 * One answer holds all producers, and after a restart all of them ask: who asks while a look is on its way shares the
 * next one, which begins later than any of their requests.
 */
export class OpenTransactions {
  readonly #cluster: Cluster
  readonly #prefix: string
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<readonly OpenPartition[]> | undefined

  /** @param prefix - Of the topics that are ours. */
  constructor(cluster: Cluster, prefix: string) {
    this.#cluster = cluster
    this.#prefix = prefix
  }

  /** As of now. Fails with a passing `BrokerError` while a partition that matters cannot be looked at. */
  async leftBy({ producerId, group }: LeftOpenOptions): Promise<LeftOpen> {
    const all = await this.#look()
    const offsetsCount = all.filter(({ topic }) => topic === OFFSETS_TOPIC).length
    const ofGroup = offsetsPartition(group, offsetsCount)
    const own = all.filter((one) => one.topic !== OFFSETS_TOPIC || one.partition === ofGroup)
    for (const { error } of own) {
      // One that was deleted, or that may not be looked at, is as if there were none.
      const failure = new BrokerError(DESCRIBE_PRODUCERS.name, error)
      if (failure.isPassing) throw failure
    }
    // A producer is of one group: wherever it has offsets open, they are those of that.
    const open = all.filter((one) => one.open.includes(producerId))
    return {
      partitions: open.flatMap(({ topic, partition }) =>
        topic === OFFSETS_TOPIC ? [] : { topic, partition },
      ),
      hasOffsets: open.some(({ topic }) => topic === OFFSETS_TOPIC),
    }
  }

  #look(): Promise<readonly OpenPartition[]> {
    this.#next ??= this.#running.then(() => {
      const look = this.#ask()
      this.#running = look.catch(() => undefined)
      this.#next = undefined
      return look
    })
    return this.#next
  }

  async #ask(): Promise<readonly OpenPartition[]> {
    const { topics } = await this.#cluster.refresh(null)
    const byLeader = new Map<number, TopicPartition[]>()
    for (const { name: topic, leaders } of topics) {
      if (topic !== OFFSETS_TOPIC && !topic.startsWith(this.#prefix)) continue
      for (const [partition, leader] of leaders.entries())
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), { topic, partition }])
    }
    const answers = [...byLeader].map(([leader, partitions]) => this.#askLeader(leader, partitions))
    return (await Promise.all(answers)).flat()
  }

  async #askLeader(
    leader: number,
    partitions: readonly TopicPartition[],
  ): Promise<readonly OpenPartition[]> {
    const all = (error: number): OpenPartition[] =>
      partitions.map((tp) => ({ ...tp, error, open: [] }))
    if (leader < 0) return all(CODE.leaderNotAvailable)
    if (!(await this.#cluster.supports(leader, DESCRIBE_PRODUCERS, LANE.lane)))
      return all(CODE.none)
    return this.#cluster.send(leader, DESCRIBE_PRODUCERS, partitions, LANE)
  }
}

/** Where a group's offsets are: the absolute value of Java's hash of its name, as Kafka's group coordinator takes it. */
function offsetsPartition(group: string, partitions: number): number {
  let hash = 0
  for (let index = 0; index < group.length; index += 1)
    hash = (Math.imul(hash, 31) + group.charCodeAt(index)) | 0
  return partitions === 0 ? 0 : Math.abs(hash) % partitions
}
