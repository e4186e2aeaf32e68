import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStore } from '#/processors/runtime/store.ts'
import type { ProcessorContext } from '#/processors/runtime/stage.ts'
import { createSlices, WAITING_MAX } from './slices.ts'

const context: ProcessorContext = {
  input: { topic: 'detections.v1', partition: 0 },
  partitionsOf: () => 1,
  emit: () => undefined,
  count: () => undefined,
  openStore: (name, codec) => createStore(name, codec),
}

const item = (slice: number, detail: string) => ({
  slice,
  project: 'p',
  kind: 'spike',
  at: 0,
  detail,
})

/** One source's records in the order it writes them: items of slice n, then the marker of tick n. */
type Step = { marker: number } | { item: string; slice: number }

const sources = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
})

function stepsOf(source: number, counts: readonly number[]): Step[] {
  return counts.flatMap((count, index) => {
    // Ticks are not consecutive numbers: 10, 20, …; what comes between carries the slice after the last tick.
    const tick = (index + 1) * 10
    const items = Array.from({ length: count }, (_, n) => ({
      item: `${source}-${tick}-${n}`,
      slice: tick - (n % 2 === 0 ? 9 : 0),
    }))
    return [...items, { marker: tick }]
  })
}

describe('slices', () => {
  it('[RT13] close at the same place with the same content, however the sources interleave', () => {
    fc.assert(
      fc.property(sources, fc.infiniteStream(fc.nat(1000)), (counts, picks) => {
        const slices = createSlices(context, counts.length)
        const queues = counts.map((each, source) => stepsOf(source, each))
        const closed: [number, string[]][] = []
        while (queues.some((queue) => queue.length > 0)) {
          const open = queues.flatMap((queue, source) => (queue.length > 0 ? [source] : []))
          const source = open[(picks.next().value ?? 0) % open.length]!
          const step = queues[source]!.shift()!
          if ('item' in step) {
            slices.add(item(step.slice, step.item))
          } else {
            for (const { number, items } of slices.mark(source, { number: step.marker, at: 0 }))
              closed.push([number, items.map(({ detail }) => detail).toSorted()])
          }
        }
        const wanted = [10, 20, 30, 40, 50].map((tick, index) => [
          tick,
          counts
            .flatMap((each, source) =>
              Array.from({ length: each[index]! }, (_, n) => `${source}-${tick}-${n}`),
            )
            .toSorted(),
        ])
        expect(closed).toEqual(wanted)
      }),
      { numRuns: 200 },
    )
  })

  it('[RT13] a repeated marker closes nothing', () => {
    const slices = createSlices(context, 1)
    expect(slices.mark(0, { number: 5, at: 1 })).toHaveLength(1)
    expect(slices.mark(0, { number: 5, at: 1 })).toEqual([])
    expect(slices.mark(0, { number: 4, at: 1 })).toEqual([])
  })

  it('[RT13] names the source that does not come when too many wait', () => {
    const slices = createSlices(context, 2)
    slices.mark(0, { number: 7, at: 1 })
    for (let count = 0; count < WAITING_MAX; count += 1) slices.add(item(8, '{}'))
    expect(() => slices.add(item(8, '{}'))).toThrow('wait for source partition 1')
  })
})
