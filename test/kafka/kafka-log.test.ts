/** What the log makes of a broker: markers, other producers' batches, settings of topics. */
import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { compatibilityPartitioner, Producer } from '@platformatic/kafka'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { COMPRESSIONS, KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import type { Log } from '#/processors/log/port.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import { systemRandom } from '#/kernel/random.ts'
import { Freezer } from './faulty-transport.ts'
import {
  Copier,
  createCopyTopics,
  IN,
  KafkaLogs,
  numbered,
  OUT,
  until,
  valuesOf,
} from './kafka-kit.ts'
import { kafkaAvailable, sharedKafka } from './shared.ts'

let logs: KafkaLogs | undefined
afterEach(() => logs?.close())

async function copyAll(log: Log, count: number): Promise<Copier> {
  const copier = new Copier(log, 'copier')
  await copier.start()
  await until('the copy', async () => (await log.committed('copy', IN))?.offset === count)
  return copier
}

describe.skipIf(!kafkaAvailable())('the log on Kafka', () => {
  it.each(KAFKA_CLIENTS)(
    '[LG103] by %s: markers are never seen: ends, lag and reads are of records',
    async (client) => {
      logs = new KafkaLogs(client)
      const log = await logs.open()
      await createCopyTopics(log)
      await log.append([{ ...IN, records: numbered(0, 10) }])
      await copyAll(log, 10)
      const records = await log.read(OUT, 0, { bytesMax: 1 << 20, waitMs: 0 })
      const last = records.at(-1)?.offset ?? -1
      // Four transactions of up to three records: markers lie between, and one behind the last.
      expect(last).toBeGreaterThan(9)
      const admin = adminClient()
      await admin.connect()
      const [broker] = await admin.fetchTopicOffsets(`${logs.prefix}out`)
      await admin.disconnect()
      expect(Number(broker?.high)).toBe(last + 2)
      expect(await log.endOffset(OUT)).toBe(last + 1)
      expect(await log.read(OUT, last + 1, { bytesMax: 100, waitMs: 50 })).toEqual([])
      // Who has read everything has no lag.
      const { membership } = await reader(log, 'out', last + 1)
      expect(await log.lag('reader')).toEqual([{ ...OUT, committed: last + 1, end: last + 1 }])
      await membership.leave()
    },
  )

  it('[LG103] what is not committed is not seen, and does not count', async () => {
    logs = new KafkaLogs('platformatic')
    const freezer = new Freezer()
    const [log, other] = [await logs.open({}, freezer), await logs.open()]
    await createCopyTopics(other)
    await other.append([{ ...IN, records: numbered(0, 3) }])
    const caught = freezer.freezeAt('EndTxn', 'before')
    void new Copier(log, 'copier').start()
    await caught
    expect(await other.endOffset(OUT)).toBe(0)
    expect(await other.read(OUT, 0, { bytesMax: 100, waitMs: 100 })).toEqual([])
    freezer.thaw()
    await until('the commit', async () => (await other.endOffset(OUT)) === 3)
  })

  it.each(KAFKA_CLIENTS)('[LG104] by %s: every compression is written and read', async (client) => {
    logs = new KafkaLogs(client)
    const plain = await logs.open()
    await createCopyTopics(plain)
    for (const [index, compression] of COMPRESSIONS.entries()) {
      const log = await logs.open({ compression })
      await log.append([{ ...IN, records: numbered(index * 100, 100) }])
    }
    expect(await valuesOf(plain, IN)).toEqual(
      Array.from({ length: 500 }, (_, index) => String(index)),
    )
  })

  it('[LG105] records of other producers are read, at the partition of their key', async () => {
    logs = new KafkaLogs('kafkajs')
    const log = await logs.open()
    await createCopyTopics(log, 3)
    const topic = `${logs.prefix}in`
    const kafka = new Kafka({ brokers: sharedKafka().brokers, logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    await producer.connect()
    const messages = [{ key: 'checkout', value: 'by kafkajs', headers: { trace: 'a1' } }]
    await producer.send({ topic, messages, compression: CompressionTypes.GZIP })
    await producer.disconnect()
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const other = new Producer({
        clientId: 'other',
        bootstrapBrokers: sharedKafka().brokers,
        compression,
        // Its default is not the Java client's.
        partitioner: compatibilityPartitioner,
      })
      const [key, value] = [Buffer.from('checkout'), Buffer.from(compression)]
      await other.send({ messages: [{ topic, key, value }] })
      await other.close()
    }
    const tp = { topic: 'in', partition: partitionOf(Buffer.from('checkout'), 3) }
    expect(await valuesOf(log, tp)).toEqual(['by kafkajs', 'gzip', 'snappy', 'lz4', 'zstd'])
    const [first] = await log.read(tp, 0, { bytesMax: 10, waitMs: 0 })
    expect(first?.headers?.['trace']?.toString()).toBe('a1')
  })

  it('[LG106] settings of topics reach the broker, are corrected, and partitions are added', async () => {
    logs = new KafkaLogs('platformatic')
    const log = await logs.open()
    const topic = {
      name: 'in',
      partitions: 1,
      retentionMs: 7 * 86_400_000,
      retentionBytes: Infinity,
      compacted: false,
    }
    await log.createTopics([topic])
    await settingsBecome(`${logs.prefix}in`, {
      'retention.ms': '604800000',
      'retention.bytes': '-1',
      'cleanup.policy': 'delete',
      // A quarter of the retention, at most a day: what is over its time goes soon.
      'segment.ms': '86400000',
    })
    await log.createTopics([{ ...topic, partitions: 4, retentionMs: 3_600_000 }])
    await settingsBecome(`${logs.prefix}in`, {
      'retention.ms': '3600000',
      'segment.ms': '900000',
    })
    await vi.waitFor(async () => expect((await log.topics())[0]?.partitions).toBe(4), 10_000)
  })

  it('[LG107] addresses that are none, and brokers that are not there, are told', async () => {
    const options = {
      client: 'platformatic',
      clientId: 'test',
      clock: systemClock,
      random: systemRandom,
    } as const
    for (const broker of ['nowhere', 'host:', ':9092', 'host:99999'])
      await expectCode('config_invalid', openKafkaLog({ ...options, brokers: [broker] }))
    const started = systemClock.monotonicMs()
    for (const client of KAFKA_CLIENTS) {
      const away = { ...options, client, brokers: ['127.0.0.1:1'], deliveryMsMax: 300 }
      await expectCode('log_unavailable', openKafkaLog(away))
    }
    expect(systemClock.monotonicMs() - started).toBeLessThan(5000)
  })
})

/** A broker applies what its controller decided a moment later. */
async function settingsBecome(topic: string, wanted: Record<string, string>): Promise<void> {
  await vi.waitFor(async () => expect(await settingsOf(topic)).toMatchObject(wanted), {
    timeout: 10_000,
    interval: 50,
  })
}

function adminClient() {
  return new Kafka({ brokers: sharedKafka().brokers, logLevel: logLevel.NOTHING }).admin()
}

async function settingsOf(topic: string): Promise<Record<string, string>> {
  const admin = adminClient()
  await admin.connect()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  })
  await admin.disconnect()
  const entries = resources[0]?.configEntries ?? []
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]))
}

async function reader(log: Log, topic: string, offset: number) {
  const membership = await log.join({
    group: 'reader',
    topics: [topic],
    onAssigned: async () => undefined,
    onRevoked: async () => undefined,
  })
  const offsets = [{ topic, partition: 0, offset, metadata: '' }]
  await log.commit({ membership, outputs: [], offsets })
  return { membership }
}
