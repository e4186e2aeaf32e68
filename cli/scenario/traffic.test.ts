import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { SCENARIOS } from './plans.ts'
import { createTraffic } from './traffic.ts'

const SPAN = { durationS: 120, fromS: 40, toS: 100 }

function play(name: string, seed: number) {
  const plan = SCENARIOS[name]!.make(SPAN, 6)
  const traffic = createTraffic({
    plan,
    random: createSeededRandom(seed),
    rate: 30,
    originMs: 1_790_000_000_000,
  })
  return { plan, events: traffic.between(0, SPAN.durationS) }
}

describe('scenarios', () => {
  it('[A14] there are at least eight with an outage whose truth is known', () => {
    const withTruth = Object.values(SCENARIOS).filter(({ make }) => make(SPAN, 6).truth.length > 0)
    expect(withTruth.length).toBeGreaterThanOrEqual(8)
  })

  it.each(Object.keys(SCENARIOS))(
    '%s repeats itself from its seed and differs with another',
    (name) => {
      expect(play(name, 7).events).toEqual(play(name, 7).events)
      expect(play(name, 7).events).not.toEqual(play(name, 8).events)
    },
  )

  it.each(Object.keys(SCENARIOS))('%s shows its outage in the events', (name) => {
    const { plan, events } = play(name, 3)
    expect(events.length).toBeGreaterThan(1000)
    const times = events.map((event) => event.atS)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    for (const incident of plan.truth) {
      const inside = events.filter(
        (event) => event.atS >= incident.startS && event.atS < incident.endS,
      )
      const services = new Set(inside.map((event) => event.body['service']))
      expect(incident.services.some((service) => services.has(service))).toBe(true)
      expect(incident.endS).toBeGreaterThan(incident.startS)
    }
  })

  it('a bad deploy raises the errors of its service many times over', () => {
    const { events } = play('bad-deploy', 5)
    const errors = (from: number, to: number) =>
      events.filter(
        ({ atS, body }) =>
          body['service'] === 'checkout-service' &&
          body['event_type'] === 'error' &&
          atS >= from &&
          atS < to,
      ).length
    expect(errors(60, 100)).toBeGreaterThan(5 * Math.max(1, errors(0, 40)))
  })
})
