import { describe, expect, it } from 'vitest'
import { applyAll, CASCADE, watched } from './clusterer-fixture.ts'
import { createClusterer } from './clusterer.ts'
import type { Clusterer } from './clusterer.ts'
import { alert, MINUTE, SHOP, T0 } from './detection-fixture.ts'

function cascade(): { clusterer: Clusterer; incidentId: string } {
  const clusterer = watched()
  applyAll(clusterer, CASCADE)
  return { clusterer, incidentId: clusterer.openIncidents()[0]?.id ?? '' }
}

describe('what people decide', () => {
  it('[C11] what was split stays split for new alerts and after a restart', () => {
    const { clusterer, incidentId } = cascade()
    const memberKeys = ['c@prod/edge-1', 'd@prod/edge-1']
    clusterer.applyAction({
      kind: 'split',
      incidentId,
      memberKeys,
      actor: 'Ada',
      atMs: T0 + 3 * MINUTE,
    })
    const restarted = createClusterer({ project: 'shop', topology: SHOP }, clusterer.snapshot())
    for (const each of [clusterer, restarted]) {
      const changes = each.apply(
        alert({ service: 'edge-1', fingerprint: 'c', at: 4 * MINUTE, kind: 'spike' }),
      )
      expect(changes[0]?.incident.number).toBe(2)
      expect(each.openIncidents().map(({ services }) => services)).toEqual([
        ['cart-2', 'pay-3', 'store-4'],
        ['edge-1'],
      ])
    }
  })

  it('[C11] a merge by hand leaves a redirect and both timelines tell it', () => {
    const { clusterer, incidentId } = cascade()
    const [other] = clusterer.apply(alert({ service: 'mail-5', fingerprint: 'm', at: 0 }))
    const from = other?.incident.id ?? ''
    const changes = clusterer.applyAction({
      kind: 'merge',
      incidentId: from,
      into: incidentId,
      actor: 'Ada',
      atMs: T0 + MINUTE,
    })
    expect(
      changes.slice(0, 2).map(({ kind, incident }) => [kind, incident.timeline.at(-1)?.actor]),
    ).toEqual([
      ['merged', 'Ada'],
      ['redirect', 'Ada'],
    ])
    expect(clusterer.incident(from)?.members).toHaveLength(6)
  })

  it('a severity set by a person holds until it is released', () => {
    const { clusterer, incidentId } = cascade()
    const set = (level: number | null): unknown =>
      clusterer.applyAction({
        kind: 'severity',
        incidentId,
        level,
        actor: 'Ada',
        atMs: T0 + 2 * MINUTE,
      })
    set(5)
    clusterer.advance(T0 + 5 * MINUTE)
    expect(clusterer.incident(incidentId)?.severity).toMatchObject({ level: 5, locked: true })
    set(null)
    clusterer.advance(T0 + 6 * MINUTE)
    expect(clusterer.incident(incidentId)?.severity.level).toBeLessThan(5)
  })

  it('unknown incidents and steps the state forbids are refused and change nothing', () => {
    const { clusterer, incidentId } = cascade()
    const before = clusterer.snapshot()
    const by = { actor: 'Ada', atMs: T0 }
    expect(() =>
      clusterer.applyAction({ kind: 'status', status: 'resolved', incidentId: 'no', ...by }),
    ).toThrow('there is no incident')
    expect(() =>
      clusterer.applyAction({ kind: 'split', memberKeys: ['no'], incidentId, ...by }),
    ).toThrow('a split takes')
    expect(clusterer.snapshot()).toEqual(before)
  })

  it('[C16] an incident opened by hand lives without telemetry until a person resolves it', () => {
    const clusterer = watched()
    const by = { incidentId: 'm1', actor: 'Ada' } as const
    const opening = { ...by, kind: 'create', title: 'Phones', level: 2, services: ['a'] } as const
    const [opened] = clusterer.applyAction({ ...opening, atMs: T0 })
    expect(opened).toMatchObject({ kind: 'opened', incident: { number: 1, title: 'Phones' } })
    expect(() => clusterer.applyAction({ ...opening, atMs: T0 + 1 })).toThrow(/already/)
    for (let day = 1; day <= 30; day += 1) clusterer.advance(T0 + day * 24 * 60 * MINUTE)
    const restarted = createClusterer({ project: 'shop', topology: SHOP }, clusterer.snapshot())
    expect(restarted.incident('m1')).toMatchObject({
      status: 'open',
      severity: { level: 2, locked: true },
      services: ['a'],
    })
    const atMs = T0 + 40 * 24 * 60 * MINUTE
    restarted.applyAction({ ...by, kind: 'status', status: 'resolved', atMs })
    restarted.applyAction({ ...by, kind: 'status', status: 'investigating', atMs: atMs + 1 })
    expect(restarted.incident('m1')?.status).toBe('investigating')
  })

  it('[C16] what is seen of it later can be merged in, and the name stays', () => {
    const { clusterer, incidentId } = cascade()
    const by = { actor: 'Ada', atMs: T0 - 1 } as const
    const opening = { kind: 'create', title: 'Phones', level: 2, services: ['phones'] } as const
    clusterer.applyAction({ ...by, ...opening, incidentId: 'm1' })
    clusterer.applyAction({ ...by, kind: 'merge', incidentId, into: 'm1', atMs: T0 + MINUTE })
    expect(clusterer.incident(incidentId)).toMatchObject({ id: 'm1', title: 'Phones' })
    expect(clusterer.incident('m1')?.services).toContain('phones')
    expect(clusterer.incident('m1')?.services.length).toBeGreaterThan(1)
  })
})
