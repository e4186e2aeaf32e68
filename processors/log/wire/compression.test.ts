import fc from 'fast-check'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { CODECS, decompress } from './compression.ts'
import { KafkaError } from './kafka-errors.ts'

const BYTES_MAX = 100_000

/** What a compressor decided: bytes of its own, or a repetition of what came before. */
const step = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 100 })
    .map((bytes): { literal: Buffer } => ({ literal: Buffer.from(bytes) })),
  fc.record({ back: fc.nat(), length: fc.integer({ min: 4, max: 64 }) }),
)
type Step = { literal: Buffer } | { back: number; length: number }

interface Planned {
  plain: Buffer
  plan: ({ literal: Buffer } | { offset: number; length: number })[]
}

/** The steps with offsets that exist, and the bytes they stand for. */
function planOf(steps: readonly Step[]): Planned {
  let plain: Buffer = Buffer.from('start')
  const plan: Planned['plan'] = [{ literal: plain }]
  for (const one of steps) {
    if ('literal' in one) {
      plain = Buffer.concat([plain, one.literal])
      plan.push(one)
      continue
    }
    const offset = (one.back % Math.min(plain.length, 65_535)) + 1
    const copied = Buffer.alloc(one.length)
    const from = plain.length - offset
    for (let at = 0; at < one.length; at++) copied[at] = plain[from + (at % offset)]!
    plain = Buffer.concat([plain, copied])
    plan.push({ offset, length: one.length })
  }
  return { plain, plan }
}

function uvarint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}

function snappy({ plain, plan }: Planned): Buffer {
  const parts: Buffer[] = [Buffer.from(uvarint(plain.length))]
  for (const one of plan) {
    if ('literal' in one) {
      const length = one.literal.length - 1
      parts.push(Buffer.from(length < 60 ? [length << 2] : [60 << 2, length]), one.literal)
    } else {
      const { offset, length } = one
      parts.push(Buffer.from([((length - 1) << 2) | 2, offset & 0xff, offset >>> 8]))
    }
  }
  return Buffer.concat(parts)
}

function xerial(block: Buffer): Buffer {
  const head = Buffer.from('82534e41505059000000000100000001', 'hex')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(block.length)
  return Buffer.concat([head, length, block])
}

const lz4Length = (length: number): number[] => {
  const bytes: number[] = []
  let rest = length - 15
  for (; rest >= 255; rest -= 255) bytes.push(255)
  return length < 15 ? [] : [...bytes, rest]
}

/** One block per sequence, so that copies reach into earlier blocks. */
function lz4({ plan }: Planned): Buffer {
  const parts: Buffer[] = [Buffer.from('04224d186040', 'hex'), Buffer.from([0])]
  const block = (bytes: Buffer): void => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    parts.push(length, bytes)
  }
  for (const one of plan) {
    if ('literal' in one) {
      const { length } = one.literal
      const head = Buffer.from([Math.min(length, 15) << 4, ...lz4Length(length)])
      block(Buffer.concat([head, one.literal]))
    } else {
      const { offset, length } = one
      const copy = [Math.min(length - 4, 15), offset & 0xff, offset >>> 8, ...lz4Length(length - 4)]
      // The last sequence of a block has literals only: none here.
      block(Buffer.from([...copy, 0]))
    }
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}

describe('compression', () => {
  it('[WF2] snappy, bare and framed, and lz4 give back what a compressor put in', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const made = planOf(steps)
        expect(decompress(CODECS.snappy, snappy(made), BYTES_MAX)).toEqual(made.plain)
        expect(decompress(CODECS.snappy, xerial(snappy(made)), BYTES_MAX)).toEqual(made.plain)
        expect(decompress(CODECS.lz4, lz4(made), BYTES_MAX)).toEqual(made.plain)
      }),
    )
  })

  it('[WF2] gzip and zstd too', () => {
    const plain = Buffer.from('telemetry '.repeat(500))
    expect(decompress(CODECS.gzip, gzipSync(plain), BYTES_MAX)).toEqual(plain)
    expect(decompress(CODECS.zstd, zstdCompressSync(plain), BYTES_MAX)).toEqual(plain)
  })

  it('[WF2] more than the bound is refused, however small it came', () => {
    const bomb = Buffer.alloc(BYTES_MAX + 1)
    const repeat = planOf(Array.from({ length: 2000 }, () => ({ back: 0, length: 64 })))
    const packed = [
      [CODECS.gzip, gzipSync(bomb)],
      [CODECS.zstd, zstdCompressSync(bomb)],
      [CODECS.snappy, snappy(repeat)],
      [CODECS.snappy, xerial(snappy(repeat))],
      [CODECS.lz4, lz4(repeat)],
    ] as const
    for (const [codec, bytes] of packed) {
      expect(() => decompress(codec, bytes, BYTES_MAX)).toThrow(KafkaError)
      expect(decompress(codec, bytes, BYTES_MAX * 2).length).toBeGreaterThan(BYTES_MAX)
    }
  })

  it('[WF2] hostile bytes are a KafkaError', () => {
    const heads = [Buffer.alloc(0), Buffer.from('04224d18604000', 'hex'), xerial(Buffer.alloc(0))]
    const bytes = fc.tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 100 }))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), bytes, (codec, [head, tail]) => {
        try {
          decompress(codec, Buffer.concat([head, tail]), BYTES_MAX)
        } catch (error) {
          expect(error).toBeInstanceOf(KafkaError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
