import { afterEach, describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { ConsumedRecord, Log } from './port.ts'
import { A0, TestLogs } from './test-log.ts'

const logs = new TestLogs()
afterEach(() => logs.clean())

const APPENDS = 300
const KEYS = 10
const START_MS = 1_800_000_000_000

interface Run {
  log: Log
  isOver: () => boolean
  seed: number
  hasHoles: boolean
}

/** Reads from the beginning over and over; every record must say its own offset, in ascending order. */
async function readThrough(
  { log, isOver, seed, hasHoles }: Run,
  onRecord: (record: ConsumedRecord) => void,
) {
  const random = createSeededRandom(seed)
  let next = 0
  let rounds = 0
  while (!isOver() || rounds === 0) {
    try {
      const records = await log.read(A0, next, { bytesMax: 1 + random.int(5000), waitMs: 1 })
      for (const record of records) {
        if (hasHoles) expect(record.offset).toBeGreaterThanOrEqual(next)
        else expect(record.offset).toBe(next)
        expect(String(record.value).split(' ')[0]).toBe(String(record.offset))
        onRecord(record)
        next = record.offset + 1
      }
      if (records.length > 0 || random.int(3) > 0) continue
      next = await log.beginningOffset(A0)
      rounds++
    } catch (error) {
      if (!isFaultlineError(error, 'offset_out_of_range')) throw error
      next = await log.beginningOffset(A0)
      rounds++
    }
  }
}

async function churn(log: Log, seed: number): Promise<void> {
  const random = createSeededRandom(seed)
  for (let count = 0; count < APPENDS; count++) {
    const end = await log.endOffset(A0)
    const records = Array.from({ length: 1 + random.int(20) }, (_, index) => ({
      key: Buffer.from(`k${random.int(KEYS)}`),
      value: Buffer.from(`${end + index} ${'x'.repeat(random.int(200))}`),
      timestampMs: START_MS + count,
    }))
    await log.append([{ ...A0, records }])
    if (random.int(10) === 0) await log.maintain(START_MS + count)
  }
}

describe('reading while segments change', () => {
  for (const [name, topic] of [
    ['compaction', { compacted: true, retentionMs: Infinity }],
    ['retention', { compacted: false, retentionMs: 40 }],
  ] as const) {
    it(`[LG85] sees no gap, repetition or damage under ${name}`, async () => {
      const log = await logs.open(logs.newDir(), { segmentBytesMax: 3000, cacheBytesMax: 4000 })
      await log.createTopics([{ name: 'a', partitions: 1, retentionBytes: Infinity, ...topic }])
      let isOver = false
      let seen = 0
      const readers = [1, 2, 3].map((seed) =>
        readThrough({ log, isOver: () => isOver, seed, hasHoles: topic.compacted }, () => seen++),
      )
      await churn(log, 4)
      isOver = true
      await Promise.all(readers)
      expect(seen).toBeGreaterThan(APPENDS)
      await log.maintain(START_MS + APPENDS)
      const left: ConsumedRecord[] = []
      const end = await log.endOffset(A0)
      for (let next = await log.beginningOffset(A0); next < end; next = left.at(-1)!.offset + 1) {
        left.push(...(await log.read(A0, next, { bytesMax: 10_000, waitMs: 0 })))
      }
      if (topic.compacted)
        expect(new Set(left.map(({ key }) => String(key))).size).toBe(left.length)
      else expect(left.every(({ timestampMs }) => timestampMs > START_MS)).toBe(true)
    })
  }
})
