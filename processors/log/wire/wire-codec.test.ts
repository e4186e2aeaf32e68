import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameError } from './frame-error.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes)

const value = fc.record({
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  string: fc.option(fc.string({ unit: 'grapheme', maxLength: 300, size: 'max' })),
  bytes: fc.option(fc.uint8Array({ maxLength: 2000, size: 'max' }).map(bufferOf)),
  list: fc.array(fc.integer(), { maxLength: 1000, size: 'max' }),
  pieces: fc.array(fc.uint8Array().map(bufferOf)),
})
type Value = typeof value extends fc.Arbitrary<infer T> ? T : never

function encode(one: Value): Buffer {
  const writer = new WireWriter().int8(one.int8).int16(one.int16).int32(one.int32)
  writer.int64(one.int64).string(one.string).bytes(one.bytes)
  writer.array(one.list, (element) => writer.int32(element))
  return writer.pieces(one.pieces).bool(true).toBuffer()
}

function decode(bytes: Buffer): Value {
  const reader = new WireReader(bytes)
  const decoded = {
    int8: reader.int8(),
    int16: reader.int16(),
    int32: reader.int32(),
    int64: reader.int64(),
    string: reader.nullableString(),
    bytes: reader.nullableBytes(),
    list: reader.array(() => reader.int32()),
    pieces: [reader.bytes()],
  }
  reader.bool()
  return decoded
}

describe('primitives', () => {
  it('[WF1] are read as they were written', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(decode(encode(one))).toEqual({ ...one, pieces: [Buffer.concat(one.pieces)] })
      }),
    )
  })

  it('[WF1] a request that is cut off anywhere is a FrameError, never read past', () => {
    fc.assert(
      fc.property(value, fc.nat(), (one, cut) => {
        const bytes = encode(one)
        expect(() => decode(bytes.subarray(0, cut % bytes.length))).toThrow(FrameError)
      }),
    )
  })

  it('[WF1] any bytes give values or a FrameError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }),
    )
  })
})
