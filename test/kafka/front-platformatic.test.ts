/** The client library @platformatic/kafka as its users have it, against the front of the embedded log. */
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTopic, TestLogs } from '#/processors/log/test-log.ts'
import { OPEN_POLICY, openFront } from '#/processors/log/wire/test-front.ts'
import type { TestFront } from '#/processors/log/wire/test-front.ts'

const logs = new TestLogs()
let front: TestFront

beforeAll(async () => {
  const log = await logs.open(logs.newDir())
  await createTopic(log)
  front = await openFront(log, OPEN_POLICY)
})
afterAll(async () => {
  await front.close()
  await logs.clean()
})

const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

it('[B15] @platformatic/kafka produces with every codec, consumes in a group and goes on where it committed', async () => {
  const base = { clientId: 'test', bootstrapBrokers: [`127.0.0.1:${front.port}`] }
  const producer = new Producer({ ...base, serializers: stringSerializers })
  for (const compression of COMPRESSIONS)
    await producer.send({
      messages: [{ topic: 'a', partition: 0, key: compression, value: `by ${compression}` }],
      compression,
      acks: -1,
    })
  const consume = async (count: number): Promise<string[]> => {
    const consumer = new Consumer({
      ...base,
      groupId: 'readers',
      deserializers: stringDeserializers,
      autocommit: false,
    })
    const stream = await consumer.consume({
      topics: ['a'],
      mode: 'committed',
      fallbackMode: 'earliest',
      sessionTimeout: 10_000,
      heartbeatInterval: 500,
    })
    const values: string[] = []
    for await (const message of stream) {
      values.push(message.value)
      await message.commit()
      if (values.length === count) break
    }
    await stream.close()
    await consumer.close()
    return values
  }
  expect(await consume(3)).toEqual(['by none', 'by gzip', 'by snappy'])
  expect(await consume(2)).toEqual(['by lz4', 'by zstd'])
  await producer.close()
  expect(front.problems).toEqual([])
})
