import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { logGamma, rateRatio, regularisedBeta, releasePValue } from './deploy-test.ts'
import { addDuration, createQuantileSketch, quantileMs } from './duration-sketch.ts'
import { createFlapState, FLAP_WINDOW_MS, flip } from './flapping.ts'
import { COLD_START_MS, familiarity, noveltyRule, seeDay, SETTLED_MS } from './novelty.ts'
import type { DaysSeen, NoveltyContext } from './novelty.ts'
import { createServiceClock, noteArrival, noteTick } from './service-clock.ts'
import { isSilence, silenceNats } from './silence.ts'
import { addToSketch, countUsers, hashUser, mergeSketches } from './user-sketch.ts'

const DAY_MS = 86_400_000

describe('novelty', () => {
  const sightings = (count: number, gapMs: number) =>
    Array.from({ length: count }, (_, index) => ({ atMs: index * gapMs, user: index }))
  const context = (serviceAgeMs: number, more: Partial<NoveltyContext> = {}): NoveltyContext => ({
    serviceAgeMs,
    returns: false,
    policy: 'threshold',
    ...more,
  })

  it.each([
    ['cold: nine in five minutes', 9, 20_000, 4, context(0), undefined],
    ['cold: ten in five minutes', 10, 20_000, 4, context(0), 'burst'],
    ['cold: ten in ten minutes', 10, 60_000, 4, context(0), undefined],
    ['cold: fatal', 1, 0, 5, context(0), 'fatal'],
    ['warm: two', 2, 20_000, 5, context(COLD_START_MS), undefined],
    ['warm: three in ten minutes', 3, 200_000, 1, context(COLD_START_MS), 'events'],
    ['warm: three in twenty minutes', 3, 600_000, 1, context(COLD_START_MS), undefined],
    ['settled: two users', 2, 20_000, 1, context(SETTLED_MS), 'users'],
    [
      'settled, coming back: two users',
      2,
      20_000,
      1,
      context(SETTLED_MS, { returns: true }),
      undefined,
    ],
    ['first_event', 1, 0, 1, context(0, { policy: 'first_event' }), 'first_event'],
  ] as const)('[C5] %s', (_, count, gapMs, severityMax, given, expected) => {
    expect(noveltyRule({ sightings: sightings(count, gapMs), severityMax }, given)).toBe(expected)
  })

  it('[C17] up to 5 % of the last 30 days is novel, up to 20 % rare, more frequent', () => {
    const after = (dayCount: number): string => {
      let days: DaysSeen | undefined
      for (let day = 0; day < dayCount; day += 1) days = seeDay(days, day * DAY_MS)
      return familiarity(days as DaysSeen, (dayCount - 1) * DAY_MS)
    }
    expect([1, 2, 6, 7, 30].map(after)).toEqual(['novel', 'rare', 'rare', 'frequent', 'frequent'])
  })

  it('[C17] days older than 30 are forgotten; events out of order count their own day', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 60 }),
        (list) => {
          let days: DaysSeen | undefined
          for (const day of list) days = seeDay(days, day * DAY_MS + 1)
          const newest = Math.max(...list)
          const expected = new Set(list.filter((day) => day > newest - 30)).size
          const bits = (days as DaysSeen).bits.toString(2).replaceAll('0', '').length
          expect([(days as DaysSeen).lastDay, bits]).toEqual([newest, expected])
        },
      ),
    )
  })
})

describe('releases', () => {
  /** P(X ≥ k) summed term by term in logarithms. */
  function binomialTail(n: number, k: number, p: number): number {
    let sum = 0
    for (let i = k; i <= n; i += 1) {
      const choose = logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1)
      sum += Math.exp(choose + i * Math.log(p) + (n - i) * Math.log1p(-p))
    }
    return sum
  }

  it('[C5] the closed form is the exact binomial tail', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 0, max: 80 }),
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        (count, previousCount, exposure) => {
          const got = releasePValue({ count, previousCount, exposure, previousExposure: 10 })
          const want = binomialTail(count + previousCount, count, exposure / (exposure + 10))
          expect(Math.abs(got - want)).toBeLessThan(1e-9 + 1e-8 * want)
        },
      ),
    )
  })

  it('[C5] is stable for a million errors and for none', () => {
    const same = {
      count: 1_000_000,
      exposure: 1e7,
      previousCount: 1_000_000,
      previousExposure: 1e7,
    }
    expect(releasePValue(same)).toBeCloseTo(0.5, 2)
    expect(releasePValue({ ...same, count: 1_010_000 })).toBeLessThan(1e-11)
    expect(releasePValue({ ...same, count: 990_000 })).toBeGreaterThan(1 - 1e-9)
    expect(releasePValue({ ...same, count: 0 })).toBe(1)
    expect(rateRatio(same)).toBeCloseTo(1)
    expect(regularisedBeta(0.5, 3, 3)).toBeCloseTo(0.5, 12)
  })

  it('[C5] the logarithm of gamma agrees with factorials', () => {
    let logFactorial = 0
    for (let n = 1; n < 60; n += 1) {
      logFactorial += Math.log(n)
      expect(logGamma(n + 1)).toBeCloseTo(logFactorial, 9)
    }
  })
})

