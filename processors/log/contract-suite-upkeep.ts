import { expect } from 'vitest'
import {
  A0,
  B0,
  expectCode,
  joinAs,
  keyed,
  NOW_MS,
  READ_ALL,
  readAll,
  record,
  texts,
  topic,
} from './contract-suite-kit.ts'
import type { Rules } from './contract-suite-kit.ts'

/** Retention, compaction, and what outlives the process. */
export const upkeepRules: Rules = {
  '[LG30] retention by time moves the beginning and keeps what is younger': async ({ log }) => {
    await log.createTopics([topic('a', { retentionMs: 60_000 })])
    for (let index = 0; index < 100; index++) {
      const timestampMs = NOW_MS + index * 1000
      await log.append([{ ...A0, records: [record('x'.repeat(100), { timestampMs })] }])
    }
    await log.maintain(NOW_MS + 30_000)
    expect(await log.beginningOffset(A0)).toBe(0)
    await log.maintain(NOW_MS + 120_000)
    const begin = await log.beginningOffset(A0)
    expect(begin).toBeGreaterThan(30)
    expect(begin).toBeLessThanOrEqual(60)
    expect((await readAll(log, A0, { from: begin })).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 100 - begin }, (_, index) => begin + index),
    )
    await expectCode('offset_out_of_range', log.read(A0, begin - 1, READ_ALL))
    await log.maintain(NOW_MS + 10_000_000)
    expect(await log.beginningOffset(A0)).toBe(100)
    expect(await log.append([{ ...A0, records: [record('next')] }])).toEqual([
      { ...A0, baseOffset: 100, count: 1 },
    ])
    expect(texts(await readAll(log, A0, { from: 100 }))).toEqual(['next'])
  },

  '[LG31] retention by size moves the beginning and keeps about that much': async ({ log }) => {
    await log.createTopics([topic('a', { retentionBytes: 20_000 })])
    for (let index = 0; index < 100; index++) {
      await log.append([{ ...A0, records: [record('x'.repeat(1000))] }])
    }
    await log.maintain(NOW_MS)
    const kept = 100 - (await log.beginningOffset(A0))
    expect(kept).toBeGreaterThanOrEqual(18)
    expect(kept).toBeLessThanOrEqual(35)
  },

  '[LG32] compaction keeps the last value of each key, and offsets': async ({ log }) => {
    await log.createTopics([topic('a', { compacted: true })])
    const last = new Map<string, { offset: number; value: string }>()
    for (let index = 0; index < 300; index++) {
      const key = `k${(index * 7) % 20}`
      await log.append([{ ...A0, records: [keyed(key, `v${index}`)] }])
      last.set(key, { offset: index, value: `v${index}` })
    }
    await log.maintain(NOW_MS)
    const records = await readAll(log, A0)
    const seen = records.map(({ key, offset, value }) => [
      String(key),
      { offset, value: String(value) },
    ])
    expect(seen.length).toBe(20)
    expect(new Map(seen as [string, { offset: number; value: string }][])).toEqual(last)
    expect(await log.endOffset(A0)).toBe(300)
    await log.append([{ ...A0, records: [keyed('k0', 'newest'), keyed('new', 'x')] }])
    await log.maintain(NOW_MS)
    const again = await readAll(log, A0)
    expect(again.length).toBe(21)
    expect(again.map(({ offset }) => offset).slice(-2)).toEqual([300, 301])
    const [first] = await log.read(A0, 0, { bytesMax: 1, waitMs: 0 })
    expect(first?.offset).toBe(again[0]?.offset)
  },

  '[LG33] a tombstone deletes its key and goes a day later itself': async ({ log }) => {
    await log.createTopics([topic('a', { compacted: true })])
    await log.append([
      {
        ...A0,
        records: [keyed('gone', 'v'), keyed('kept', 'v'), keyed('gone', null), keyed('z', 'z')],
      },
    ])
    await log.maintain(NOW_MS + 3_600_000)
    const keys = async (): Promise<string[]> =>
      (await readAll(log, A0)).map(({ key, value }) => `${String(key)}=${String(value)}`)
    expect(await keys()).toEqual(['kept=v', 'gone=null', 'z=z'])
    await log.maintain(NOW_MS + 2 * 86_400_000)
    expect(await keys()).toEqual(['kept=v', 'z=z'])
  },

  '[LG34] the last record of a compacted partition stays, so that reads go on': async ({ log }) => {
    await log.createTopics([topic('a', { compacted: true })])
    await log.append([{ ...A0, records: [keyed('k', 'v'), keyed('k', null)] }])
    await log.maintain(NOW_MS + 10 * 86_400_000)
    expect((await readAll(log, A0)).map(({ offset, value }) => [offset, value])).toEqual([
      [1, null],
    ])
  },

  '[LG35] everything is there after the log was opened again': async ({
    log,
    reopen,
    maintainsItself,
  }) => {
    await log.createTopics([
      topic('a', { partitions: 2, retentionMs: 5e9 }),
      topic('b', { compacted: true }),
    ])
    for (let index = 0; index < 200; index++) {
      await log.append([{ ...A0, records: [keyed(`${index}`, 'x'.repeat(50))] }])
    }
    await log.append([{ ...B0, records: [keyed('k', 'old'), keyed('k', 'new')] }])
    await log.maintain(NOW_MS)
    const { membership } = await joinAs(log, 'g', ['a'])
    await log.commit({
      membership,
      outputs: [],
      offsets: [{ ...A0, offset: 77, metadata: 'intent' }],
    })
    const before = await readAll(log, A0)
    const topics = await log.topics()

    expect(reopen, 'this log outlives its process').toBeDefined()
    const again = await reopen!()
    expect(await again.topics()).toEqual(topics)
    expect(await readAll(again, A0)).toEqual(before)
    expect(texts(await readAll(again, B0))).toEqual(maintainsItself ? ['old', 'new'] : ['new'])
    expect(await again.committed('g', A0)).toEqual({ offset: 77, metadata: 'intent' })
    expect(await again.groups()).toEqual(['g'])
    const next = await again.append([{ ...A0, records: [record('next')] }])
    expect(next[0]?.baseOffset).toBe(200)
    expect(await again.offsetForTimestamp(A0, NOW_MS)).toBe(0)
  },

  '[LG36] a closed log refuses work; closing twice is fine': async ({ log }) => {
    await log.createTopics([topic('a')])
    const pending = log.append([{ ...A0, records: [record('x')] }])
    await log.close()
    await log.close()
    expect(await pending).toEqual([{ ...A0, baseOffset: 0, count: 1 }])
    await expectCode('log_unavailable', log.append([{ ...A0, records: [record('x')] }]))
    await expectCode('log_unavailable', log.read(A0, 0, READ_ALL))
    await expectCode('log_unavailable', joinAs(log, 'g', ['a']))
  },
}
