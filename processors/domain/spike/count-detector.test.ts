import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import { COUNT_THRESHOLD, createCountDetector, restoreCountDetector } from './count-detector.ts'
import { countSentence } from './count-explanation.ts'
import { CountPool } from './count-pool.ts'
import { KEY_BYTES_MAX } from './count-store.ts'

function poisson(random: Random, mean: number): number {
  let count = 0
  for (let sum = random.exponential(1); sum < mean; sum += random.exponential(1)) count += 1
  return count
}

const DAY_MIN = 1440

describe('the count detector', () => {
  it('[C5] stays quiet on a day and night rhythm and sees ten times the usual within two minutes', () => {
    const random = createSeededRandom(21)
    const detector = createCountDetector()
    const usual = (minute: number): number =>
      2 * (1 + 0.8 * Math.sin((2 * Math.PI * minute) / DAY_MIN))
    let alerts = 0
    for (let minute = 0; minute < 14 * DAY_MIN; minute += 1) {
      const score = detector.update(poisson(random, usual(minute)), minute)
      // What the rhythm is shows on the second day at the earliest.
      if (minute >= 2 * DAY_MIN && score >= COUNT_THRESHOLD) alerts += 1
    }
    expect(alerts).toBe(0)
    const start = 14 * DAY_MIN
    const scores = [0, 1].map((after) => detector.update(poisson(random, 30), start + after))
    expect(scores[1]).toBeGreaterThan(COUNT_THRESHOLD)
    const seen = detector.explain()
    expect(seen?.direction).toBe('spike')
    expect(seen?.observed).toBeGreaterThan(3 * (seen?.expected ?? Infinity))
  })

  it('[C5] a weekend at a third of the rate is no drop, its end no spike', () => {
    const random = createSeededRandom(5)
    const spikes = createCountDetector()
    const drops = createCountDetector({ direction: 'drop' })
    let alerts = 0
    for (let minute = 0; minute < 35 * DAY_MIN; minute += 1) {
      const isWeekend = Math.floor(minute / DAY_MIN) % 7 >= 5
      const count = poisson(random, isWeekend ? 3 : 9)
      const score = Math.max(spikes.update(count, minute), drops.update(count, minute))
      if (minute >= 14 * DAY_MIN && score >= COUNT_THRESHOLD) alerts += 1
    }
    expect(alerts).toBe(0)
  })

  it('[C8] a series at a tenth of its rate is a drop', () => {
    const random = createSeededRandom(6)
    const detector = createCountDetector({ direction: 'drop' })
    for (let minute = 0; minute < 3 * DAY_MIN; minute += 1) {
      expect(detector.update(poisson(random, 10), minute)).toBeLessThan(COUNT_THRESHOLD)
    }
    let score = 0
    for (let after = 0; after < 5; after += 1) score = detector.update(1, 3 * DAY_MIN + after)
    expect(score).toBeGreaterThan(COUNT_THRESHOLD)
    expect(detector.explain()?.direction).toBe('drop')
  })

  it('[C5] the rate may be per request: twice the errors of twice the requests are nothing', () => {
    const random = createSeededRandom(7)
    const perRequest = createCountDetector()
    const perMinute = createCountDetector()
    let highest = 0
    let naive = 0
    for (let minute = 0; minute < 2 * DAY_MIN; minute += 1) {
      const requests = minute >= 2 * DAY_MIN - 60 ? 5000 : 1000
      const count = poisson(random, requests * 0.004)
      highest = Math.max(highest, perRequest.update(count, minute, requests / 1000))
      naive = Math.max(naive, perMinute.update(count, minute))
    }
    expect(highest).toBeLessThan(COUNT_THRESHOLD)
    expect(naive).toBeGreaterThan(COUNT_THRESHOLD)
  })

  it('[C5] continues byte for byte where a snapshot was taken', () => {
    const counts = fc.array(
      fc.record({ gap: fc.integer({ min: 1, max: 5000 }), count: fc.integer({ min: 0, max: 60 }) }),
      { minLength: 2, maxLength: 60 },
    )
    fc.assert(
      fc.property(counts, fc.nat(), fc.constantFrom('spike', 'drop'), (steps, at, direction) => {
        const steady = createCountDetector({ direction })
        let other = createCountDetector({ direction })
        let minute = 0
        for (const [index, { gap, count }] of steps.entries()) {
          minute += gap
          if (index === at % steps.length) {
            const saved = JSON.parse(JSON.stringify(other.snapshot())) as number[]
            other = restoreCountDetector(saved, { direction })
          }
          expect(other.update(count, minute)).toBe(steady.update(count, minute))
        }
        expect(JSON.stringify(other.snapshot())).toBe(JSON.stringify(steady.snapshot()))
      }),
    )
  })

  it('[C5] in its first hours a burst an hour after its like is a job; half an hour after it is not', () => {
    const scoreOfSecond = (after: number, count = 12): number => {
      const detector = createCountDetector()
      let score = 0
      for (let minute = 0; minute <= 7 + after; minute += 1) {
        const isBurst = minute === 7 || minute === 7 + after
        const quiet = minute % 9 === 0 ? 1 : 0
        score = detector.update(isBurst ? (minute === 7 ? 12 : count) : quiet, minute)
      }
      return score
    }
    expect(scoreOfSecond(60)).toBeLessThan(3)
    expect(scoreOfSecond(120)).toBeLessThan(3)
    expect(scoreOfSecond(90)).toBeGreaterThan(COUNT_THRESHOLD)
    // One that is far stronger is no repetition.
    expect(scoreOfSecond(60, 60)).toBeGreaterThan(COUNT_THRESHOLD)
  })

  it('[C5] minutes left out count as zeros', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 1800 }),
        fc.integer({ min: 1, max: 9 }),
        (gap, seed) => {
          const random = createSeededRandom(seed)
          const skipping = createCountDetector()
          const told = createCountDetector()
          for (let minute = 0; minute < 3000; minute += 1) {
            const count = poisson(random, 0.4)
            skipping.update(count, minute)
            told.update(count, minute)
          }
          for (let minute = 3000; minute < 3000 + gap; minute += 1) told.update(0, minute)
          const scores = [skipping, told].map((detector) => detector.update(9, 3000 + gap))
          expect(Math.abs((scores[0] ?? 0) - (scores[1] ?? 0))).toBeLessThan(
            0.05 * (scores[1] ?? 0) + 0.2,
          )
        },
      ),
      { numRuns: 40 },
    )
  })

  it('[C5] a gap of years costs no more than one of days and leaves finite numbers', () => {
    const detector = createCountDetector()
    for (let minute = 0; minute < 500; minute += 1) detector.update(3, minute)
    const score = detector.update(3, 500 + 3 * 365 * DAY_MIN)
    expect(Number.isFinite(score)).toBe(true)
    expect(detector.snapshot().every(Number.isFinite)).toBe(true)
  })

  it('[C5] a late event adds what it would have added in time', () => {
    const pool = new CountPool()
    const [late, inTime] = [pool.add(), pool.add()]
    for (let minute = 0; minute < 600; minute += 1) {
      for (const slot of [late, inTime]) pool.update(slot, minute % 4 === 0 ? 1 : 0, minute)
    }
    for (const slot of [late, inTime]) pool.update(slot, 5, 600)
    pool.update(late, 4, 601)
    pool.update(inTime, 6, 601)
    pool.correct(late, 2, 601)
    expect(pool.score(late)).toBeCloseTo(pool.score(inTime), 0)
    expect(pool.explain(late)?.observed).toBe(pool.explain(inTime)?.observed)
  })

  it('[C5] a peek at the open minute foretells its score and learns nothing', () => {
    const pool = new CountPool()
    const slot = pool.add()
    for (let minute = 0; minute < 605; minute += 1)
      pool.update(slot, minute % 3 === 0 ? 2 : 0, minute)
    const before = JSON.stringify(pool.snapshot(slot))
    const foretold = pool.peek(slot, 25, 605)
    expect(JSON.stringify(pool.snapshot(slot))).toBe(before)
    expect(pool.update(slot, 25, 605)).toBeCloseTo(foretold, 6)
  })

  it('[C5] a key takes at most 512 bytes', () => {
    expect(KEY_BYTES_MAX).toBeLessThanOrEqual(512)
  })

  it('[C5] says it in one sentence', () => {
    const seen = {
      observed: 42,
      expected: 3.14,
      windowMin: 5,
      score: 9.7,
      direction: 'spike',
    } as const
    const said = (score: number): string => countSentence({ ...seen, score }, 'errors')
    expect(said(9.7)).toBe('42 errors in 5 min, 3.1 expected; 16,000 to 1 against chance')
    expect(said(14)).toContain('; 1.2 million to 1 against chance')
    expect(said(23.1)).toContain('; 11 billion to 1 against chance')
    expect(said(900)).toContain('; more than 1,000 trillion to 1 against chance')
  })

  it('[C5] minutes must go up', () => {
    const detector = createCountDetector()
    detector.update(1, 10)
    expect(() => detector.update(1, 10)).toThrow('minutes of a count go up')
  })
})
