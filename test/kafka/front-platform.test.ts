/** Kafka's clients and tools against `npm start`, without a broker. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { waitForEvents } from '#/test/e2e/platform.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { waitFor } from '#/test/e2e/processes.ts'
import {
  avroEvent,
  consumerGroups,
  createTopic,
  eventOf,
  hasJava,
  hasKcat,
  javaClient,
  kafkaClient,
  kcat,
  startFronted,
} from './front-clients.ts'

let platform: RunningPlatform
let brokers: string
let schemaId: number

beforeAll(async () => {
  ;({ platform, brokers } = await startFronted())
  const latest = new URL('/subjects/signals.raw.v1-value/versions/latest', platform.registryUrl)
  schemaId = ((await (await fetch(latest)).json()) as { id: number }).id
})

afterAll(async () => {
  await platform[Symbol.asyncDispose]()
})

async function sendEvents(ids: readonly string[]): Promise<void> {
  const producer = kafkaClient(brokers).producer({ idempotent: true })
  await producer.connect()
  const messages = ids.map((id) => avroEvent(eventOf(id, systemClock.nowMs()), schemaId))
  await producer.send({ topic: TOPICS.raw.name, messages })
  await producer.disconnect()
}

/** Values of a topic from its beginning, read by a group of kafkajs. */
async function consumeAll(topic: string, groupId: string, count: number): Promise<string[]> {
  const consumer = kafkaClient(brokers).consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const values: string[] = []
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(String(message.value)),
  })
  await waitFor(() => values.length >= count, { what: `${count} records`, withinMs: 30_000 })
  await consumer.disconnect()
  return values
}

