import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heldMiB } from '#/test/held-bytes.ts'
import { Tail, TailCache } from './tail-cache.ts'
import type { TailEntry } from './tail-cache.ts'

function smallEntry(offset: number): TailEntry {
  return { baseOffset: offset, lastOffset: offset, bytes: Buffer.alloc(100) }
}

describe('tail cache', () => {
  it('[LG59] what it has forgotten holds no memory, neither in a quiet partition nor in a busy one', () => {
    const block = (offset: number): TailEntry => ({
      baseOffset: offset,
      lastOffset: offset,
      // A small record in a block of its own, as one of a quiet partition has it.
      bytes: Buffer.allocUnsafeSlow(2 ** 20).subarray(0, 1000),
    })
    const before = heldMiB()
    const cache = new TailCache(3_000)
    const [quiet, busy] = [new Tail(), new Tail()]
    for (let offset = 0; offset < 60; offset += 1) {
      cache.add(quiet, block(offset))
      cache.add(busy, block(offset))
    }
    expect(busy.from(59, 1)).toHaveLength(1)
    expect(heldMiB() - before).toBeLessThan(10)
    expect(quiet.clear().length + busy.clear().length).toBeGreaterThan(0)
  })

  it('[LG59] holds the newest batches of all partitions within its bound, without gaps', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 500 })),
        ),
        fc.integer({ min: 0, max: 5000 }),
        (steps, bytesMax) => {
          const cache = new TailCache(bytesMax)
          const tails = [0, 1, 2].map(() => ({ tail: new Tail(), end: 0 }))
          for (const [which, count, size] of steps) {
            const one = tails[which]!
            const baseOffset = one.end
            one.end += count
            cache.add(one.tail, { baseOffset, lastOffset: one.end - 1, bytes: Buffer.alloc(size) })
          }
          let bytes = 0
          for (const { tail, end } of tails) {
            for (let offset = 0; offset < end; offset++) {
              const found = tail.from(offset, Infinity)
              if (found.length === 0) continue
              expect(found[0]!.baseOffset).toBeLessThanOrEqual(offset)
              expect(found[0]!.lastOffset).toBeGreaterThanOrEqual(offset)
              expect(found.at(-1)!.lastOffset).toBe(end - 1)
            }
            expect(tail.from(end, Infinity)).toEqual([])
            for (const entry of tail.clear()) bytes += entry.bytes.length
          }
          expect(bytes).toBeLessThanOrEqual(bytesMax)
        },
      ),
    )
  })

  it('goes on within its bound after a partition was forgotten', () => {
    const cache = new TailCache(1000)
    const [first, second] = [new Tail(), new Tail()]
    for (let offset = 0; offset < 3; offset++)
      cache.add(offset === 1 ? second : first, smallEntry(offset))
    cache.clear(first)
    expect(first.from(0, 1000)).toEqual([])
    expect(second.from(1, 1000).length).toBe(1)
    for (let offset = 3; offset < 20; offset++) cache.add(first, smallEntry(offset))
    expect(second.from(1, 1000)).toEqual([])
    expect(first.from(19, 1000).length).toBe(1)
    expect(first.from(10, 1000)).toEqual([])
  })
})
