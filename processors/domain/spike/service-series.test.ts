import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { arrivals, feed, HOUR_MS, makeEvent, ofKind, START_MS } from './detector-fixture.ts'
import { createServiceDetector } from './service-detector.ts'
import type { DetectorEvent } from './types.ts'

function errors(
  fingerprint: string,
  span: { fromH: number; toH: number; perMin: number; seed: number },
): DetectorEvent[] {
  const { fromH, toH, perMin, seed } = span
  const times = arrivals(createSeededRandom(seed), {
    fromMs: START_MS + fromH * HOUR_MS,
    toMs: START_MS + toH * HOUR_MS,
    rateMax: perMin,
    ratePerMin: () => perMin,
  })
  return times.map((occurredAtMs) => makeEvent({ occurredAtMs, fingerprint }))
}

describe('errors of a service', () => {
  it('[C5] an outage its own issue has told is not the measure of the next day', () => {
    const outageMs = START_MS + 8 * HOUR_MS
    const found = feed(
      createServiceDetector({ project: 'shop', service: 'checkout' }),
      [
        ...errors('known', { fromH: 0, toH: 48, perMin: 0.3, seed: 5 }),
        ...errors('other', { fromH: 0, toH: 48, perMin: 0.1, seed: 6 }),
        ...errors('outage', { fromH: 8, toH: 11, perMin: 6, seed: 7 }),
      ],
      { fromMs: START_MS, untilMs: START_MS + 48 * HOUR_MS },
    )
    const told = ofKind(found, 'novel', 'spike').filter(({ atMs }) => atMs > START_MS + HOUR_MS)
    expect(told.map(({ fingerprint }) => fingerprint)).toEqual(['outage'])
    expect(told[0]?.atMs).toBeLessThan(outageMs + 60_000)
  })
})
