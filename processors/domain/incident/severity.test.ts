import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holdSeverity, scoreSeverity, settled, severityLevel } from './severity.ts'
import type { SeverityInputs } from './severity.ts'

const INPUTS: SeverityInputs = {
  users: 99,
  activeUsers: 9999,
  criticality: 4,
  observed: 64,
  expected: 1,
  budgetBurn: 15,
  services: 15,
  newInRelease: true,
  regressed: false,
  businessAnomaly: true,
}

const anyInputs = fc.record({
  users: fc.nat(1e6),
  activeUsers: fc.nat(1e6),
  criticality: fc.integer({ min: 0, max: 4 }),
  observed: fc.nat(1e7),
  expected: fc.double({ min: 0, max: 1e5, noNaN: true }),
  budgetBurn: fc.option(fc.double({ min: 0, max: 1e4, noNaN: true })),
  services: fc.nat(500),
  newInRelease: fc.boolean(),
  regressed: fc.boolean(),
  businessAnomaly: fc.boolean(),
})

const budgetTerm = (budgetBurn: number | null): number | undefined =>
  scoreSeverity({ ...INPUTS, budgetBurn }).terms.find(({ name }) => name === 'error_budget')?.value

describe('severity', () => {
  it('[C6] the score is the sum of the terms shown, for any input', () => {
    fc.assert(
      fc.property(anyInputs, (inputs) => {
        const { z, score, level, terms } = scoreSeverity(inputs)
        const sum = terms.reduce((total, term) => total + term.weight * term.value, 0)
        expect(z).toBeCloseTo(sum, 12)
        expect(score).toBe(Math.round((100 * sum) / 5.9))
        expect(level).toBe(severityLevel(z))
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(100)
        for (const term of terms) expect(term.reason).not.toBe('')
      }),
    )
  })

  it('[C6] shows users, criticality, burst, error budget, spread, novelty and business', () => {
    const { terms, score } = scoreSeverity(INPUTS)
    expect(terms.map(({ name, weight, value }) => [name, weight, value])).toEqual([
      ['users', 2.7, 0.5],
      ['criticality', 0.7, 1],
      ['burst', 1, 1],
      ['error_budget', 0.8, 1],
      ['spread', 0.1, 1],
      ['novelty', 0.1, 1],
      ['business', 0.5, 1],
    ])
    expect(score).toBe(Math.round((100 * 4.55) / 5.9))
  })

  it('[C6] more of anything never lowers the score', () => {
    const grows = ['users', 'observed', 'services'] as const
    fc.assert(
      fc.property(anyInputs, fc.constantFrom(...grows), fc.nat(1000), (inputs, name, more) => {
        const larger = { ...inputs, [name]: inputs[name] + more }
        expect(scoreSeverity(larger).z).toBeGreaterThanOrEqual(scoreSeverity(inputs).z)
      }),
    )
  })

  it.each([
    [4.2, 1],
    [4.19, 2],
    [3, 2],
    [2.99, 3],
    [1.8, 3],
    [1.79, 4],
    [1, 4],
    [0.99, 5],
    [0, 5],
  ])('z %d is SEV%d', (z, level) => expect(severityLevel(z)).toBe(level))

  it('error budget steps at burn rates 1, 6 and 14.4', () => {
    expect([null, 0.9, 1, 5.9, 6, 14.3, 14.4].map((burn) => budgetTerm(burn))).toEqual([
      0, 0, 0.2, 0.2, 0.6, 0.6, 1,
    ])
  })

  describe('what is shown over time', () => {
    const severe = scoreSeverity(INPUTS)
    const mild = scoreSeverity({ ...INPUTS, users: 0, observed: 0, criticality: 1, services: 1 })
    const downMs = 15 * 60_000

    it('goes up at once', () => {
      const held = holdSeverity({ ...settled(mild), lowerSinceMs: 5 }, severe, {
        nowMs: 10,
        downMs,
      })
      expect(held).toEqual(settled(severe))
    })

    it('waits four times as long for each further fall, so that coming and going is not told time and again', () => {
      let held = settled(severe)
      const falls: number[] = []
      for (let minute = 0; minute < 240; minute += 1) {
        const before = held.shown.level
        const computed = minute % 20 === 19 ? severe : mild
        held = holdSeverity(held, computed, { nowMs: minute * 60_000, downMs })
        if (held.shown.level > before) falls.push(minute)
      }
      // Severe again every twenty minutes: without the longer wait it would fall twelve times.
      expect(falls).toEqual([15])
      const quiet = holdSeverity({ ...held, lowerSinceMs: 0, falls: 1 }, mild, {
        nowMs: 4 * downMs,
        downMs,
      })
      expect(quiet).toMatchObject({ shown: { level: mild.level }, falls: 2 })
    })

    it('goes down only after 15 minutes below, with the terms of the moment meanwhile', () => {
      const first = holdSeverity(settled(severe), mild, { nowMs: 0, downMs })
      expect(first.shown.level).toBe(severe.level)
      expect(first.shown.score).toBe(mild.score)
      const before = holdSeverity(first, mild, { nowMs: downMs - 1, downMs })
      expect(before.shown.level).toBe(severe.level)
      expect(holdSeverity(before, mild, { nowMs: downMs, downMs }).shown.level).toBe(mild.level)
    })

    it('falls to the worst level of those 15 minutes, not to the last', () => {
      const middling = { ...mild, level: severe.level + 1 }
      const later = { nowMs: 60_000, downMs }
      const first = holdSeverity(settled(severe), middling, { nowMs: 0, downMs })
      const second = holdSeverity(first, mild, later)
      expect(mild.level).toBeGreaterThan(middling.level)
      expect(holdSeverity(second, mild, { nowMs: downMs, downMs }).shown.level).toBe(middling.level)
    })

    it('a lock keeps its level against everything', () => {
      const locked = settled({ ...mild, level: 2, locked: true })
      for (const computed of [severe, mild])
        expect(holdSeverity(locked, computed, { nowMs: 1e9, downMs }).shown.level).toBe(2)
    })
  })
})