describe('small rules', () => {
  it('[C14] the tenth flip in ten minutes tells once; slower ones never', () => {
    const fast = createFlapState()
    const told = Array.from({ length: 40 }, (_, index) => flip(fast, index * 30_000))
    expect(told.filter(Boolean)).toHaveLength(1)
    expect(told.indexOf(true)).toBe(9)
    const slow = createFlapState()
    const gapMs = FLAP_WINDOW_MS / 9 + 1
    expect(Array.from({ length: 40 }, (_, index) => flip(slow, index * gapMs)).some(Boolean)).toBe(
      false,
    )
  })

  it('[C8] silence needs a day of life, three minutes and evidence', () => {
    const silence = { silentMin: 5, expected: 50, dispersion: 0.01, ageMin: 2000 }
    expect(isSilence(silence)).toBe(true)
    expect(isSilence({ ...silence, ageMin: 600 })).toBe(false)
    expect(isSilence({ ...silence, silentMin: 2 })).toBe(false)
    expect(isSilence({ ...silence, expected: 10 })).toBe(false)
    expect(silenceNats({ ...silence, dispersion: 1e-6 })).toBeCloseTo(50, 2)
  })

  it('[C5] users are exact up to 64, near beyond, and merge in any order', () => {
    const sketchOf = (from: number, to: number): number[] => {
      const sketch: number[] = []
      for (let user = from; user < to; user += 1) addToSketch(sketch, hashUser(`user-${user}`))
      return sketch
    }
    expect(countUsers(sketchOf(0, 63))).toBe(63)
    const many = countUsers(sketchOf(0, 20_000))
    expect(Math.abs(many - 20_000)).toBeLessThan(6000)
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.nat(200), (a, b, c) => {
        const [low, high] = [sketchOf(0, a), sketchOf(b, b + c)]
        const merged = mergeSketches(low, high)
        expect(merged).toEqual(mergeSketches(high, low))
        expect(merged).toEqual(mergeSketches(merged, high))
        expect(merged).toEqual(a >= b ? sketchOf(0, Math.max(a, b + c)) : merged)
      }),
    )
  })

  it('[C8] quantiles of a minute are within 5 %', () => {
    const sketch = createQuantileSketch()
    for (let ms = 1; ms <= 1000; ms += 1) addDuration(sketch, ms)
    expect(Math.abs((quantileMs(sketch, 0.95) ?? 0) / 950 - 1)).toBeLessThan(0.05)
    expect(quantileMs(createQuantileSketch(), 0.95)).toBeUndefined()
  })

  it('[C5] the clock follows event time: history, laggards, the future', () => {
    const clock = createServiceClock()
    noteTick(clock, 1_000_000)
    expect(clock.nowMs).toBe(0)
    noteArrival(clock, { occurredAtMs: 100_000, receivedAtMs: 2_000_000 })
    expect(clock.nowMs).toBe(100_000)
    noteTick(clock, 2_060_000)
    expect(clock.nowMs).toBe(160_000)
    noteArrival(clock, { occurredAtMs: 50_000, receivedAtMs: 2_060_000 })
    expect(clock.nowMs).toBe(160_000)
    noteArrival(clock, { occurredAtMs: 9_000_000, receivedAtMs: 2_060_000 })
    expect(clock.nowMs).toBe(160_000)
    noteArrival(clock, { occurredAtMs: 2_061_000, receivedAtMs: 2_060_500 })
    expect(clock.nowMs).toBe(2_060_500)
  })
})
