import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import {
  arrivals,
  feed,
  HOUR_MS,
  makeEvent,
  MINUTE_MS,
  ofKind,
  START_MS,
} from './detector-fixture.ts'
import { createServiceDetector, restoreServiceDetector } from './service-detector.ts'
import type { ServiceSnapshot } from './service-detector.ts'
import type { Detection, DetectorEvent } from './types.ts'

const SERVICE = { project: 'shop', service: 'checkout' }
const DAY_MS = 24 * HOUR_MS

const daily = (base: number) => (atMs: number) =>
  base * (1 + 0.7 * Math.sin((2 * Math.PI * (atMs - START_MS)) / DAY_MS))

function seasonalErrors(seed: number, days: number, base: number): DetectorEvent[] {
  const span = { fromMs: START_MS, toMs: START_MS + days * DAY_MS, rateMax: base * 1.7 }
  return arrivals(createSeededRandom(seed), { ...span, ratePerMin: daily(base) }).map(
    (occurredAtMs) => makeEvent({ occurredAtMs, fingerprint: 'known', userId: 'u1' }),
  )
}

function steady(
  type: DetectorEvent['type'],
  span: { fromMs: number; toMs: number; perMin: number; seed: number },
  more: (atMs: number) => Partial<DetectorEvent> = () => ({}),
): DetectorEvent[] {
  const { fromMs, toMs, perMin, seed } = span
  return arrivals(createSeededRandom(seed), {
    fromMs,
    toMs,
    rateMax: perMin,
    ratePerMin: () => perMin,
  }).map((occurredAtMs) => makeEvent({ occurredAtMs, type, ...more(occurredAtMs) }))
}

describe('spikes', () => {
  it('[C5] seasonal noise gives at most one false alert a day, a real spike is told within a minute', () => {
    const days = 8
    const endMs = START_MS + days * DAY_MS
    const spikeMs = endMs - 2 * HOUR_MS
    const burst = steady('error', { fromMs: spikeMs, toMs: endMs, perMin: 60, seed: 9 }, () => ({
      fingerprint: 'known',
      userId: 'u2',
      host: 'web-1',
    }))
    const found = feed(createServiceDetector(SERVICE), [...seasonalErrors(3, days, 3), ...burst], {
      fromMs: START_MS,
      untilMs: endMs + HOUR_MS,
    })
    const alerts = ofKind(found, 'novel', 'spike', 'drop', 'silence', 'latency')
    const falseAlerts = alerts.filter(
      (alert) => alert.atMs < spikeMs && alert.atMs > START_MS + DAY_MS,
    )
    expect(falseAlerts.length).toBeLessThanOrEqual(days - 1)
    const alert = alerts.find((candidate) => candidate.atMs >= spikeMs)
    expect(alert?.kind).toBe('spike')
    expect((alert?.atMs ?? Infinity) - spikeMs).toBeLessThanOrEqual(MINUTE_MS)
    expect(alert?.observed).toBeGreaterThan(4 * (alert?.expected ?? Infinity))
    expect(alert?.sentence).toMatch(
      /^\d+ errors in \d+ min, [\d.]+ expected; [\w., ]+ to 1 against chance$/,
    )
  })

  it('[C5] tells what the episode does each minute and when it is over', () => {
    const spikeMs = START_MS + DAY_MS
    const burst = steady(
      'error',
      { fromMs: spikeMs, toMs: spikeMs + 10 * MINUTE_MS, perMin: 40, seed: 2 },
      () => ({
        fingerprint: 'known',
      }),
    )
    const found = feed(createServiceDetector(SERVICE), [...seasonalErrors(4, 1, 0.2), ...burst], {
      fromMs: START_MS,
      untilMs: spikeMs + HOUR_MS,
    })
    const [spike] = ofKind(found, 'spike')
    const ofEpisode = found.filter((detection) => detection.episodeId === spike?.id)
    const told = ofEpisode
      .filter((detection) => detection.kind !== 'episode_end')
      .reduce((sum, detection) => sum + detection.count, 0)
    expect(told).toBe(burst.length)
    const end = ofEpisode.find((detection) => detection.kind === 'episode_end')
    expect(end?.count).toBe(burst.length)
    expect(end?.atMs).toBeLessThan(spikeMs + 30 * MINUTE_MS)
  })

  it('[C5] a burst at every full hour is a job, not an incident', () => {
    const events = seasonalErrors(5, 3, 0.1)
    for (let hour = 0; hour < 72; hour += 1) {
      for (let count = 0; count < 30; count += 1) {
        const occurredAtMs = START_MS + hour * HOUR_MS + 7 * MINUTE_MS + count * 1000
        events.push(makeEvent({ occurredAtMs, fingerprint: 'known' }))
      }
    }
    const found = feed(createServiceDetector(SERVICE), events, {
      fromMs: START_MS,
      untilMs: START_MS + 3 * DAY_MS,
    })
    const later = ofKind(found, 'spike').filter((alert) => alert.atMs > START_MS + 6 * HOUR_MS)
    expect(later).toEqual([])
  })
})

