import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EXTREMES_LENGTH, RunningExtremes, WINDOWS } from './running-extremes.ts'

describe('running extremes', () => {
  it('[C8] are the largest and smallest of each window, and go on from their numbers', () => {
    const point = fc.integer({ min: -50, max: 50 })
    fc.assert(
      fc.property(fc.array(point, { maxLength: 700 }), (points) => {
        const state = new Float64Array(EXTREMES_LENGTH)
        for (const [at, value] of points.entries()) {
          // A new one each time: whatever it knows is in the numbers.
          const extremes = new RunningExtremes(state)
          extremes.push(value)
          if (at % 37 !== 0) continue
          for (const [index, window] of WINDOWS.entries()) {
            const last = points.slice(Math.max(0, at + 1 - window), at + 1)
            expect(extremes.largest(index)).toBe(Math.max(...last))
            expect(extremes.smallest(index) + 0).toBe(Math.min(...last) + 0)
            expect(extremes.isFull(index)).toBe(at + 1 > window)
          }
        }
      }),
      { numRuns: 40 },
    )
  })
})
