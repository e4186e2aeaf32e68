import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quarterOctave, roughLog } from './tail-histograms.ts'

/** Where a fourth of a power of two lies, rounding decides the bin. */
const BOUNDARY = 1e-6
const positive = fc.double({ min: 1e-300, max: 1e300, noNaN: true })

describe('logarithms from the bits of a number', () => {
  it('bins are those of four times the binary logarithm', () => {
    fc.assert(
      fc.property(positive, (size) => {
        const exact = 4 * Math.log2(size)
        const isBoundary =
          Math.abs(exact - Math.round(exact)) < BOUNDARY * Math.max(1, Math.abs(exact))
        if (!isBoundary) expect(quarterOctave(size)).toBe(Math.floor(exact))
      }),
    )
  })

  it('the rough one is right to 0.0003', () => {
    fc.assert(
      fc.property(positive, (value) => {
        expect(Math.abs(roughLog(value) - Math.log(value))).toBeLessThan(3e-4)
      }),
    )
  })
})