describe('what else goes wrong', () => {
  const dayOf = (type: DetectorEvent['type'], perMin: number, hours: number): DetectorEvent[] =>
    steady(type, { fromMs: START_MS, toMs: START_MS + hours * HOUR_MS, perMin, seed: 8 })

  it('[C8] signups that stop are a drop', () => {
    const events = [...dayOf('signup', 4, 30), ...dayOf('http_request', 20, 32)]
    const found = feed(createServiceDetector(SERVICE), events, {
      fromMs: START_MS,
      untilMs: START_MS + 32 * HOUR_MS,
    })
    const [drop] = ofKind(found, 'drop')
    expect(drop).toMatchObject({ subject: 'signups', kind: 'drop' })
    expect((drop?.atMs ?? 0) - (START_MS + 30 * HOUR_MS)).toBeLessThanOrEqual(10 * MINUTE_MS)
    expect(ofKind(found, 'silence')).toEqual([])
  })

  it('[C8] a service that always speaks and stops is silent, and speaks again', () => {
    const before = dayOf('http_request', 20, 30)
    const after = steady('http_request', {
      fromMs: START_MS + 31 * HOUR_MS,
      toMs: START_MS + 32 * HOUR_MS,
      perMin: 20,
      seed: 3,
    })
    const found = feed(createServiceDetector(SERVICE), [...before, ...after], {
      fromMs: START_MS,
      untilMs: START_MS + 32 * HOUR_MS,
    })
    const [silence, ...others] = ofKind(found, 'silence')
    expect(others).toEqual([])
    expect((silence?.atMs ?? 0) - (START_MS + 30 * HOUR_MS)).toBeLessThanOrEqual(5 * MINUTE_MS)
    const end = ofKind(found, 'episode_end').find((other) => other.episodeId === silence?.id)
    expect(end?.atMs).toBe(START_MS + 31 * HOUR_MS + MINUTE_MS)
  })

  it('[C8] errors that stop are no silence', () => {
    const found = feed(createServiceDetector(SERVICE), dayOf('error', 20, 30), {
      fromMs: START_MS,
      untilMs: START_MS + 34 * HOUR_MS,
    })
    expect(ofKind(found, 'silence', 'drop')).toEqual([])
  })

  it('[C8] imported history ends without a silence', () => {
    const importedAtMs = START_MS + 90 * DAY_MS
    const events = dayOf('http_request', 20, 30).map((event, index) => ({
      ...event,
      receivedAtMs: importedAtMs + index,
    }))
    const found = feed(createServiceDetector(SERVICE), events, {
      fromMs: importedAtMs,
      untilMs: importedAtMs + HOUR_MS,
    })
    expect(ofKind(found, 'silence', 'drop')).toEqual([])
  })

  it('[C8] a p95 that triples is a latency alert', () => {
    const random = createSeededRandom(12)
    const slowMs = START_MS + 26 * HOUR_MS
    const span = { fromMs: START_MS, toMs: START_MS + 27 * HOUR_MS, perMin: 30, seed: 5 }
    const events = steady('http_request', span, (atMs) => ({
      durationMs: (80 + 40 * random.unit()) * (atMs >= slowMs ? 4 : 1),
    }))
    const found = feed(createServiceDetector(SERVICE), events, {
      fromMs: START_MS,
      untilMs: START_MS + 27 * HOUR_MS,
    })
    const alerts = ofKind(found, 'latency')
    expect(alerts.map((alert) => alert.atMs >= slowMs)).toEqual([true])
    expect((alerts[0]?.atMs ?? 0) - slowMs).toBeLessThanOrEqual(3 * MINUTE_MS)
    expect(alerts[0]?.observed).toBeGreaterThan(3 * (alerts[0]?.expected ?? Infinity))
  })

  it('[C14] ten flips in ten minutes are told once as flapping', () => {
    const events: DetectorEvent[] = []
    for (let half = 0; half < 40; half += 2) {
      for (let count = 0; count < 5; count += 1) {
        const occurredAtMs = START_MS + half * 30_000 + count * 2000
        events.push(
          makeEvent({ occurredAtMs, fingerprint: 'flappy', severity: 5, userId: `u${count}` }),
        )
      }
    }
    const found = feed(createServiceDetector(SERVICE), events, {
      fromMs: START_MS,
      untilMs: START_MS + HOUR_MS,
    })
    const flapping = ofKind(found, 'flapping')
    expect(flapping).toHaveLength(1)
    expect(flapping[0]?.episodeId).toBe(ofKind(found, 'novel')[0]?.id)
  })
})

