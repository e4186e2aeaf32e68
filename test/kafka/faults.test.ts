/** Lost answers, a broker that dies, pauses and comes back: nothing lost, nothing twice, memory bounded. */
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import { startBroker } from './broker.ts'
import type { RunningBroker } from './broker.ts'
import { lost } from './faulty-transport.ts'
import type { Faults } from './faulty-transport.ts'
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
import { kafkaAvailable, ownBrokerAvailable } from './shared.ts'

let logs: KafkaLogs | undefined
afterEach(() => logs?.close())

const WRITES = new Set([
  'Produce',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'InitProducerId',
  'OffsetCommit',
])

/** Loses one in `of` requests or answers that write something. */
function lossy(seed: number, of: number): Faults & { losses: number } {
  const random = createSeededRandom(seed)
  const faults = {
    losses: 0,
    before: (request: Parameters<typeof lost>[0]): Promise<void> => lose(request),
    after: (request: Parameters<typeof lost>[0]): Promise<void> => lose(request),
  }
  const lose = async (request: Parameters<typeof lost>[0]): Promise<void> => {
    if (!WRITES.has(request.apiName) || random.int(of) > 0) return
    faults.losses++
    throw lost(request)
  }
  return faults
}

function range(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index))
}

describe.skipIf(!kafkaAvailable())('lost requests and answers', () => {
  it.each(KAFKA_CLIENTS)(
    '[LG101] by %s: appends sent again are there once, in order',
    async (client) => {
      logs = new KafkaLogs(client)
      const faults = lossy(1, 6)
      const log = await logs.open({}, faults)
      await createCopyTopics(log)
      const results = []
      for (let from = 0; from < 300; from += 3)
        results.push(...(await log.append([{ ...IN, records: numbered(from, 3) }])))
      expect(faults.losses).toBeGreaterThan(10)
      expect(await valuesOf(log, IN)).toEqual(range(300))
      expect(results.map(({ baseOffset }) => baseOffset)).toEqual(
        range(100).map((n) => Number(n) * 3),
      )
    },
  )

  it.each(KAFKA_CLIENTS)(
    '[LG101] by %s: commits whose answers are lost count once',
    async (client) => {
      logs = new KafkaLogs(client)
      const faults = lossy(2, 12)
      const [log, calm] = [await logs.open({}, faults), await logs.open()]
      await createCopyTopics(calm)
      await calm.append([{ ...IN, records: numbered(0, 90) }])
      const copier = new Copier(log, 'copier')
      await copier.start()
      await until('the copy', async () => (await calm.committed('copy', IN))?.offset === 90)
      expect(faults.losses).toBeGreaterThan(5)
      expect(await valuesOf(calm, OUT)).toEqual(range(90))
      expect(copier.refusals).toEqual([])
    },
  )

  it('[LG101] an end that arrives late does not end the transaction after the one it was for', async () => {
    logs = new KafkaLogs('platformatic')
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    let [ends, offsets] = [0, 0]
    const faults: Faults = {
      late: ({ apiName }) => (apiName === 'EndTxn' && ++ends === 1 ? released : undefined),
      async before({ apiName }) {
        if (apiName !== 'TxnOffsetCommit' || ++offsets !== 2) return
        release()
        // The broker has it long before this is over.
        await systemClock.sleep(300)
      },
    }
    const [log, calm] = [await logs.open({}, faults), await logs.open()]
    await createCopyTopics(calm)
    await calm.append([{ ...IN, records: numbered(0, 30) }])
    const copier = new Copier(log, 'copier')
    await copier.start()
    await until('the copy', async () => (await calm.committed('copy', IN))?.offset === 30)
    expect(offsets).toBeGreaterThan(2)
    expect(await valuesOf(calm, OUT)).toEqual(range(30))
    expect(copier.refusals).toEqual([])
  })

  it('[LG101] a coordinator that loads has not made a commit visible yet: it is asked again', async () => {
    logs = new KafkaLogs('platformatic')
    let [asked, ends] = [0, 0]
    const faults: Faults = {
      instead({ apiName }) {
        if (apiName === 'EndTxn') ends += 1
        // Whoever takes over asks too, before anything is committed.
        if (apiName !== 'DescribeTransactions' || ends === 0) return undefined
        return ++asked <= 3 ? stateUnknown(14) : undefined
      },
    }
    const log = await logs.open({}, faults)
    await createCopyTopics(log)
    await log.append([{ ...IN, records: numbered(0, 1) }])
    const copier = new Copier(log, 'copier')
    await copier.start()
    await until('the question', async () => asked > 3)
    expect((await log.committed('copy', IN))?.offset).toBe(1)
    expect(copier.refusals).toEqual([])
  })
})

