import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { ConsumedRecord, ProducedRecord } from './port.ts'
import {
  BATCH_HEADER_BYTES,
  decodeBatch,
  encodeBatch,
  isBatchIntact,
  readBatchHeader,
  recordBytesMax,
} from './record-batch.ts'
import { VarintCursor, varlongBytes, writeVarlong } from './varint.ts'

function encode(records: readonly ProducedRecord[], baseOffset = 0, offsets?: number[]): Buffer {
  const room = records.reduce((sum, one) => sum + recordBytesMax(one), BATCH_HEADER_BYTES)
  const target = Buffer.alloc(room)
  const input = { records, from: 0, to: records.length, baseOffset, ...(offsets && { offsets }) }
  return target.subarray(0, encodeBatch(target, 0, input).bytes)
}

function decode(bytes: Buffer, from = 0): ConsumedRecord[] {
  const records: ConsumedRecord[] = []
  decodeBatch(bytes, 0, from, records)
  return records
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const anyRecord: fc.Arbitrary<ProducedRecord> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  timestampMs: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
  headers: fc.option(
    fc.dictionary(fc.string({ maxLength: 20, unit: 'binary' }), bytes, { maxKeys: 4 }),
    {
      nil: undefined,
    },
  ),
})

function comparable(records: readonly (ProducedRecord | ConsumedRecord)[]): unknown[] {
  return records.map(({ key, value, timestampMs, headers }) => ({
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    timestampMs,
    headers: Object.entries(headers ?? {})
      .map(([name, header]) =>
        [Buffer.from(name).toString('hex'), header.toString('hex')].join('='),
      )
      .toSorted(),
  }))
}

describe('record batch', () => {
  it('[LG51] has the bytes that a Kafka client writes', () => {
    // Written with kafkajs 2.2.4: offset 42, two records, the second a tombstone 1.5 s later.
    const golden =
      '000000000000002a0000005300000000029341bc5f0000000000010000018bcfe568000000018bcfe56ddc' +
      'ffffffffffffffffffffffffffff0000000232000000046b310a68656c6c6f020a73746167650a7370696b65' +
      '0e00b81702010100'
    const stamp = 1_700_000_000_000
    const encoded = encode(
      [
        {
          key: Buffer.from('k1'),
          value: Buffer.from('hello'),
          timestampMs: stamp,
          headers: { stage: Buffer.from('spike') },
        },
        { key: null, value: null, timestampMs: stamp + 1500 },
      ],
      42,
    )
    expect(encoded.toString('hex')).toBe(golden)
    expect(readBatchHeader(encoded, 0, encoded.length)).toEqual({
      baseOffset: 42,
      bytes: encoded.length,
      lastOffset: 43,
      timestampMsMax: stamp + 1500,
      count: 2,
    })
  })

  it('[LG52] decodes to what was encoded, whatever it was', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
        fc.nat(2 ** 40),
        (records, base) => {
          const encoded = encode(records, base)
          const header = readBatchHeader(encoded, 0, encoded.length)
          expect(header?.bytes).toBe(encoded.length)
          expect(isBatchIntact(encoded, 0, header!)).toBe(true)
          const decoded = decode(encoded)
          expect(decoded.map(({ offset }) => offset)).toEqual(
            records.map((_, index) => base + index),
          )
          expect(comparable(decoded)).toEqual(comparable(records))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('[LG53] keeps given offsets and starts at the one asked for', () => {
    const records = ['a', 'b', 'c'].map((text) => ({
      key: null,
      value: Buffer.from(text),
      timestampMs: 5,
    }))
    const encoded = encode(records, 10, [10, 14, 30])
    expect(readBatchHeader(encoded, 0, encoded.length)?.lastOffset).toBe(30)
    expect(decode(encoded, 11).map(({ offset }) => offset)).toEqual([14, 30])
    expect(decode(encoded, 31)).toEqual([])
  })

  it('[LG54] any changed byte under the checksum is noticed', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (records, at, change) => {
          const encoded = encode(records)
          // Length, epoch and offset lie outside the checksum; the magic byte has one right value.
          const position = 16 + (at % (encoded.length - 16))
          encoded[position] = encoded[position]! ^ change
          const header = readBatchHeader(encoded, 0, encoded.length)
          expect(header !== undefined && isBatchIntact(encoded, 0, header)).toBe(false)
        },
      ),
    )
  })

  it('[LG55] lengths that contradict each other are refused, never read past the end', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (records, changes) => {
          const encoded = encode(records)
          for (const [at, value] of changes) {
            const body = BATCH_HEADER_BYTES
            encoded[body + (at % (encoded.length - body))] = value
          }
          try {
            for (const { key, value } of decode(encoded)) {
              expect((key?.length ?? 0) + (value?.length ?? 0)).toBeLessThan(encoded.length)
            }
          } catch (error) {
            if (!isFaultlineError(error, 'log_corrupt')) throw error
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('a part of a batch is no batch', () => {
    const encoded = encode([{ key: null, value: Buffer.from('x'), timestampMs: 1 }])
    for (let end = 0; end < BATCH_HEADER_BYTES; end++) {
      expect(readBatchHeader(encoded, 0, end)).toBeUndefined()
    }
    expect(readBatchHeader(Buffer.alloc(100), 0, 100)).toBeUndefined()
  })
})

describe('varlong', () => {
  it('comes back as it was and takes the bytes it said', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }), (value) => {
        const target = Buffer.alloc(10)
        const end = writeVarlong(target, 0, value)
        expect(end).toBe(varlongBytes(value))
        const cursor = new VarintCursor(target, 0)
        expect(cursor.next()).toBe(value)
        expect(cursor.position).toBe(end)
      }),
    )
  })
})