describe('the platform over Kafka', () => {
  it('[B15] kafkajs produces and consumes in a group; its lag is the platform’s own truth', async () => {
    await createTopic(brokers, 'js')
    const producer = kafkaClient(brokers).producer()
    await producer.connect()
    const messages = Array.from({ length: 200 }, (_, index) => ({ value: `js-${index}` }))
    await producer.send({ topic: 'js', messages })
    await producer.disconnect()
    expect(new Set(await consumeAll('js', 'js-readers', 200)).size).toBe(200)
    const admin = kafkaClient(brokers).admin()
    await admin.connect()
    const [read] = await admin.fetchOffsets({ groupId: 'js-readers', topics: ['js'] })
    const sum = read!.partitions.reduce((total, { offset }) => total + Number(offset), 0)
    expect(sum).toBe(200)
    await admin.disconnect()
  })

  it('[A5] an event produced over Kafka appears like one that came over HTTP', async () => {
    await sendEvents(['4711'])
    const sent = { event_id: '4712', event_type: 'error', service: 'checkout', severity: 4 }
    const text = { message: 'payment 4712 timed out', error_type: 'TimeoutError' }
    expect((await platform.post({ ...sent, ...text })).status).toBe(202)
    await waitForEvents(platform, 2)
    const rows = await platform.clickhouse<Record<string, string>>(
      "SELECT event_id, fingerprint, title, service, severity FROM events WHERE event_id IN ('4711', '4712') ORDER BY event_id",
    )
    const [kafka, http] = rows
    expect(rows).toHaveLength(2)
    expect({ ...kafka, event_id: '' }).toEqual({ ...http, event_id: '' })
    expect(kafka!['fingerprint']).not.toBe('')
  })

  it('[A5] the same event sent again counts once', async () => {
    await sendEvents(['twice', 'twice'])
    await sendEvents(['twice', 'after-twice'])
    const found = (id: string) =>
      platform.clickhouse(`SELECT event_id FROM events WHERE event_id = '${id}'`)
    await waitFor(async () => (await found('after-twice')).length > 0, {
      what: 'the event behind',
      withinMs: 20_000,
    })
    expect(await found('twice')).toHaveLength(1)
  })

  it('[B15] what belongs to the platform is not written, deleted or joined from outside', async () => {
    const kafka = kafkaClient(brokers)
    const admin = kafka.admin()
    await admin.connect()
    const topics = await admin.listTopics()
    expect(topics).toContain(TOPICS.lifecycle.name)
    expect(topics).not.toContain(TOPICS.config.name)
    expect(topics).not.toContain('fingerprint.state.v1')
    await expect(admin.deleteTopics({ topics: [TOPICS.raw.name] })).rejects.toThrow(/authorized/i)
    const producer = kafka.producer({ retry: { retries: 0 } })
    await producer.connect()
    const forged = { topic: TOPICS.detections.name, messages: [{ value: 'forged' }] }
    await expect(producer.send(forged)).rejects.toThrow(/authorized/i)
    await producer.disconnect()
    const consumer = kafka.consumer({ groupId: 'fingerprint', retry: { retries: 0 } })
    await consumer.connect()
    await consumer.subscribe({ topics: [TOPICS.raw.name] })
    const crashed = new Promise((resolve) => consumer.on('consumer.crash', resolve))
    await consumer.run({ eachMessage: async () => undefined }).catch(() => undefined)
    await crashed
    await consumer.disconnect()
    const { groups } = await admin.describeGroups(['fingerprint'])
    expect(groups[0]).toMatchObject({ state: 'Empty', members: [] })
    await admin.disconnect()
  })

  it.skipIf(!hasKcat)('[B15] kcat lists, produces with every codec it has, consumes', async () => {
    await createTopic(brokers, 'cat')
    expect(kcat(['-b', brokers, '-L'])).toContain('topic "cat" with 3 partitions')
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const lines = Array.from({ length: 300 }, (_, index) => `${codec}-${index}\n`).join('')
      const options = codec === 'none' ? [] : ['-z', codec]
      kcat(['-b', brokers, '-t', 'cat', '-P', ...options], lines)
    }
    const read = kcat(['-b', brokers, '-t', 'cat', '-C', '-o', 'beginning', '-e', '-q'])
    expect(new Set(read.trim().split('\n')).size).toBe(1500)
    const grouped = kcat([
      '-b',
      brokers,
      '-G',
      'cats',
      '-e',
      '-q',
      '-X',
      'auto.offset.reset=earliest',
      'cat',
    ])
    expect(new Set(grouped.trim().split('\n')).size).toBe(1500)
  })

  it.skipIf(!hasJava)(
    '[B15] Java: every codec, two members of a group share the work',
    async () => {
      await createTopic(brokers, 'java', 4)
      const codecs = 'none,gzip,snappy,lz4,zstd'
      expect(await javaClient(brokers, 'produce', 'java', '500', codecs)).toEqual({
        acknowledged: '2500',
      })
      const seen = await javaClient(brokers, 'consume', 'java', 'java-readers', '2500')
      expect(seen['values']).toBe('2500')
      const counts = seen['records']!.split(' ').map(Number)
      // Each record once, unless a rebalance came between reading and committing.
      expect(counts[0]! + counts[1]!).toBeGreaterThanOrEqual(2500)
      expect(counts[0]! + counts[1]!).toBeLessThan(3500)
    },
  )

  it.skipIf(!hasJava)('[B15] Java transactions: what was aborted is never there', async () => {
    await createTopic(brokers, 'bank', 2)
    expect(await javaClient(brokers, 'transact', 'bank', 'teller')).toEqual({ committed: '5' })
    expect(await javaClient(brokers, 'consume', 'bank', 'auditors', '5')).toMatchObject({
      values: '5',
      records: expect.stringMatching(/^(5 0|0 5|\d \d)$/),
    })
    const raw = await consumeAll('bank', 'raw-auditors', 5)
    expect(raw.filter((value) => value.startsWith('aborted'))).toEqual([])
  })

  it.skipIf(!hasJava)(
    '[B15] kafka-consumer-groups.sh sets a group of its own back, and a processor, which replays',
    async () => {
      await createTopic(brokers, 'reset', 1)
      const producer = kafkaClient(brokers).producer()
      await producer.connect()
      await producer.send({ topic: 'reset', messages: [{ value: 'a' }, { value: 'b' }] })
      await producer.disconnect()
      expect(await consumeAll('reset', 'resetters', 2)).toEqual(['a', 'b'])
      const toStart = ['--reset-offsets', '--to-earliest', '--execute']
      const own = await consumerGroups(
        brokers,
        '--group',
        'resetters',
        '--topic',
        'reset',
        ...toStart,
      )
      expect(own.stdout).toMatch(/resetters\s+reset\s+0\s+0/)
      expect(await consumeAll('reset', 'resetters', 2)).toEqual(['a', 'b'])

      await sendEvents(['before-reset'])
      await waitForEvents(platform, 1)
      const described = await consumerGroups(brokers, '--describe', '--group', 'fingerprint')
      expect(described.stdout).toMatch(/fingerprint\s+signals\.raw\.v1\s+0\s+\d+\s+\d+/)
      const before = await platform.clickhouse('SELECT event_id FROM events ORDER BY event_id')
      const done = 'a replay is done'
      expect(platform.stderr()).not.toContain(done)
      await consumerGroups(
        brokers,
        '--group',
        'fingerprint',
        '--topic',
        TOPICS.raw.name,
        ...toStart,
      )
      await waitFor(() => platform.stderr().includes(done), {
        what: 'the replay',
        withinMs: 60_000,
      })
      expect(platform.stderr()).toMatch(/"group":"fingerprint"/)
      const after = await platform.clickhouse('SELECT event_id FROM events ORDER BY event_id')
      expect(after).toEqual(before)
      // The live chain goes on.
      await sendEvents(['after-reset'])
      await waitForEvents(platform, before.length + 1)
    },
  )
})
