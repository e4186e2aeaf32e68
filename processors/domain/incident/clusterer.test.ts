import { describe, expect, it } from 'vitest'
import type { Detection } from '#/processors/domain/spike/types.ts'
import type { IncidentChange } from './cluster.ts'
import { createClusterer } from './clusterer.ts'
import type { Clusterer } from './clusterer.ts'
import { activity, alert, deploy, HOUR, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'
import { applyAll, CASCADE, watched } from './clusterer-fixture.ts'

describe('clustering', () => {
  it('[C3] the same new issue told again and again is one incident', () => {
    const clusterer = watched()
    const first = alert({ service: 'cart-2', fingerprint: 'a', at: 0 })
    const changes = applyAll(clusterer, [first, { ...first, revision: 1, count: 31 }, first])
    expect(changes.map(({ kind }) => kind)).toEqual(['opened'])
    expect(clusterer.openIncidents()).toHaveLength(1)
    expect(clusterer.openIncidents()[0]?.events).toBe(31)
  })

  it('[C3] counts and the last activity grow with each closed minute', () => {
    const clusterer = watched()
    const first = alert({ service: 'cart-2', fingerprint: 'a', at: 0, count: 5 })
    clusterer.apply(first)
    applyAll(clusterer, [activity(first, 0, 8), activity(first, 1, 4)])
    const [incident] = clusterer.openIncidents()
    expect(incident?.events).toBe(17)
    expect(incident?.lastActivityAt).toBe(activity(first, 1).atMs)
  })

  it('[C4] [C7] a cascade is one incident with all services and its silent-most root', () => {
    const clusterer = watched()
    applyAll(clusterer, CASCADE)
    const open = clusterer.openIncidents()
    expect(open).toHaveLength(1)
    expect(open[0]?.members).toHaveLength(CASCADE.length)
    expect(open[0]?.services).toEqual(['cart-2', 'edge-1', 'pay-3', 'store-4'])
    expect(open[0]?.root).toBe('store-4')
    for (const member of open[0]?.members ?? []) expect(member.reason.sentence).not.toBe('')
  })

  it('[C4] whom spans say a service calls ties it to that service, also later and after a restart', () => {
    const caller = { service: 'mail-5', fingerprint: 'm', message: 'cannot send page 4' }
    const called = alert({ service: 'store-4', fingerprint: 's', at: 20 * MINUTE, count: 40 })
    const membersOf = (callees: readonly string[], calls: readonly string[] = []) => {
      const before = watched()
      before.apply(alert({ ...caller, at: 0, extra: { callees, calls } }))
      before.advance(T0 + 19 * MINUTE)
      const clusterer = createClusterer({ project: 'shop', topology: SHOP }, before.snapshot())
      clusterer.apply(called)
      // It says nothing of its own of whom it calls this time.
      clusterer.apply(
        alert({
          ...caller,
          fingerprint: 'n',
          message: 'upstream timed out',
          errorType: 'TimeoutError',
          at: 20 * MINUTE + 20 * SECOND,
        }),
      )
      const incident = clusterer
        .openIncidents()
        .find(({ members }) => members.some(({ fingerprint }) => fingerprint === 's'))
      return incident?.members.map(({ service }) => service).toSorted()
    }
    expect(membersOf(['store-4'])).toEqual(['mail-5', 'store-4'])
    // Seen when all was well.
    expect(membersOf([], ['store-4'])).toEqual(['mail-5', 'store-4'])
    expect(membersOf([])).toEqual(['store-4'])
  })

  it('[C4] an unrelated service stays out, and so does another environment', () => {
    const clusterer = watched()
    applyAll(clusterer, CASCADE)
    clusterer.apply(alert({ service: 'mail-5', fingerprint: 'm', at: 30 * SECOND }))
    clusterer.apply(
      alert({
        service: 'store-4',
        fingerprint: 's',
        at: 30 * SECOND,
        extra: { environment: 'staging' },
      }),
    )
    expect(clusterer.openIncidents().map(({ members }) => members.length)).toEqual([5, 1, 1])
  })

  it('[C4] two incidents become one when an alert ties both, and the younger one redirects', () => {
    const clusterer = watched()
    const failed = { errorType: 'HTTP503', count: 40 }
    applyAll(clusterer, [
      alert({ service: 'cart-2', fingerprint: 'a', at: 0, message: 'failed to load 4', ...failed }),
      alert({
        service: 'pay-3',
        fingerprint: 'b',
        at: 2.5 * MINUTE,
        message: 'no quote',
        ...failed,
      }),
    ])
    const [older, younger] = clusterer.openIncidents()
    // What the two callers have in common failed first and is noticed last.
    const changes = clusterer.apply(
      alert({
        service: 'store-4',
        fingerprint: 'x',
        at: 3 * MINUTE,
        errorType: 'DiskFullError',
        extra: { startedAtMs: T0 - 10 * SECOND },
      }),
    )
    const kinds = changes.map(({ kind }) => kind).filter((kind) => kind !== 'severity')
    expect(kinds).toEqual(['joined', 'merged', 'redirect'])
    expect(clusterer.openIncidents()).toHaveLength(1)
    expect(clusterer.incident(younger?.id ?? '')?.id).toBe(older?.id)
  })

  it('[C4] incidents with a cause of their own stay two, though an alert between ties both', () => {
    const clusterer = watched()
    applyAll(clusterer, [
      alert({ service: 'cart-2', fingerprint: 'a', at: 0 }),
      alert({ service: 'pay-3', fingerprint: 'b', at: 20 * SECOND }),
      alert({
        service: 'edge-1',
        fingerprint: 'x',
        at: 30 * SECOND,
        errorType: 'HTTP503',
        message: 'failed to render',
      }),
    ])
    expect(clusterer.openIncidents().map(({ services }) => services)).toEqual([
      ['cart-2'],
      ['edge-1', 'pay-3'],
    ])
  })

  it('weak evidence is kept back until minutes confirm it, noise is never told', () => {
    const clusterer = watched()
    const weak = alert({ service: 'cart-2', fingerprint: 'a', at: 0, count: 2 })
    const noise = alert({ service: 'mail-5', fingerprint: 'n', at: 0, count: 2 })
    expect(applyAll(clusterer, [weak, noise])).toEqual([])
    expect(clusterer.apply(activity(weak, 1, 9)).map(({ kind }) => kind)).toEqual(['opened'])
    expect(clusterer.advance(T0 + 2 * HOUR).map(({ kind }) => kind)).toContain('resolved')
    expect(clusterer.openIncidents()).toEqual([])
    expect(clusterer.snapshot().open).toEqual([])
  })

  it('with first_event the first event of a new issue opens an incident', () => {
    const clusterer = createClusterer({ project: 'shop', policy: { opening: 'first_event' } })
    const only = alert({ service: 'cart-2', fingerprint: 'a', at: 0, count: 1 })
    expect(clusterer.apply(only).map(({ kind }) => kind)).toEqual(['opened'])
  })

  it('tells activity at most once a minute of event time', () => {
    const clusterer = watched()
    const first = alert({ service: 'cart-2', fingerprint: 'a', at: 0 })
    clusterer.apply(first)
    const changes: IncidentChange[] = []
    for (let second = 1; second <= 600; second += 1) {
      if (second % 20 === 0)
        clusterer.apply({
          ...activity(first, 0, 1),
          id: `x${second}`,
          startedAtMs: T0 + second * SECOND,
        })
      changes.push(...clusterer.advance(T0 + second * SECOND))
    }
    const updates = changes.filter(({ kind }) => kind === 'updated')
    expect(updates.length).toBeGreaterThanOrEqual(9)
    expect(updates.length).toBeLessThanOrEqual(11)
  })
})

const again = (at: number): Detection =>
  alert({ service: 'cart-2', fingerprint: 'a', at, kind: 'spike' })

describe('lifecycle', () => {
  const first = alert({ service: 'cart-2', fingerprint: 'a', at: 0 })

  function resolvedOne(): Clusterer {
    const clusterer = watched()
    clusterer.apply(first)
    clusterer.advance(T0 + 31 * MINUTE)
    return clusterer
  }

  it('[C10] silence resolves, at the time the silence was long enough', () => {
    const clusterer = watched()
    clusterer.apply(first)
    expect(clusterer.advance(T0 + 29 * MINUTE).map(({ kind }) => kind)).not.toContain('resolved')
    const [resolved] = clusterer.advance(T0 + 45 * MINUTE)
    expect(resolved?.kind).toBe('resolved')
    expect(resolved?.incident.resolvedAt).toBe(T0 + 30 * MINUTE)
  })

  it('[C10] the silence it takes is configurable', () => {
    const clusterer = createClusterer({ project: 'shop', policy: { quietMs: 5 * MINUTE } })
    clusterer.advance(T0 - 6 * HOUR)
    clusterer.apply(first)
    expect(clusterer.advance(T0 + 6 * MINUTE).at(-1)?.kind).toBe('resolved')
  })

  it('[C9] an alert older than the resolution does not reopen, however late it comes', () => {
    const clusterer = resolvedOne()
    clusterer.advance(T0 + 50 * MINUTE)
    expect(clusterer.apply(again(20 * MINUTE))).toEqual([])
    expect(clusterer.openIncidents()).toEqual([])
  })

  it('[C9] the same issue after the resolution reopens it as regressed', () => {
    const clusterer = resolvedOne()
    const changes = clusterer.apply(again(10 * HOUR))
    expect(changes.map(({ kind }) => kind)).toContain('reopened')
    expect(changes.at(-1)?.incident).toMatchObject({
      number: 1,
      status: 'open',
      regressed: true,
      resolvedAt: null,
    })
  })

  it('[C9] after the reopen window it is a new incident that names the old one', () => {
    const clusterer = resolvedOne()
    const [before] = clusterer.snapshot().resolved
    const [opened] = clusterer.apply(again(26 * HOUR))
    expect(opened?.kind).toBe('opened')
    expect(opened?.incident).toMatchObject({
      number: 2,
      recurrenceOf: before?.id,
      regressed: false,
    })
  })

  it('[C9] with a reopen window of 0 every recurrence is a new incident', () => {
    const clusterer = createClusterer({ project: 'shop', policy: { reopenWindowMs: 0 } })
    clusterer.advance(T0 - 6 * HOUR)
    clusterer.apply(first)
    clusterer.advance(T0 + 31 * MINUTE)
    expect(clusterer.apply(again(HOUR))[0]?.incident.number).toBe(2)
  })

  it('[C9] fresh activity after silence sends an investigated incident back to open', () => {
    const clusterer = watched()
    const [opened] = clusterer.apply(first)
    const incidentId = opened?.incident.id ?? ''
    clusterer.applyAction({
      kind: 'status',
      status: 'investigating',
      incidentId,
      actor: 'Ada',
      atMs: T0,
    })
    clusterer.apply(activity(first, 1))
    expect(clusterer.incident(incidentId)?.status).toBe('investigating')
    const changes = clusterer.apply(activity(first, 40))
    expect(changes.map(({ kind }) => kind)).toEqual(['reopened'])
    expect(clusterer.incident(incidentId)?.status).toBe('open')
  })

  it('[C14] an issue that flaps stays in one incident, marked once', () => {
    const clusterer = watched()
    const changes = clusterer.apply(first)
    for (let flip = 1; flip <= 10; flip += 1) {
      changes.push(
        ...clusterer.apply({
          ...first,
          kind: 'episode_end',
          id: `end${flip}`,
          atMs: T0 + flip * MINUTE,
        }),
      )
      changes.push(...clusterer.apply(again(flip * MINUTE + 30 * SECOND)))
      changes.push(
        ...clusterer.apply({
          ...again(flip * MINUTE + 30 * SECOND),
          kind: 'flapping',
          id: `flap${flip}`,
        }),
      )
    }
    expect(clusterer.openIncidents()).toHaveLength(1)
    expect(clusterer.openIncidents()[0]?.flapping).toBe(true)
    expect(changes.filter(({ kind }) => kind === 'flapping')).toHaveLength(1)
  })

  it('a fingerprint that pauses for 100 minutes comes back to its incident', () => {
    const clusterer = watched()
    clusterer.apply(first)
    clusterer.advance(T0 + 100 * MINUTE)
    clusterer.apply(again(100 * MINUTE))
    expect(clusterer.openIncidents().map(({ number }) => number)).toEqual([1])
  })

  it('every change raises seq by one and is in the timeline', () => {
    const clusterer = watched()
    const changes = applyAll(clusterer, CASCADE)
    expect(changes.map(({ incident }) => incident.seq)).toEqual(
      changes.map((_, index) => index + 1),
    )
    expect(changes.at(-1)?.incident.timeline.map(({ seq }) => seq)).toEqual(
      changes.map((_, index) => index + 1),
    )
  })
})

describe('causes', () => {
  it('[C15] a release whose errors are new is the suspect, ranked first', () => {
    const clusterer = watched()
    applyAll(clusterer, [
      deploy('cart-2', 'v7', 0),
      alert({
        service: 'cart-2',
        fingerprint: 'n',
        at: MINUTE,
        release: 'v7',
        extra: { newInRelease: true },
      }),
      alert({
        service: 'edge-1',
        fingerprint: 'u',
        at: 2 * MINUTE,
        errorType: 'HTTP503',
        message: 'upstream cart-2 timed out after 9ms',
      }),
    ])
    const [incident] = clusterer.openIncidents()
    expect(incident).toMatchObject({ root: 'cart-2', suspectDeploy: 'deploy-v7' })
    expect(incident?.causes[0]).toMatchObject({ kind: 'deploy', subject: 'deploy-v7' })
  })

  it('[C15] a harmless deploy shortly before a failure elsewhere is not blamed', () => {
    const clusterer = watched()
    applyAll(clusterer, [deploy('cart-2', 'v7', -5 * MINUTE), ...CASCADE])
    expect(clusterer.openIncidents()[0]).toMatchObject({ root: 'store-4', suspectDeploy: '' })
  })
})
