import { describe, expect, it } from 'vitest'
import { createClusterer } from './clusterer.ts'
import { applyAll, CASCADE, watched } from './clusterer-fixture.ts'
import { activity, alert, HOUR, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'
import { SILENCES_MAX, type Silence, type SilenceMatch } from './silence.ts'

function silence(match: SilenceMatch, over: Partial<Silence> = {}) {
  const base = { id: 's1', project: 'shop', actor: 'ann', reason: 'new disks' }
  const times = { from: T0 - MINUTE, until: T0 + 10 * MINUTE }
  return { kind: 'silence' as const, silence: { ...base, ...times, match, ...over }, atMs: T0 }
}

const CART = alert({ service: 'cart-2', fingerprint: 'a', at: 0, count: 5 })

describe('silences', () => {
  it('[C13] what is muted is an incident that counts and says that nobody is to be told', () => {
    const clusterer = watched()
    clusterer.applyAction(silence({ service: 'cart-*' }))
    const [opened] = clusterer.apply(CART)
    expect(opened).toMatchObject({ kind: 'opened', incident: { silenced: { id: 's1' } } })
    applyAll(clusterer, [activity(CART, 0, 8), activity(CART, 1, 4)])
    const [incident] = clusterer.openIncidents()
    expect(incident).toMatchObject({
      events: 17,
      silenced: { id: 's1', until: T0 + 10 * MINUTE, reason: 'new disks' },
      members: [{ silence: { id: 's1' } }],
    })
  })

  it('[C13] it ends by itself, and says so once', () => {
    const clusterer = watched()
    clusterer.applyAction(silence({ service: 'cart-2' }))
    clusterer.apply(CART)
    for (let minute = 0; minute < 9; minute++) {
      clusterer.apply(activity(CART, minute, 8))
      clusterer.advance(T0 + (minute + 1) * MINUTE)
    }
    expect(clusterer.openIncidents()[0]?.silenced).toBeDefined()
    const changes = clusterer.advance(T0 + 10 * MINUTE)
    expect(changes.filter(({ kind }) => kind === 'unsilenced')).toHaveLength(1)
    const [incident] = clusterer.openIncidents()
    expect(incident).not.toHaveProperty('silenced')
    expect(incident?.members[0]).not.toHaveProperty('silence')
    expect(clusterer.snapshot()).not.toHaveProperty('silences')
  })

  it('[C13] one member that is not muted is enough for the incident to be told', () => {
    const clusterer = watched()
    clusterer.applyAction(silence({ service: 'store-4' }))
    const [first, ...others] = CASCADE
    clusterer.apply(first!)
    expect(clusterer.openIncidents()[0]?.silenced).toBeDefined()
    const changes = applyAll(clusterer, others)
    expect(changes.map(({ kind }) => kind)).toContain('unsilenced')
    const [incident] = clusterer.openIncidents()
    expect(incident?.silenced).toBeUndefined()
    expect(incident?.members.filter((member) => member.silence !== undefined)).toHaveLength(1)
  })

  it('[C13] every field that is given has to match; others are left alone', () => {
    for (const match of [
      { service: 'cart-2', environment: 'staging' },
      { fingerprint: 'b*' },
      { service: 'cart' },
    ]) {
      const clusterer = watched()
      clusterer.applyAction(silence(match))
      clusterer.apply(CART)
      expect(clusterer.openIncidents()[0]).not.toHaveProperty('silenced')
    }
    const clusterer = watched()
    clusterer.applyAction(silence({ service: '*', fingerprint: 'a', environment: '*' }))
    clusterer.apply(CART)
    expect(clusterer.openIncidents()[0]).toHaveProperty('silenced')
  })

  it('[C13] a planned one mutes what is open when it begins, and taking it back ends it at once', () => {
    const clusterer = watched()
    clusterer.applyAction(silence({ service: 'cart-2' }, { from: T0 + 2 * MINUTE }))
    clusterer.apply(CART)
    clusterer.advance(T0 + SECOND)
    expect(clusterer.openIncidents()[0]).not.toHaveProperty('silenced')
    const begun = clusterer.advance(T0 + 2 * MINUTE)
    expect(begun.map(({ kind }) => kind)).toContain('silenced')
    const action = { kind: 'unsilence' as const, id: 's1', actor: 'ann', atMs: T0 + 3 * MINUTE }
    expect(clusterer.applyAction(action).map(({ kind }) => kind)).toEqual(['unsilenced'])
    expect(clusterer.applyAction(action)).toEqual([])
  })

  it('[C13] it lives through a restart, byte for byte, and one that has ended mutes nothing', () => {
    const clusterer = watched()
    clusterer.applyAction(silence({ service: 'cart-2' }))
    const text = JSON.stringify(clusterer.snapshot())
    const restarted = createClusterer(
      { project: 'shop', topology: SHOP },
      JSON.parse(text) as ReturnType<typeof clusterer.snapshot>,
    )
    expect(JSON.stringify(restarted.apply(CART))).toBe(JSON.stringify(clusterer.apply(CART)))
    expect(restarted.openIncidents()[0]).toHaveProperty('silenced')
    const late = watched()
    late.applyAction(silence({ service: 'cart-2' }, { until: T0 - HOUR * 7 }))
    expect(late.snapshot()).not.toHaveProperty('silences')
  })

  it('[C13] there are at most so many', () => {
    const clusterer = watched()
    for (let at = 0; at < SILENCES_MAX + 5; at++)
      clusterer.applyAction(silence({ service: `x-${at}` }, { id: `s${at}` }))
    expect(clusterer.snapshot().silences).toHaveLength(SILENCES_MAX)
  })
})