/** DescribeTransactions, version 0: one transaction whose coordinator answers with an error. */
function stateUnknown(code: number): Buffer {
  const error = Buffer.alloc(2)
  error.writeInt16BE(code)
  const [throttle, emptyText, emptyList, tags] = [Buffer.alloc(4), [1], [1], [0]]
  const numbers = Buffer.alloc(4 + 8 + 8 + 2)
  const one = [error, emptyText, emptyText, numbers, emptyList, tags].map((part) =>
    Buffer.from(part),
  )
  return Buffer.concat([throttle, Buffer.from([2]), ...one, Buffer.from(tags)])
}

describe.skipIf(!ownBrokerAvailable())('a broker that is away', () => {
  let broker: RunningBroker
  beforeAll(async () => {
    // Compacts as soon as it can.
    broker = await startBroker({ properties: { 'log.cleaner.backoff.ms': 200 } })
  })
  afterAll(() => broker.stop())

  it.each(KAFKA_CLIENTS)(
    '[LG102] by %s: work waits or says so, and goes on by itself',
    async (client) => {
      logs = new KafkaLogs(client, { brokers: broker.brokers })
      const log = await logs.open({ deliveryMsMax: 1500, pendingBytesMax: 50_000 })
      await createCopyTopics(log)
      const copier = new Copier(log, 'copier')
      await copier.start()
      await log.append([{ ...IN, records: numbered(0, 10) }])
      await until('the first', async () => (await log.committed('copy', IN))?.offset === 10)
      await broker.kill()
      // What may wait is bounded, and what waited too long is refused.
      const filler = { key: null, value: Buffer.alloc(10_000), timestampMs: 1 }
      const work = Array.from({ length: 20 }, () => log.append([{ ...OUT, records: [filler] }]))
      const outcomes = await Promise.allSettled(work)
      const codes = outcomes.map((one) =>
        one.status === 'rejected' ? (one.reason as { code: string }).code : 'ok',
      )
      expect(new Set(codes)).toEqual(new Set(['log_unavailable', 'overloaded']))
      await expectCode('log_unavailable', log.endOffset(IN))
      await broker.restart()
      await until('the broker', async () =>
        log.append([{ ...IN, records: numbered(10, 10) }]).then(
          () => true,
          () => false,
        ),
      )
      await until('the rest', async () => (await log.committed('copy', IN))?.offset === 20)
      const copy = (await valuesOf(log, OUT)).filter((text) => text.length < 5)
      expect(copy).toEqual(range(20))
    },
  )

  it('[LG102] a pause longer than the session only delays', async () => {
    logs = new KafkaLogs('platformatic', { brokers: broker.brokers })
    const log = await logs.open({ deliveryMsMax: 30_000 })
    await createCopyTopics(log)
    const copier = new Copier(log, 'copier')
    await copier.start()
    broker.pause()
    const waiting = log.append([{ ...IN, records: numbered(0, 10) }])
    await systemClock.sleep(2500)
    broker.resume()
    await waiting
    await until('the copy', async () => (await log.committed('copy', IN))?.offset === 10)
    expect(await valuesOf(log, OUT)).toEqual(range(10))
  })

  it('[LG109] what the broker compacts is passed over, and the end stays', async () => {
    logs = new KafkaLogs('platformatic', { brokers: broker.brokers })
    const log = await logs.open()
    const unlimited = { retentionMs: Infinity, retentionBytes: Infinity }
    await log.createTopics([{ name: 'table', partitions: 1, compacted: true, ...unlimited }])
    await quickCompaction(broker, `${logs.prefix}table`)
    const table = { topic: 'table', partition: 0 }
    const values: string[] = []
    await until('compaction', async () => {
      const key = Buffer.from(`k${values.length % 3}`)
      values.push(`v${values.length}`)
      const record = { key, value: Buffer.from(values.at(-1)!), timestampMs: systemClock.nowMs() }
      await log.append([{ ...table, records: [record] }])
      await systemClock.sleep(50)
      return (await valuesOf(log, table)).length < values.length
    })
    const left = await valuesOf(log, table)
    expect(left.slice(-3)).toEqual(values.slice(-3))
    expect(await log.endOffset(table)).toBe(values.length)
    const [first] = await log.read(table, 0, { bytesMax: 1, waitMs: 0 })
    expect(first?.offset).toBeGreaterThan(0)
    await expectCode(
      'offset_out_of_range',
      log.read(table, values.length + 1, { bytesMax: 1, waitMs: 0 }),
    )
  })
})

/** Segments of a moment, cleaned at once. */
async function quickCompaction(broker: RunningBroker, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'segment.ms', value: '100' },
    { name: 'min.cleanable.dirty.ratio', value: '0.01' },
  ]
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
}