describe('new fingerprints', () => {
  const old = (hours: number) =>
    steady(
      'error',
      { fromMs: START_MS, toMs: START_MS + hours * HOUR_MS, perMin: 0.5, seed: 6 },
      () => ({
        fingerprint: 'known',
      }),
    )

  it('[C5] a new fingerprint is told at its third event in a warm service', () => {
    const atMs = START_MS + 3 * HOUR_MS
    const fresh = [0, 20_000, 40_000, 50_000].map((afterMs) =>
      makeEvent({ occurredAtMs: atMs + afterMs, fingerprint: 'new', userId: 'u1' }),
    )
    const found = feed(createServiceDetector(SERVICE), [...old(3), ...fresh], {
      fromMs: START_MS,
      untilMs: atMs + 2 * MINUTE_MS,
    })
    const novel = ofKind(found, 'novel')
    expect(novel).toHaveLength(1)
    expect(novel[0]).toMatchObject({
      fingerprint: 'new',
      atMs: atMs + 40_000,
      observed: 3,
      familiarity: 'novel',
    })
  })

  it('[C5] the policy first_event opens at the first', () => {
    const detector = createServiceDetector({ ...SERVICE, policy: 'first_event' })
    const [novel] = detector.observe(makeEvent({ occurredAtMs: START_MS, fingerprint: 'new' }))
    expect(novel?.kind).toBe('novel')
  })

  it('[C5] late events correct the alert under the same id', () => {
    const atMs = START_MS + 3 * HOUR_MS
    const fresh = [0, 1000, 2000].map((afterMs) =>
      makeEvent({ occurredAtMs: atMs + afterMs, fingerprint: 'new' }),
    )
    const late = makeEvent({
      occurredAtMs: atMs + 3000,
      receivedAtMs: atMs + 4 * MINUTE_MS,
      fingerprint: 'new',
    })
    const found = feed(createServiceDetector(SERVICE), [...old(3), ...fresh, late], {
      fromMs: START_MS,
      untilMs: atMs + 10 * MINUTE_MS,
    })
    const [first, second] = ofKind(found, 'novel')
    expect([first?.revision, first?.count]).toEqual([0, 3])
    expect([second?.revision, second?.count, second?.id]).toEqual([1, 4, first?.id])
  })

  it('[C5] an event that is hours late is told as late and opens nothing', () => {
    const events = [...old(5)]
    const late = makeEvent({
      occurredAtMs: START_MS + 2 * HOUR_MS,
      receivedAtMs: START_MS + 5 * HOUR_MS,
      fingerprint: 'known',
    })
    const found = feed(createServiceDetector(SERVICE), [...events, late], {
      fromMs: START_MS,
      untilMs: START_MS + 5 * HOUR_MS + MINUTE_MS,
    })
    expect(ofKind(found, 'late').map((detection) => detection.sample?.eventId)).toEqual([
      late.eventId,
    ])
  })

  it('[C5] after a deploy the new release is compared with what was before', () => {
    const atMs = START_MS + 3 * HOUR_MS
    const deploy = makeEvent({
      occurredAtMs: atMs,
      type: 'deploy',
      release: 'v2',
      attributes: { deploy_id: 'd1' },
    })
    const fresh = [1, 2, 3].map((afterMin) =>
      makeEvent({ occurredAtMs: atMs + afterMin * MINUTE_MS, fingerprint: 'new', release: 'v2' }),
    )
    const found = feed(createServiceDetector(SERVICE), [...old(3), deploy, ...fresh], {
      fromMs: START_MS,
      untilMs: atMs + 5 * MINUTE_MS,
    })
    expect(ofKind(found, 'deploy')[0]?.deploy).toEqual({ deployId: 'd1', release: 'v2' })
    const [novel] = ofKind(found, 'novel')
    expect(novel?.newInRelease).toBe(true)
    expect(novel?.comparison?.pValue).toBeLessThan(0.001)
    expect(novel?.comparison?.ratio).toBeGreaterThan(10)
  })
})

