import { describe, expect, it } from 'vitest'
import { feed, HOUR_MS, makeEvent, MINUTE_MS, ofKind, START_MS } from './detector-fixture.ts'
import { NO_STIRS, noteStir, onsetOf } from './onset.ts'
import { createServiceDetector } from './service-detector.ts'

describe('the beginning of a spike', () => {
  it('[C5] is the stretch that is least likely to be chance, not the odd event before it', () => {
    const whole = { observed: 23, expected: 1, windowMin: 10 }
    expect(onsetOf([91, 1, 95, 2, 99, 10, 100, 10], 100, whole)).toEqual({
      observed: 20,
      expected: 0.2,
      windowMin: 2,
    })
    // A slow rise is all of it.
    const rise = { observed: 20, expected: 1, windowMin: 5 }
    expect(onsetOf([96, 4, 97, 4, 98, 4, 99, 4, 100, 4], 100, rise)).toEqual(rise)
    // What is older than the excursion is not looked at, and without minutes the excursion stands.
    expect(onsetOf([80, 90, 100, 1], 100, { ...rise, observed: 9 }).windowMin).toBe(5)
    expect(onsetOf(NO_STIRS, 100, rise)).toEqual(rise)
  })

  it('[C5] remembers sixteen minutes of an excursion and nothing without one', () => {
    let stirs = NO_STIRS
    for (let minute = 0; minute < 40; minute += 1)
      stirs = noteStir(stirs, { minute, count: 1, score: 5 })
    expect(stirs).toHaveLength(32)
    expect(stirs.slice(-2)).toEqual([39, 1])
    expect(noteStir(stirs, { minute: 40, count: 1, score: 0 })).toEqual([])
  })

  it('[C5] an alert is told to begin in its first minute, with the numbers of that stretch', () => {
    const known = Array.from({ length: 48 }, (_, half) =>
      makeEvent({ occurredAtMs: START_MS + half * 30 * MINUTE_MS, fingerprint: 'known' }),
    )
    const spikeMs = START_MS + 24 * HOUR_MS + 7 * MINUTE_MS
    const odd = [4, 3].map((min) =>
      makeEvent({ occurredAtMs: spikeMs - min * MINUTE_MS, fingerprint: 'known' }),
    )
    const spike = Array.from({ length: 30 }, (_, at) =>
      makeEvent({ occurredAtMs: spikeMs + at * 4000, fingerprint: 'known' }),
    )
    const found = feed(
      createServiceDetector({ project: 'shop', service: 'checkout' }),
      [...known, ...odd, ...spike],
      { fromMs: START_MS, untilMs: spikeMs + 5 * MINUTE_MS },
    )
    const [alert] = ofKind(found, 'spike')
    expect(alert?.startedAtMs).toBe(spikeMs)
    expect(alert?.observed).toBe(alert?.count)
  })
})
