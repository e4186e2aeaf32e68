/** The broker of the tests itself: what it holds survives its death, and Kafka's own tools see it. */
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { startBroker } from './broker.ts'
import { runJava } from './java.ts'
import { answersKafka } from './ports.ts'
import { ownBrokerAvailable } from './shared.ts'

describe.skipIf(!ownBrokerAvailable())('a broker of our own', () => {
  it('keeps acknowledged records and committed offsets over kill -9; a pause only delays', async () => {
    await using broker = await startBroker()
    const kafka = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({
      topics: [{ topic: 'words', numPartitions: 2 }],
      waitForLeaders: true,
    })
    const producer = kafka.producer({ createPartitioner: () => () => 1 })
    await producer.connect()
    await producer.send({ topic: 'words', messages: [{ value: 'one' }, { value: 'two' }] })
    await admin.setOffsets({
      groupId: 'readers',
      topic: 'words',
      partitions: [{ partition: 1, offset: '1' }],
    })
    const before = broker.pid
    await broker.kill()
    expect(broker.pid).toBeUndefined()
    expect(await answersKafka(broker.port)).toBe(false)
    await broker.restart()
    expect(broker.pid).not.toBe(before)
    expect(await admin.fetchTopicOffsets('words')).toContainEqual(
      expect.objectContaining({ partition: 1, high: '2' }),
    )

    broker.pause()
    const sent = producer.send({ topic: 'words', messages: [{ value: 'three' }] })
    await systemClock.sleep(300)
    broker.resume()
    await sent

    const told = await runJava('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
      '--bootstrap-server',
      broker.brokers.join(','),
      '--describe',
      '--group',
      'readers',
    ])
    // Group, topic, partition, committed offset, end offset, lag.
    expect(told.stdout).toMatch(/readers\s+words\s+1\s+1\s+3\s+2/)
    await producer.disconnect()
    await admin.disconnect()
  })

  it('a setting that Kafka refuses is told with what Kafka says', async () => {
    await expect(startBroker({ properties: { 'process.roles': 'juggler' } })).rejects.toThrow(
      /juggler/,
    )
  })
})
