import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { createSeriesDetector, restoreSeriesDetector } from './series-detector.ts'

const FIVE_MIN_MS = 300_000

function scores(values: readonly number[]): number[] {
  const detector = createSeriesDetector()
  return values.map((value, index) => detector.update(value, index * FIVE_MIN_MS))
}

const highest = (list: readonly number[], from: number): number =>
  list.indexOf(Math.max(...list.slice(from)), from)

describe('the series detector', () => {
  const random = createSeededRandom(17)
  const noisy = (index: number): number =>
    50 + 20 * Math.sin((2 * Math.PI * index) / 288) + 4 * random.unit()
  const calm = Array.from({ length: 3000 }, (_, index) => noisy(index))

  it('[C8] a spike, a dip and a step are each the highest score of their series', () => {
    const spike = calm.map((value, index) => (index === 2500 ? value + 60 : value))
    const dip = calm.map((value, index) => (index === 2500 ? value - 60 : value))
    const step = calm.map((value, index) => (index >= 2500 ? value + 45 : value))
    for (const values of [spike, dip, step]) {
      expect(Math.abs(highest(scores(values), 600) - 2500)).toBeLessThanOrEqual(3)
    }
  })

  it('[C8] the scale of a series does not matter', () => {
    const values = calm.map((value, index) => (index === 2500 ? value + 60 : value))
    const scaled = scores(values.map((value) => value * 1024))
    const plain = scores(values)
    for (const [index, score] of plain.entries()) expect(scaled[index]).toBeCloseTo(score, 6)
  })

  it('[C8] scores stay in [0, 1] and finite, whatever comes', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1e-300, 1e300, Number.MAX_VALUE, -Number.MAX_VALUE),
    )
    fc.assert(
      fc.property(fc.array(value, { maxLength: 80 }), (values) => {
        const detector = createSeriesDetector()
        for (const [index, one] of values.entries()) {
          const score = detector.update(one, index * FIVE_MIN_MS)
          expect(score >= 0 && score <= 1).toBe(true)
        }
        expect(detector.snapshot().every(Number.isFinite)).toBe(true)
      }),
    )
  })

  it('[C8] continues byte for byte where a snapshot was taken', () => {
    const steady = createSeriesDetector()
    let other = createSeriesDetector()
    for (const [index, value] of calm.slice(0, 800).entries()) {
      if (index % 130 === 0) {
        other = restoreSeriesDetector(JSON.parse(JSON.stringify(other.snapshot())) as number[])
      }
      const atMs = index * FIVE_MIN_MS
      expect(other.update(value, atMs)).toBe(steady.update(value, atMs))
    }
  })
})
