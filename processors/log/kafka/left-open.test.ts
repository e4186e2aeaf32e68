import { describe, expect, it } from 'vitest'
import type { TopicPartition } from '#/processors/log/port.ts'
import { CODE } from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { OpenTransactions } from './left-open.ts'

interface Answer extends TopicPartition {
  error: number
  open: number[]
}

/** Answers what it is told to, and counts how often it is asked. */
function brokerWith(answers: readonly Answer[]) {
  const asked: TopicPartition[][] = []
  const topics = [...new Set(answers.map(({ topic }) => topic))].map((name) => ({
    name,
    leaders: answers.filter(({ topic }) => topic === name).map(() => 1),
  }))
  const cluster = {
    refresh: async () => ({ topics }),
    supports: async () => true,
    send: async (_node: number, _api: unknown, partitions: TopicPartition[]) => {
      asked.push(partitions)
      return answers.filter((answer) =>
        partitions.some((tp) => tp.topic === answer.topic && tp.partition === answer.partition),
      )
    },
  }
  return { asked, open: new OpenTransactions(cluster as unknown as Cluster, 'fl.') }
}

const at = (topic: string, partition: number, over: Partial<Answer> = {}): Answer => ({
  topic,
  partition,
  error: CODE.none,
  open: [],
  ...over,
})

describe('what producers left open', () => {
  it('[LG114] fifty that ask at once share a look, and each learns its own', async () => {
    const partitions = Array.from({ length: 50 }, (_, id) => at('fl.events', id, { open: [id] }))
    const { asked, open } = brokerWith([...partitions, at('other', 0, { open: [3] })])
    const found = await Promise.all(
      partitions.map(({ partition }) => open.leftBy({ producerId: partition, group: 'g' })),
    )
    expect(asked).toHaveLength(1)
    expect(asked[0]).toHaveLength(50)
    expect(found.map(({ partitions: left }) => left)).toEqual(
      partitions.map(({ partition }) => [{ topic: 'fl.events', partition }]),
    )
  })

  it('[LG114] a look begins after who asked for it', async () => {
    const answers = [at('fl.events', 0)]
    const { asked, open } = brokerWith(answers)
    const first = open.leftBy({ producerId: 7, group: 'g' })
    while (asked.length === 0) await Promise.resolve()
    answers[0] = at('fl.events', 0, { open: [7] })
    const second = await open.leftBy({ producerId: 7, group: 'g' })
    await first
    expect(second.partitions).toEqual([{ topic: 'fl.events', partition: 0 }])
  })

  it('[LG114] a partition that cannot be looked at yet is no answer', async () => {
    const { open } = brokerWith([at('fl.events', 0, { error: CODE.notLeader })])
    await expect(open.leftBy({ producerId: 7, group: 'g' })).rejects.toThrow(/DescribeProducers/)
  })

  it('one that was deleted, and offsets of another group, do not matter', async () => {
    // Java's hash of "g" is 103.
    const offsets = [0, 1].map((partition) => at('__consumer_offsets', partition, { open: [7] }))
    offsets[0] = at('__consumer_offsets', 0, { error: CODE.notLeader })
    const gone = at('fl.gone', 0, { error: CODE.unknownTopicOrPartition })
    const { open } = brokerWith([...offsets, gone])
    expect(await open.leftBy({ producerId: 7, group: 'g' })).toEqual({
      partitions: [],
      hasOffsets: true,
    })
    expect((await open.leftBy({ producerId: 8, group: 'g' })).hasOffsets).toBe(false)
  })

  it('[LG114] finds the offsets of a group whose hash is negative where Kafka has them', async () => {
    const offsets = (over: Record<number, Partial<Answer>>): Answer[] =>
      Array.from({ length: 50 }, (_, partition) =>
        at('__consumer_offsets', partition, over[partition]),
      )
    // Java's hash of "outage-detect" is -1766379265, and Kafka takes its absolute value.
    const who = { producerId: 7, group: 'outage-detect' }
    const left = brokerWith(offsets({ 15: { open: [7] }, 33: { error: CODE.notLeader } }))
    expect((await left.open.leftBy(who)).hasOffsets).toBe(true)
    const away = brokerWith(offsets({ 15: { error: CODE.notLeader } }))
    await expect(away.open.leftBy(who)).rejects.toThrow(/DescribeProducers/)
  })
})
