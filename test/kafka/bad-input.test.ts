/**
 * What strangers and accidents do to topics of a Kafka: the platform as a process, a registry that can be switched off,
 * and a producer that is not ours.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildRegistryApp } from '#/api/registry-http.ts'
import { systemClock } from '#/kernel/clock.ts'
import { randomSecret } from '#/kernel/random.ts'
import { LIMITS } from '#/schemas/event-input-limits.ts'
import { AVRO_SCHEMAS } from '#/schemas/avro-schemas.ts'
import { encode } from '#/schemas/codec.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { subjectOf } from '#/schemas/registry.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { StageView } from '#/schemas/view.ts'
import { startPlatform, temporaryFolder } from '#/test/e2e/platform.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { waitFor } from '#/test/e2e/processes.ts'
import { eventOf } from '#/test/sim/fixture.ts'
import { kafkaAvailable, sharedKafka } from './shared.ts'

const PARTITIONS = 2
/** Somebody made the raw topic by hand, with more. */
const PARTITIONS_FOUND = 3
const KEY = 'default/web'
const WITHIN = { withinMs: 60_000 }

describe.skipIf(!kafkaAvailable())('bad input on a real broker', () => {
  const prefix = `bad-${randomSecret(6)}.`
  const registry = createMemoryRegistry()
  const dataDir = temporaryFolder('bad-input')
  const kafka = new Kafka({ brokers: sharedKafka().brokers, logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer()
  let ids: SchemaIds
  let app: FastifyInstance
  let platform: RunningPlatform

  async function startRegistry(port = 0): Promise<number> {
    app = buildRegistryApp({ registry })
    await app.listen({ port, host: '127.0.0.1' })
    return (app.server.address() as AddressInfo).port
  }

  function start(registryPort: number): Promise<RunningPlatform> {
    const registryUrl = `http://127.0.0.1:${registryPort}`
    const kafkaArgs = ['--kafka-brokers', sharedKafka().brokers.join(','), '--kafka-prefix', prefix]
    const args = [...kafkaArgs, '--registry-url', registryUrl, '--partitions', String(PARTITIONS)]
    return startPlatform({ dataDir, args })
  }

  /** As another producer would, to one partition, so that what is behind shows whether the stream goes on. */
  async function produce(topic: string, values: readonly Buffer[]): Promise<number> {
    const [written] = await producer.send({
      topic: prefix + topic,
      messages: values.map((value) => ({ key: KEY, value, partition: 1 })),
    })
    return Number(written?.baseOffset)
  }

  const event = (id: string) =>
    eventOf({
      event_id: id,
      project: 'default',
      occurred_at: systemClock.nowMs(),
      received_at: systemClock.nowMs(),
      message: `nothing works: ${id}`,
    })
  const good = (id: string): Buffer => encode('Event', ids.Event, event(id))

  async function rowOf(id: string): Promise<number> {
    const sql = `SELECT count() AS n FROM events WHERE event_id = '${id}'`
    const [row] = await platform.clickhouse<{ n: string }>(sql)
    return Number(row?.n ?? 0)
  }

  const arrived = (id: string): Promise<unknown> =>
    waitFor(async () => (await rowOf(id)) > 0, { what: `${id} in ClickHouse`, ...WITHIN })

  interface Letter {
    offset: string
    stage: string
    code: string
    /** Null where the record was too large to keep. */
    hex: string | null
  }
  const letters = (topic: string): Promise<Letter[]> =>
    platform.clickhouse<Letter>(
      `SELECT toString(offset) AS offset, stage, code, hex(value) AS hex FROM dead_letters WHERE topic = '${topic}' ORDER BY dead_letters.offset`,
    )
  /** Of one stage: others that read the topic write letters of their own, at a time of their own. */
  const lettersUpTo = (from: { topic: string; stage: string }, count: number): Promise<Letter[]> =>
    waitFor(
      async () => {
        const found = (await letters(from.topic)).filter(({ stage }) => stage === from.stage)
        return found.length >= count && found
      },
      { what: `${count} dead letters of ${from.stage} in ${from.topic}`, ...WITHIN },
    )

  async function stages(): Promise<readonly StageView[]> {
    return (await platform.get<{ stages: StageView[] }>('/health/detailed')).stages
  }

  let registryPort = 0
  beforeAll(async () => {
    await Promise.all([admin.connect(), producer.connect()])
    await admin.createTopics({
      topics: [{ topic: prefix + TOPICS.raw.name, numPartitions: PARTITIONS_FOUND }],
      waitForLeaders: true,
    })
    registryPort = await startRegistry()
    ids = await registerAll(registry)
    platform = await start(registryPort)
  })
  afterAll(async () => {
    await platform?.[Symbol.asyncDispose]()
    await Promise.all([app?.close(), admin.disconnect(), producer.disconnect()])
  })

  it('[B3] a topic with more partitions than configured: all topics beside it get as many, with a warning', async () => {
    const names = [TOPICS.raw.name, TOPICS.fingerprinted.name, 'fingerprint.state.v1']
    const { topics } = await admin.fetchTopicMetadata({
      topics: names.map((name) => prefix + name),
    })
    expect(topics.map(({ partitions }) => partitions.length)).toEqual(
      names.map(() => PARTITIONS_FOUND),
    )
    expect(platform.stderr()).toContain('a topic has more partitions than configured')
    const events = Array.from({ length: 12 }, (_, index) => ({
      event_type: 'error',
      event_id: `spread-${index}`,
      service: `service-${index}`,
      message: 'each service has its partition',
    }))
    expect((await platform.post(events)).status).toBe(202)
    for (const { event_id } of events) await arrived(event_id)
  })

  it('[A9] bytes without a schema id, of unknown ids, and broken ones become dead letters with their offsets; what is behind them arrives', async () => {
    const bad = [
      Buffer.from('plain text'),
      Buffer.alloc(0),
      Buffer.concat([Buffer.from([0, 0, 0x3d, 9, 0]), Buffer.from('an id nobody registered')]),
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
      good('cut').subarray(0, 20),
    ]
    const base = await produce(TOPICS.raw.name, [good('before'), ...bad, good('after')])
    await arrived('after')
    expect(await rowOf('before')).toBe(1)
    await lettersUpTo({ topic: TOPICS.raw.name, stage: 'fingerprint' }, bad.length)
    expect(await letters(TOPICS.raw.name)).toEqual(
      bad.map((value, index) => ({
        offset: String(base + 1 + index),
        stage: 'fingerprint',
        code: [2, 3].includes(index) ? 'unknown_schema' : 'invalid_event',
        hex: value.toString('hex').toUpperCase(),
      })),
    )
    expect((await stages()).map(({ status }) => status)).not.toContain('failed')
  })

  it('[A9] the sink does not wait for what no table can take', async () => {
    const bad = [
      Buffer.from('plain text'),
      Buffer.from([0, 0, 0x3d, 9, 0, 1]),
      encode('Detection', ids.Detection, {
        project: 'default',
        detection_id: 'd',
        revision: 0,
        kind: 'spike',
        at: 1,
        service: 'web',
        environment: '',
        fingerprint: '',
        observed: 1,
        expected: 1,
        window_min: 1,
        score: 1,
        sentence: '',
        source_partition: 0,
        slice: 0,
        detail: '{}',
      }),
    ]
    const base = await produce(TOPICS.fingerprinted.name, bad)
    await produce(TOPICS.raw.name, [good('behind-the-sink')])
    await arrived('behind-the-sink')
    const from = { topic: TOPICS.fingerprinted.name, stage: 'events-sink' }
    const ofSink = await lettersUpTo(from, bad.length)
    expect(ofSink.map(({ offset }) => Number(offset))).toEqual(bad.map((_, index) => base + index))
  })

  it('[A4] while the registry is away a record of a new schema waits and is not given up; then all arrives in order', async () => {
    const schema = JSON.parse(AVRO_SCHEMAS.Event) as { fields: unknown[] }
    schema.fields.push({ name: 'weather', type: 'string', default: 'fair' })
    const id = await registry.register(subjectOf(TOPICS.raw.name), JSON.stringify(schema))
    const datum = Buffer.concat([good('new-schema'), Buffer.from([8]), Buffer.from('rain')])
    datum.writeUInt32BE(id, 1)
    const before = await letters(TOPICS.raw.name)

    await app.close()
    await produce(TOPICS.raw.name, [datum, good('behind-new-schema')])
    await waitFor(
      async () =>
        (await stages()).some(({ stage, error }) => stage === 'fingerprint' && error !== ''),
      { what: 'the stage to say that the registry is away', ...WITHIN },
    )
    expect(await rowOf('behind-new-schema')).toBe(0)
    await startRegistry(registryPort)
    await arrived('behind-new-schema')
    expect(await rowOf('new-schema')).toBe(1)
    expect(await letters(TOPICS.raw.name)).toEqual(before)
  })

  it('[A9] an event that is too large is refused by name, others of other requests go on', async () => {
    const large = { event_type: 'error', service: 'web', message: 'x'.repeat(LIMITS.bodyBytesMax) }
    const refused = await platform.post(large)
    expect(refused).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
    expect(refused.body['detail']).toEqual(expect.stringMatching(/larger than/))
    // Past the door, and larger than a letter can keep.
    const huge = Buffer.alloc(9 << 20, 7)
    const base = await produce(TOPICS.raw.name, [huge, good('behind-huge')])
    await arrived('behind-huge')
    const found = await waitFor(
      async () => (await letters(TOPICS.raw.name)).find(({ offset }) => offset === String(base)),
      { what: 'its dead letter', ...WITHIN },
    )
    expect(found).toMatchObject({ code: 'invalid_event', hex: null })
  })

  it('[B9] a group set back below what is kept: what is kept is processed, live goes on, nothing doubles', async () => {
    await platform.stop()
    const topic = prefix + TOPICS.raw.name
    await produce(TOPICS.raw.name, [good('expired'), good('kept')])
    const ends = await admin.fetchTopicOffsets(topic)
    const end = Number(ends.find(({ partition }) => partition === 1)?.high)
    await admin.deleteTopicRecords({
      topic,
      partitions: [{ partition: 1, offset: String(end - 1) }],
    })
    await admin.setOffsets({
      groupId: `${prefix}fingerprint`,
      topic,
      partitions: [{ partition: 1, offset: '0' }],
    })
    platform = await start(registryPort)
    await arrived('kept')
    await produce(TOPICS.raw.name, [good('afterwards')])
    await arrived('afterwards')
    expect(await rowOf('kept')).toBe(1)
    expect(await rowOf('after')).toBe(1)
    expect(await rowOf('expired')).toBe(0)
    const metrics = await (await fetch(new URL('/metrics', platform.url))).text()
    expect(metrics).toMatch(/result="expired"|stage="fingerprint".*expired/)
    expect((await stages()).map(({ status }) => status)).not.toContain('failed')
  })
})
