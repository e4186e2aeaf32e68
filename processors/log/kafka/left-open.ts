import type { TopicPartition } from '#/processors/log/port.ts'
import { DESCRIBE_PRODUCERS } from './api-txn.ts'
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
  /** Of the topics that are ours. */
  prefix: string
  lane: string
}

const OFFSETS_TOPIC = '__consumer_offsets'

/**
 * A broker that ends while it closes a transaction may afterwards call it complete with markers missing (Kafka 4.4.0,
 * one node; seen after orderly stops and after kills). On those partitions it stays open: nobody reads beyond it,
 * offsets are refused as unstable, and the marker of the producer's next transaction decides about it as well, which
 * may be the other way round.
 */
export async function leftOpenBy(cluster: Cluster, options: LeftOpenOptions): Promise<LeftOpen> {
  const { producerId, group, prefix, lane } = options
  const { topics } = await cluster.refresh(null)
  const byLeader = new Map<number, TopicPartition[]>()
  for (const { name: topic, leaders } of topics) {
    if (topic !== OFFSETS_TOPIC && !topic.startsWith(prefix)) continue
    const ofGroup = topic === OFFSETS_TOPIC ? offsetsPartition(group, leaders.length) : undefined
    for (const [partition, leader] of leaders.entries())
      if (ofGroup === undefined || ofGroup === partition)
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), { topic, partition }])
  }
  const answers = [...byLeader].map(async ([leader, partitions]) =>
    (await cluster.supports(leader, DESCRIBE_PRODUCERS, lane))
      ? cluster.send(leader, DESCRIBE_PRODUCERS, partitions, { lane })
      : [],
  )
  const open = (await Promise.all(answers)).flat().filter((one) => one.open.includes(producerId))
  return {
    partitions: open.flatMap(({ topic, partition }) =>
      topic === OFFSETS_TOPIC ? [] : { topic, partition },
    ),
    hasOffsets: open.some(({ topic }) => topic === OFFSETS_TOPIC),
  }
}

/** Where a group's offsets are: Java's hash of its name. */
function offsetsPartition(group: string, partitions: number): number {
  let hash = 0
  for (let index = 0; index < group.length; index += 1)
    hash = (Math.imul(hash, 31) + group.charCodeAt(index)) | 0
  return partitions === 0 ? 0 : (hash & 0x7fffffff) % partitions
}
