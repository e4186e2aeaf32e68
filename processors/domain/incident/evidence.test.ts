import { describe, expect, it } from 'vitest'
import { createClusterer } from './clusterer.ts'
import { applyAll, watched } from './clusterer-fixture.ts'
import { activity, alert, HOUR, MINUTE, SHOP, T0 } from './detection-fixture.ts'
import { noveltyNats } from './evidence.ts'

const THREE = { service: 'cart-2', fingerprint: 'a', at: 0, count: 3 }
const newcomer = (extra: Parameters<typeof alert>[0]['extra']) =>
  alert({ ...THREE, extra: { expected: 0, ...extra } })

function opensAfter(watchedMs: number, detection = newcomer({})): boolean {
  const clusterer = createClusterer({ project: 'shop', topology: SHOP })
  clusterer.advance(T0 - watchedMs)
  applyAll(clusterer, [detection])
  return clusterer.openIncidents().length === 1
}

describe('evidence of a new fingerprint', () => {
  it('[C3] grows with events, with the time watched, and falls with the time they took', () => {
    expect(noveltyNats(1, 1, 600)).toBe(0)
    expect(noveltyNats(4, 1, 600)).toBeGreaterThan(noveltyNats(3, 1, 600))
    expect(noveltyNats(3, 1, 600)).toBeGreaterThan(noveltyNats(3, 1, 60))
    expect(noveltyNats(3, 1, 600)).toBeGreaterThan(noveltyNats(3, 9, 600))
  })

  it('[C3] three events in a minute open an incident once a service is known; over six minutes it takes days of silence before', () => {
    expect(opensAfter(6 * HOUR)).toBe(true)
    const slow = newcomer({ startedAtMs: T0 - 6 * MINUTE })
    expect(opensAfter(65 * MINUTE, newcomer({ startedAtMs: T0 - MINUTE }))).toBe(true)
    expect(opensAfter(65 * MINUTE, slow)).toBe(false)
    expect(opensAfter(72 * HOUR, slow)).toBe(true)
  })

  it('[C3] events it had long before are no evidence, and they say how often it comes', () => {
    const slow = { startedAtMs: T0 - 8 * MINUTE }
    expect(opensAfter(6 * HOUR, newcomer({ ...slow, count: 9, observed: 3 }))).toBe(false)
    const burst = { startedAtMs: T0 - 2 * MINUTE, count: 6, observed: 6, windowMin: 2 }
    expect(opensAfter(6 * HOUR, newcomer(burst))).toBe(true)
    // It came every four minutes before that.
    expect(opensAfter(6 * HOUR, newcomer({ ...burst, expected: 0.5 }))).toBe(false)
  })

  it('[C3] what its minutes count since counts too', () => {
    const clusterer = watched()
    const first = newcomer({ startedAtMs: T0 - 8 * MINUTE })
    clusterer.apply(first)
    expect(clusterer.openIncidents()).toEqual([])
    applyAll(clusterer, [activity(first, 8, 2), activity(first, 9, 3)])
    expect(clusterer.openIncidents()[0]?.events).toBe(8)
  })
})
