/** kill -9 of the platform while clients of Kafka produce: what was acknowledged is there after the next start. */
import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { temporaryFolder } from '#/test/e2e/platform.ts'
import { waitFor } from '#/test/e2e/processes.ts'
import { createTopic, kafkaClient, startFronted } from './front-clients.ts'

/** Sends small batches until the connection is gone; `acknowledged` grows with every answer. */
async function produceUntilGone(
  brokers: string,
  name: string,
  acknowledged: string[],
): Promise<void> {
  const producer = kafkaClient(brokers).producer({ retry: { retries: 0 } })
  await producer.connect()
  for (let round = 0; ; round++) {
    const values = Array.from({ length: 20 }, (_, index) => `${name}-${round}-${index}`)
    try {
      const messages = values.map((value) => ({ key: value, value }))
      await producer.send({ topic: 'ledger', messages })
    } catch {
      return
    }
    acknowledged.push(...values)
  }
}

async function readAll(brokers: string, known: number): Promise<string[]> {
  const consumer = kafkaClient(brokers).consumer({ groupId: 'auditor' })
  await consumer.connect()
  await consumer.subscribe({ topics: ['ledger'], fromBeginning: true })
  const values: string[] = []
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(String(message.value)),
  })
  await waitFor(() => values.length >= known, { what: `${known} records`, withinMs: 60_000 })
  await consumer.disconnect()
  return values
}

it('[B15] kill -9 while clients produce loses nothing acknowledged and doubles nothing', async () => {
  const dataDir = temporaryFolder('front-crash')
  try {
    const acknowledged: string[] = []
    for (let life = 0; life < 2; life++) {
      const { platform, brokers } = await startFronted({ dataDir })
      await using running = platform
      if (life === 0) await createTopic(brokers, 'ledger', 3)
      const known = acknowledged.length
      const producing = ['a', 'b'].map((name) =>
        produceUntilGone(brokers, `${life}${name}`, acknowledged),
      )
      await waitFor(() => acknowledged.length > known + 500, {
        what: 'enough acknowledged records',
        withinMs: 60_000,
      })
      await running.kill9()
      await Promise.all(producing)
    }
    const { platform, brokers } = await startFronted({ dataDir })
    await using running = platform
    expect(running.pid).toBeGreaterThan(0)
    const values = await readAll(brokers, acknowledged.length)
    const there = new Set(values)
    expect(acknowledged.filter((value) => !there.has(value))).toEqual([])
    expect(values).toHaveLength(there.size)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
