/** A former owner that comes back to life, at any moment of a commit, changes nothing. */
import { describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { KafkaClient } from '#/processors/log/kafka/options.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
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
import { kafkaAvailable } from './shared.ts'

const RECORDS = 24

const MOMENTS = [
  'InitProducerId',
  'AddPartitionsToTxn',
  'Produce',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'DescribeTransactions',
].flatMap((apiName) => [[apiName, 'before'] as const, [apiName, 'after'] as const])

/** Freezes a copier at this moment, lets another take over, thaws the first and gives the copy that came out. */
async function play(
  client: KafkaClient,
  [apiName, place]: readonly [string, 'before' | 'after'],
  fencing = true,
): Promise<{ copy: string[]; refusals: unknown[]; committed: number }> {
  const logs = new KafkaLogs(client, { fencing })
  try {
    const freezer = new Freezer()
    const [frozen, other] = [await logs.open({}, freezer), await logs.open()]
    await createCopyTopics(other)
    await other.append([{ ...IN, records: numbered(0, RECORDS / 2) }])
    const zombie = new Copier(frozen, 'zombie')
    const heir = new Copier(other, 'heir')
    const caught = freezer.freezeAt(apiName, place)
    void zombie.start()
    await caught
    await heir.start()
    await until('the heir', async () => (await other.committed('copy', IN))?.offset === RECORDS / 2)
    freezer.thaw()
    await other.append([{ ...IN, records: numbered(RECORDS / 2, RECORDS / 2) }])
    await until('the rest', async () => (await other.committed('copy', IN))?.offset === RECORDS)
    // Whatever the zombie still wanted to do, it has done by then.
    await systemClock.sleep(300)
    const committed = (await other.committed('copy', IN))?.offset ?? -1
    // As of now: closing the logs refuses what still reads.
    return { copy: await valuesOf(other, OUT), refusals: [...zombie.refusals], committed }
  } finally {
    await logs.close()
  }
}

describe.skipIf(!kafkaAvailable())('a zombie', () => {
  for (const client of KAFKA_CLIENTS) {
    it.concurrent.each(MOMENTS)(
      `[LG100] by ${client}, stopped at %s (%s) and woken after another took over, changes nothing`,
      async (apiName, place) => {
        const { copy, committed, refusals } = await play(client, [apiName, place])
        expect(copy).toEqual(Array.from({ length: RECORDS }, (_, index) => String(index)))
        expect(committed).toBe(RECORDS)
        for (const refusal of refusals)
          expect(isFaultlineError(refusal, 'stale_owner'), String(refusal)).toBe(true)
      },
    )
  }

  it.each(KAFKA_CLIENTS)('[LG100] by %s: two of them change nothing either', async (client) => {
    const logs = new KafkaLogs(client)
    try {
      const freezers = [new Freezer(), new Freezer()]
      const calm = await logs.open()
      await createCopyTopics(calm)
      await calm.append([{ ...IN, records: numbered(0, RECORDS) }])
      const zombies: Copier[] = []
      for (const [index, place] of (['TxnOffsetCommit', 'EndTxn'] as const).entries()) {
        const zombie = new Copier(await logs.open({}, freezers[index]), `zombie ${index}`)
        const caught = freezers[index]!.freezeAt(place, 'before')
        void zombie.start()
        await caught
        zombies.push(zombie)
      }
      const heir = new Copier(calm, 'heir')
      await heir.start()
      // The younger one first: the older still holds an epoch before its.
      for (const freezer of freezers.toReversed()) freezer.thaw()
      await until('the copy', async () => (await calm.committed('copy', IN))?.offset === RECORDS)
      await systemClock.sleep(300)
      expect(await valuesOf(calm, OUT)).toEqual(
        Array.from({ length: RECORDS }, (_, n) => String(n)),
      )
    } finally {
      await logs.close()
    }
  })

  it('[LG100] negative control: without fences it doubles what it held', async () => {
    const { copy } = await play('platformatic', ['TxnOffsetCommit', 'before'], false)
    expect(copy.length).toBeGreaterThan(RECORDS)
  })
})
