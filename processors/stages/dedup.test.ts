import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStore } from '#/processors/runtime/store.ts'
import type { PersistentStore, RestoredEntry, Store } from '#/processors/runtime/store.ts'
import { createDedup, dedupCodec, DEDUP_WINDOW_MIN } from './dedup.ts'
import type { DedupChunk } from './dedup.ts'

type ChunkStore = Store<DedupChunk> & PersistentStore

function restore(store: ChunkStore): ChunkStore {
  const entries = new Map<string, RestoredEntry>()
  for (const { key, bytes, usedAt } of store.all())
    if (bytes !== null) entries.set(key, { bytes: Buffer.from(bytes), usedAt })
  return createStore('dedup', dedupCodec, entries)
}

const MINUTE_MS = 60_000

describe('event ids seen within a day', () => {
  it('[A10] agree with a plain list, across restarts and expiry', () => {
    const arrivals = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 200 })),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 50 }), (steps, restartEvery) => {
        let store: ChunkStore = createStore('dedup', dedupCodec)
        let dedup = createDedup(store)
        const seen = new Map<number, number>()
        let minute = 0
        for (const [index, [id, waitMin]] of steps.entries()) {
          minute += waitMin
          const last = seen.get(id)
          const isRepeated = last !== undefined && minute - last < DEDUP_WINDOW_MIN
          if (!isRepeated) seen.set(id, minute)
          expect(dedup.isRepeated(`p/web/${id}`, minute * MINUTE_MS)).toBe(isRepeated)
          if (index % restartEvery === 0) {
            store = restore(store)
            dedup = createDedup(store)
          }
        }
      }),
      { numRuns: 100 },
    )
  })

  it('[A10] many ids: each new once, each repeated afterwards, and forgotten after a day', () => {
    const store = createStore('dedup', dedupCodec)
    const dedup = createDedup(store)
    const ids = Array.from({ length: 20_000 }, (_, index) => `p/web/${index.toString(36)}`)
    expect(ids.filter((id) => dedup.isRepeated(id, 0))).toEqual([])
    expect(ids.every((id) => dedup.isRepeated(id, MINUTE_MS))).toBe(true)
    dedup.isRepeated('later', DEDUP_WINDOW_MIN * MINUTE_MS)
    expect(dedup.size).toBeLessThan(2000)
    expect(ids.filter((id) => dedup.isRepeated(id, DEDUP_WINDOW_MIN * MINUTE_MS))).toEqual([])
  })

  it('[A10] past its bound forgets the oldest early, and says so', () => {
    let forgotten = 0
    const dedup = createDedup(createStore('dedup', dedupCodec), {
      idsMax: 4096,
      onShortened: (count) => (forgotten += count),
    })
    for (let id = 0; id < 10_000; id += 1) dedup.isRepeated(`p/web/${id}`, 0)
    expect(dedup.size).toBeLessThanOrEqual(4096)
    expect(dedup.size + forgotten).toBe(10_000)
    expect(dedup.isRepeated('p/web/9999', 0)).toBe(true)
    expect(dedup.isRepeated('p/web/0', 0)).toBe(false)
  })
})