describe('repeatability', () => {
  const types = ['error', 'http_request', 'signup', 'feedback', 'custom', 'deploy'] as const
  const eventArb = fc.record({
    gapMs: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 4 * HOUR_MS })),
    delayMs: fc.oneof(
      fc.integer({ min: -2000, max: 5000 }),
      fc.integer({ min: -HOUR_MS, max: 2 * HOUR_MS }),
    ),
    type: fc.constantFrom(...types),
    burst: fc.integer({ min: 1, max: 12 }),
    fingerprint: fc.constantFrom('a', 'b', '__proto__', '7'),
    user: fc.integer({ min: 0, max: 5 }),
    release: fc.constantFrom('v1', 'v2'),
  })

  function script(
    steps: readonly (typeof eventArb extends fc.Arbitrary<infer T> ? T : never)[],
  ): DetectorEvent[] {
    let nowMs = START_MS
    const events: DetectorEvent[] = []
    for (const [index, step] of steps.entries()) {
      nowMs += step.gapMs
      for (let count = 0; count < step.burst; count += 1) {
        nowMs += 700
        events.push({
          eventId: `${index}-${count}`,
          occurredAtMs: nowMs - step.delayMs,
          receivedAtMs: nowMs,
          type: step.type,
          severity: 1 + (index % 5),
          environment: 'prod',
          userId: `u${step.user}`,
          release: step.release,
          durationMs: 50 + count,
          statusCode: count % 3 === 0 ? 500 : 200,
          ...(step.type === 'error' ? { fingerprint: step.fingerprint } : {}),
        })
      }
    }
    return events
  }

  const stepsArb = fc.array(eventArb, { minLength: 1, maxLength: 40 })
  const text = (found: readonly Detection[]): string => JSON.stringify(found)

  it('[C5] the same calls give the same bytes, also across snapshots and restarts', () => {
    fc.assert(
      fc.property(stepsArb, fc.integer({ min: 1, max: 7 }), (steps, every) => {
        const events = script(steps)
        const steadily = createServiceDetector(SERVICE)
        let restarted = createServiceDetector(SERVICE)
        for (const [index, event] of events.entries()) {
          const tickMs = event.receivedAtMs + (index % 3) * 20_000
          const expected = [...steadily.observe(event), ...steadily.advance(tickMs)]
          if (index % every === 0) {
            const saved = JSON.parse(JSON.stringify(restarted.snapshot())) as ServiceSnapshot
            restarted = restoreServiceDetector(saved)
          }
          const got = [...restarted.observe(event), ...restarted.advance(tickMs)]
          expect(text(got)).toBe(text(expected))
        }
        expect(JSON.stringify(restarted.snapshot())).toBe(JSON.stringify(steadily.snapshot()))
      }),
      { numRuns: 60 },
    )
  })

  it('[C5] many small ticks find what one large tick finds', () => {
    fc.assert(
      fc.property(stepsArb, (steps) => {
        const events = script(steps)
        const run = (tickMs: number): string => {
          const detector = createServiceDetector(SERVICE)
          const lastMs = events.at(-1)?.receivedAtMs ?? START_MS
          const found: Detection[] = []
          let next = START_MS
          for (const event of events) {
            while (next + tickMs <= event.receivedAtMs) {
              next += tickMs
              found.push(...detector.advance(next))
            }
            found.push(...detector.observe(event))
          }
          found.push(...detector.advance(lastMs + 20 * HOUR_MS))
          return text(found)
        }
        expect(run(61_000)).toBe(run(400 * HOUR_MS))
      }),
      { numRuns: 40 },
    )
  })
})
