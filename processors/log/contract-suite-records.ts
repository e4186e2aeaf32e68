import { expect } from 'vitest'
import {
  A0,
  A1,
  B0,
  expectCode,
  joinAs,
  NOW_MS,
  READ_ALL,
  readAll,
  record,
  texts,
  topic,
} from './contract-suite-kit.ts'
import type { Rules } from './contract-suite-kit.ts'
import type { ProducedRecord } from './port.ts'

/** Appending and reading. */
export const recordRules: Rules = {
  '[LG1] offsets are dense, start at 0 and follow the order of appending': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    const first = await log.append([{ ...A0, records: [record('0'), record('1')] }])
    expect(first).toEqual([{ ...A0, baseOffset: 0, count: 2 }])
    const appends = []
    for (let index = 2; index < 40; index++) {
      appends.push(log.append([{ ...A0, records: [record(String(index))] }]))
    }
    const results = await Promise.all(appends)
    expect(results.map(([result]) => result?.baseOffset)).toEqual(
      appends.map((_, index) => index + 2),
    )
    const records = await readAll(log, A0)
    expect(records.map(({ offset }) => offset)).toEqual(records.map((_, index) => index))
    expect(texts(records)).toEqual(records.map((_, index) => String(index)))
    expect(await log.endOffset(A0)).toBe(40)
    expect(await log.endOffset(A1)).toBe(0)
  },

  '[LG2] results are in the order of the batches, also of one partition twice': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 }), topic('b')])
    const results = await log.append([
      { ...A1, records: [record('x')] },
      { ...B0, records: [record('y'), record('z')] },
      { ...A1, records: [] },
      { ...A1, records: [record('w')] },
    ])
    expect(results).toEqual([
      { ...A1, baseOffset: 0, count: 1 },
      { ...B0, baseOffset: 0, count: 2 },
      { ...A1, baseOffset: 1, count: 0 },
      { ...A1, baseOffset: 1, count: 1 },
    ])
    expect(texts(await readAll(log, A1))).toEqual(['x', 'w'])
    expect(await log.append([])).toEqual([])
  },

  '[LG3] keys, values, headers and timestamps come back as they were': async ({ log }) => {
    await log.createTopics([topic('a')])
    const bytes = Buffer.from([0, 255, 128, 10])
    const headers = { stage: Buffer.from('spike'), '': Buffer.alloc(0), ключ: bytes }
    const records: ProducedRecord[] = [
      { key: bytes, value: bytes, timestampMs: NOW_MS, headers },
      { key: null, value: Buffer.alloc(0), timestampMs: 0 },
      { key: Buffer.alloc(0), value: null, timestampMs: NOW_MS - 86_400_000_000 },
      { key: Buffer.alloc(100, 1), value: Buffer.alloc(70_000, 2), timestampMs: -5 },
    ]
    await log.append([{ ...A0, records }])
    const back = await readAll(log, A0)
    for (const [index, want] of records.entries()) {
      const got = back[index]
      expect(got?.key).toEqual(want.key)
      expect(got?.value).toEqual(want.value)
      expect(got?.timestampMs).toBe(want.timestampMs)
      expect({ ...got?.headers }).toEqual({ ...want.headers })
    }
  },

  '[LG4] a header named __proto__ is a header like any other': async ({ log }) => {
    await log.createTopics([topic('a')])
    const headers = Object.fromEntries([['__proto__', Buffer.from('polluted')]])
    await log.append([{ ...A0, records: [record('x', { headers })] }])
    const [back] = await readAll(log, A0)
    expect(Object.entries(back?.headers ?? {})).toEqual([['__proto__', Buffer.from('polluted')]])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  },

  '[LG5] a record of several megabytes and many small ones pass': async ({ log }) => {
    await log.createTopics([topic('a')])
    const big = Buffer.alloc(5 * 1024 * 1024, 'big')
    const small = Array.from({ length: 3000 }, (_, index) => record(`small ${index}`))
    await log.append([{ ...A0, records: [record('before'), record(null, { value: big })] }])
    await log.append([{ ...A0, records: small }])
    const [found] = await log.read(A0, 1, { bytesMax: 10, waitMs: 0 })
    expect(found?.value?.equals(big)).toBe(true)
    expect(texts(await readAll(log, A0, { from: 2, bytesMax: 500 }))).toEqual(
      small.map(({ value }) => String(value)),
    )
  },

  '[LG6] the buffers given may be used again after the append': async ({ log }) => {
    await log.createTopics([topic('a')])
    const reused = Buffer.from('first!')
    await log.append([{ ...A0, records: [record(null, { key: reused, value: reused })] }])
    reused.write('second')
    await log.append([{ ...A0, records: [record(null, { key: reused, value: reused })] }])
    reused.fill(0)
    expect(texts(await readAll(log, A0))).toEqual(['first!', 'second'])
  },

  '[LG7] unknown topics and partitions are refused, and nothing of the call is kept': async ({
    log,
  }) => {
    await log.createTopics([topic('a')])
    const good = { ...A0, records: [record('x')] }
    await expectCode('unknown_topic', log.append([good, { ...B0, records: [record('y')] }]))
    await expectCode('unknown_topic', log.append([good, { ...A1, records: [record('y')] }]))
    await expectCode('unknown_topic', log.read(A1, 0, READ_ALL))
    await expectCode('unknown_topic', log.endOffset(B0))
    await expectCode('unknown_topic', log.beginningOffset(B0))
    await expectCode('unknown_topic', joinAs(log, 'g', ['b']))
    expect(await log.endOffset(A0)).toBe(0)
  },

  '[LG8] records and topics that cannot be kept are refused whole': async ({ log }) => {
    await log.createTopics([topic('a'), topic('b', { compacted: true })])
    const bad = [record('x'), record('y', { timestampMs: 1.5 })]
    await expectCode('invalid_request', log.append([{ ...A0, records: bad }]))
    await expectCode('invalid_request', log.append([{ ...B0, records: [record('no key')] }]))
    expect(await log.endOffset(A0)).toBe(0)
    for (const name of ['', '.', '..', 'a/b', 'ä', 'x'.repeat(250)]) {
      await expectCode('invalid_request', log.createTopics([topic(name)]))
    }
    await expectCode('invalid_request', log.createTopics([topic('c', { partitions: 0 })]))
    expect((await log.topics()).map(({ name }) => name)).toEqual(['a', 'b'])
  },

  '[LG9] declaring a topic again changes retention and never takes partitions away': async ({
    log,
  }) => {
    await log.createTopics([topic('a', { partitions: 3 })])
    await log.append([{ ...A0, records: [record('x')] }])
    await log.createTopics([topic('a', { partitions: 2, retentionMs: 5, compacted: true })])
    expect(await log.topics()).toEqual([
      topic('a', { partitions: 3, retentionMs: 5, compacted: true }),
    ])
    await log.createTopics([topic('a', { partitions: 4 })])
    expect((await log.topics())[0]?.partitions).toBe(4)
    expect(texts(await readAll(log, A0))).toEqual(['x'])
    expect(await log.endOffset({ topic: 'a', partition: 3 })).toBe(0)
  },

  '[LG10] a read starts at its offset and returns about as much as asked, at least one': async ({
    log,
  }) => {
    await log.createTopics([topic('a')])
    for (let group = 0; group < 20; group++) {
      const records = Array.from({ length: 10 }, (_, index) => record(`${group * 10 + index}`))
      await log.append([{ ...A0, records }])
    }
    for (const from of [0, 1, 9, 10, 57, 199]) {
      const [first] = await log.read(A0, from, { bytesMax: 1, waitMs: 0 })
      expect(first?.offset).toBe(from)
    }
    const some = await log.read(A0, 0, { bytesMax: 1000, waitMs: 0 })
    expect(some.length).toBeGreaterThan(5)
    expect(some.length).toBeLessThan(150)
    expect(texts(await readAll(log, A0, { bytesMax: 300 }))).toEqual(
      Array.from({ length: 200 }, (_, index) => String(index)),
    )
  },

  '[LG11] offsets outside the log are refused; the end itself is empty': async ({ log }) => {
    await log.createTopics([topic('a')])
    expect(await log.read(A0, 0, READ_ALL)).toEqual([])
    await log.append([{ ...A0, records: [record('x')] }])
    expect(await log.read(A0, 1, READ_ALL)).toEqual([])
    await expectCode('offset_out_of_range', log.read(A0, 2, READ_ALL))
    await expectCode('offset_out_of_range', log.read(A0, -1, READ_ALL))
  },

  '[LG12] a waiting read wakes with the append, for its partition only': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    const waiting = log.read(A0, 0, { bytesMax: 1000, waitMs: 10_000 })
    const other = log.read(A1, 0, { bytesMax: 1000, waitMs: 150 })
    await log.append([{ ...A0, records: [record('x'), record('y')] }])
    expect(texts(await waiting)).toEqual(['x', 'y'])
    expect(await other).toEqual([])
  },

  '[LG13] a waiting read ends empty after its time, on abort and on close': async ({ log }) => {
    await log.createTopics([topic('a')])
    expect(await log.read(A0, 0, { bytesMax: 1000, waitMs: 20 })).toEqual([])
    const abort = new AbortController()
    const aborted = log.read(A0, 0, { bytesMax: 1000, waitMs: 60_000, signal: abort.signal })
    abort.abort()
    expect(await aborted).toEqual([])
    const closing = log.read(A0, 0, { bytesMax: 1000, waitMs: 60_000 })
    await log.close()
    expect(await closing).toEqual([])
  },

  '[LG14] all batches of one append become visible together': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    const done = new AbortController()
    const look = async (): Promise<void> => {
      while (!done.signal.aborted) {
        // Read in this order, the second end can only be ahead when both became visible at once.
        const [first, second] = await Promise.all([log.endOffset(A0), log.endOffset(A1)])
        expect(second).toBe(first)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const looking = look()
    for (let index = 0; index < 50; index++) {
      await log.append([A0, A1].map((tp) => ({ ...tp, records: [record(`${index}`)] })))
    }
    done.abort()
    await looking
  },

  '[LG15] the offset for a timestamp is the first record at or after it': async ({ log }) => {
    await log.createTopics([topic('a')])
    expect(await log.offsetForTimestamp(A0, 0)).toBe(0)
    const stamps = [1000, 3000, 2000, 5000, 4000]
    for (let round = 0; round < 300; round++) {
      const records = stamps.map((stamp) =>
        record('x'.repeat(40), { timestampMs: stamp + round * 10_000 }),
      )
      await log.append([{ ...A0, records }])
    }
    const expected = (timestampMs: number): number => {
      for (let offset = 0; offset < 1500; offset++) {
        if (stamps[offset % 5]! + Math.floor(offset / 5) * 10_000 >= timestampMs) return offset
      }
      return 1500
    }
    for (const timestampMs of [
      0, 1000, 1001, 2500, 3500, 5001, 1_504_000, 2_994_500, 2_995_000, 1e12,
    ]) {
      expect(await log.offsetForTimestamp(A0, timestampMs), `at ${timestampMs}`).toBe(
        expected(timestampMs),
      )
    }
  },
}
