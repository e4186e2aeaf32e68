import fc from 'fast-check'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { crc32c } from '#/processors/log/crc32c.ts'
import type { ConsumedRecord, ProducedRecord } from '#/processors/log/port.ts'
import {
  BATCH_HEADER_BYTES,
  decodeBatch,
  encodeBatch,
  recordBytesMax,
} from '#/processors/log/record-batch.ts'
import { KafkaError } from './kafka-errors.ts'
import { checkProducedBatch } from './produced-batch.ts'

function batchOf(records: readonly ProducedRecord[]): Buffer {
  const most = records.reduce((sum, one) => sum + recordBytesMax(one), BATCH_HEADER_BYTES)
  const target = Buffer.alloc(most)
  const { bytes } = encodeBatch(target, 0, { records, from: 0, to: records.length, baseOffset: 0 })
  return Buffer.from(target.subarray(0, bytes))
}

function reseal(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17)
  return batch
}

function compressed(batch: Buffer): Buffer {
  const head = Buffer.from(batch.subarray(0, BATCH_HEADER_BYTES))
  head.writeInt16BE(1, 21)
  return reseal(Buffer.concat([head, gzipSync(batch.subarray(BATCH_HEADER_BYTES))]))
}

const RECORDS: ProducedRecord[] = [
  { key: Buffer.from('k'), value: Buffer.from('one'), timestampMs: 1_800_000_000_000 },
  { key: null, value: null, timestampMs: 1_800_000_000_500, headers: { h: Buffer.from('x') } },
]
const open = { isCompacted: false }

function read(bytes: Buffer): ConsumedRecord[] {
  const records: ConsumedRecord[] = []
  decodeBatch(bytes, 0, 0, records)
  return records
}

describe('a batch of a producer', () => {
  it('[WF3] is kept byte for byte', () => {
    const sent = batchOf(RECORDS)
    const checked = checkProducedBatch(Buffer.from(sent), open)
    expect(checked.bytes).toEqual(sent)
    expect(checked).toMatchObject({ count: 2, producerId: -1, isTransactional: false })
  })

  it('[WF3] a compressed one is unpacked, so that readers in the process need no codec', () => {
    const sent = batchOf(RECORDS)
    expect(checkProducedBatch(compressed(sent), open).bytes).toEqual(sent)
  })

  it('[WF3] any changed byte behind the length is refused', () => {
    const sent = batchOf(RECORDS)
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: sent.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, by) => {
          const changed = Buffer.from(sent)
          changed[at] = changed[at]! ^ by
          expect(() => checkProducedBatch(changed, open)).toThrow(KafkaError)
        },
      ),
    )
  })

  it('[WF4] lengths that contradict each other are refused although the checksum holds', () => {
    const sent = batchOf(RECORDS)
    let refused = 0
    fc.assert(
      fc.property(
        fc.integer({ min: BATCH_HEADER_BYTES, max: sent.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, by) => {
          const changed = Buffer.from(sent)
          changed[at] = changed[at]! ^ by
          reseal(changed)
          try {
            const { bytes, count } = checkProducedBatch(changed, open)
            // What passes can be read by everybody, and is as many records as it says.
            expect(read(bytes)).toHaveLength(count)
          } catch (error) {
            expect(error).toBeInstanceOf(KafkaError)
            refused++
          }
        },
      ),
      { numRuns: 1000 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  it('[WF4] control records, a time of the broker, several batches and old formats are refused', () => {
    const control = batchOf(RECORDS)
    control.writeInt16BE(0x20, 21)
    const brokerTime = batchOf(RECORDS)
    brokerTime.writeInt16BE(0x08, 21)
    const old = batchOf(RECORDS)
    old[16] = 1
    const wrong = [reseal(control), reseal(brokerTime), reseal(old), null, Buffer.alloc(5)]
    for (const sent of [...wrong, Buffer.concat([batchOf(RECORDS), batchOf(RECORDS)])])
      expect(() => checkProducedBatch(sent, open)).toThrow(KafkaError)
  })

  it('[WF4] a compacted topic wants keys', () => {
    expect(() => checkProducedBatch(batchOf(RECORDS), { isCompacted: true })).toThrow(/key/)
    const keyed = batchOf(RECORDS.slice(0, 1))
    expect(checkProducedBatch(keyed, { isCompacted: true }).count).toBe(1)
  })

  it('[WF4] the largest timestamp is computed, as retention goes by it', () => {
    const sent = batchOf(RECORDS)
    sent.writeBigInt64BE(9_000_000_000_000n, 35)
    const { bytes } = checkProducedBatch(reseal(sent), open)
    expect(bytes.readBigInt64BE(35)).toBe(1_800_000_000_500n)
    expect(bytes).toEqual(batchOf(RECORDS))
  })
})
