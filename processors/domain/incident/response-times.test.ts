import { describe, expect, it } from 'vitest'
import { createClusterer } from './clusterer.ts'
import { alert, HOUR, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'
import { responseTimes } from './response-times.ts'

const WEEK = { fromMs: T0 - HOUR, toMs: T0 - HOUR + 7 * 24 * HOUR }

describe('response times', () => {
  it('[D6] detection, acknowledgement and resolution of a scripted incident', () => {
    const clusterer = createClusterer({ project: 'shop', topology: SHOP })
    clusterer.advance(T0 - 6 * HOUR)
    const incidentId =
      clusterer.apply(alert({ service: 'cart-2', fingerprint: 'a', at: 0 }))[0]?.incident.id ?? ''
    const by = { incidentId, actor: 'Ada', kind: 'status' as const }
    clusterer.applyAction({ ...by, status: 'investigating', atMs: T0 + 4 * MINUTE })
    clusterer.applyAction({ ...by, status: 'resolved', atMs: T0 + 50 * MINUTE })
    clusterer.apply(alert({ service: 'cart-2', fingerprint: 'a', at: 3 * HOUR, kind: 'spike' }))
    const incident = clusterer.incident(incidentId)
    expect(responseTimes(incident === undefined ? [] : [incident], WEEK)).toEqual({
      detectMs: 5 * SECOND,
      acknowledgeMs: 4 * MINUTE,
      // Open again: there is no resolution to measure.
      resolveMs: null,
      pagesPerWeek: 2,
    })
    clusterer.applyAction({ ...by, status: 'resolved', atMs: T0 + 4 * HOUR })
    const closed = clusterer.incident(incidentId)
    expect(responseTimes(closed === undefined ? [] : [closed], WEEK).resolveMs).toBe(4 * HOUR)
  })

  it('[D6] says null, not zero, when nothing tells', () => {
    expect(responseTimes([], WEEK)).toEqual({
      detectMs: null,
      acknowledgeMs: null,
      resolveMs: null,
      pagesPerWeek: 0,
    })
  })
})
