import { describe, expect, it } from 'vitest'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { toAlert } from './alert.ts'
import { affinityOf } from './affinity.ts'
import { findCauses } from './causes.ts'
import type { CauseFindings } from './causes.ts'
import { alert, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'
import { createServiceGraph } from './service-graph.ts'
import type { DeployFact } from './suspects.ts'

const graph = createServiceGraph(SHOP)

function causesOf(
  detections: readonly Detection[],
  deploys: readonly DeployFact[] = [],
): CauseFindings {
  return findCauses(
    detections.map((detection) => toAlert(detection, graph)),
    { graph, deploys },
  )
}

const CALL = { errorType: 'TimeoutError', message: 'failed to load cart 4' }
const deployed = (service: string, release: string, at: number): DeployFact => ({
  deployId: `d-${release}`,
  service,
  environment: 'prod',
  release,
  atMs: T0 + at,
})

describe('root', () => {
  it('a silent service that callers name', () => {
    const message = 'upstream store-4 timed out after 12ms'
    const found = causesOf([
      alert({ service: 'cart-2', fingerprint: 'a', at: 0, errorType: 'TimeoutError', message }),
      alert({ service: 'edge-1', fingerprint: 'b', at: 30 * SECOND, ...CALL }),
    ])
    expect(found.root).toBe('store-4')
    expect(found.causes[0]?.sentence).toContain('itself silent')
  })

  it('a silent service nobody names, which all failing callers have in common', () => {
    const found = causesOf([
      alert({ service: 'cart-2', fingerprint: 'a', at: 0, ...CALL }),
      alert({ service: 'pay-3', fingerprint: 'b', at: 5 * SECOND, ...CALL }),
    ])
    expect(found.root).toBe('store-4')
  })

  it('an external host, not the services that call it', () => {
    const message = 'request to bank.example failed with 502'
    const found = causesOf([
      alert({ service: 'pay-3', fingerprint: 'a', at: 0, errorType: 'HTTP502', message }),
      alert({ service: 'edge-1', fingerprint: 'b', at: 40 * SECOND, ...CALL }),
    ])
    expect(found.root).toBe('bank.example')
    expect(found.causes[0]?.kind).toBe('external')
  })

  it('a zone, when services of one zone fail alike without blaming anyone', () => {
    const services = ['a-1', 'b-2', 'c-3', 'd-4']
    const zoned = createServiceGraph(
      services.map((name) => ({ name, criticality: 2, zone: 'east', calls: [] })),
    )
    const alerts = services.map((service, at) =>
      toAlert(
        alert({
          service,
          fingerprint: service,
          at: at * SECOND,
          errorType: 'ECONNRESET',
          message: 'network error 4',
        }),
        zoned,
      ),
    )
    expect(findCauses(alerts, { graph: zoned, deploys: [] })).toMatchObject({
      root: 'east',
      suspectDeploy: '',
    })
  })

  it('the order of the alerts does not matter', () => {
    const alerts = [
      alert({ service: 'cart-2', fingerprint: 'a', at: 0, ...CALL }),
      alert({ service: 'pay-3', fingerprint: 'b', at: 5 * SECOND, ...CALL }),
      alert({ service: 'edge-1', fingerprint: 'c', at: 9 * SECOND }),
    ]
    expect(causesOf(alerts.toReversed())).toEqual(causesOf(alerts))
  })
})

const own = (extra: Partial<Detection>): Detection =>
  alert({ service: 'cart-2', fingerprint: 'a', at: 2 * MINUTE, release: 'v7', extra })

describe('suspect deploy', () => {
  it('[C15] errors first seen in the new release point to it', () => {
    const found = causesOf([own({ newInRelease: true })], [deployed('cart-2', 'v7', 0)])
    expect(found).toMatchObject({ suspectDeploy: 'd-v7' })
    expect(found.causes[0]).toMatchObject({ kind: 'deploy', subject: 'd-v7' })
  })

  it('[C15] an old error that is credibly more frequent in the new release points to it', () => {
    const comparison = {
      release: 'v7',
      previousRelease: 'v6',
      count: 40,
      exposure: 5,
      previousCount: 3,
      previousExposure: 60,
      ratio: 160,
      pValue: 1e-9,
    }
    const deploys = [deployed('cart-2', 'v7', 0)]
    expect(causesOf([own({ kind: 'spike', comparison })], deploys).suspectDeploy).toBe('d-v7')
    const asBefore = { ...comparison, pValue: 0.3, ratio: 1.2 }
    expect(causesOf([own({ kind: 'spike', comparison: asBefore })], deploys).suspectDeploy).toBe('')
  })

  it('[C15] a count of the minute in which the release went out does not clear it', () => {
    const startedAtMs = T0
    const failures = own({ kind: 'spike', subject: 'failures', fingerprint: '', startedAtMs })
    const brought = own({ newInRelease: true, startedAtMs: T0 + 17 * SECOND })
    const deploys = [deployed('cart-2', 'v7', 12 * SECOND)]
    const found = causesOf([failures, brought], deploys)
    expect(found.suspectDeploy).toBe('d-v7')
    expect(found.causes[0]?.sentence).toContain('5 s before')
    // One odd failure draws the beginning of a count some minutes ahead; what failed long before needed no release.
    const drawn = { ...failures, startedAtMs: T0 - 3 * MINUTE }
    expect(causesOf([drawn, brought], deploys).suspectDeploy).toBe('d-v7')
    const earlier = { ...failures, startedAtMs: T0 - 6 * MINUTE }
    expect(causesOf([earlier, brought], deploys).suspectDeploy).toBe('')
  })

  it('[C15] a count told from the minute of the release on is not older than it', () => {
    const counted = own({ kind: 'spike', fingerprint: 'b', startedAtMs: T0 })
    const brought = own({ startedAtMs: T0 + 40 * SECOND })
    const deploys = [{ release: 'v7', atMs: T0 + 30 * SECOND }]
    const affinity = (startedAtMs: number): number =>
      affinityOf(
        toAlert(brought, graph, deploys),
        toAlert({ ...counted, startedAtMs, releases: ['v6', 'v7'] }, graph, deploys),
        { graph, memberLastAtMs: T0, flappingRejoinMs: 0 },
      ).value
    expect(toAlert(counted, graph, deploys).deployedAtMs).toBe(T0 + 30 * SECOND)
    expect(affinity(T0)).toBeGreaterThan(0.8)
    // Six minutes before, nothing that a count says about its beginning excuses it.
    expect(affinity(T0 - 6 * MINUTE)).toBeLessThan(0.45)
  })

  it.each([
    ['later than the errors', deployed('cart-2', 'v7', 5 * MINUTE)],
    ['long before them', deployed('cart-2', 'v7', -40 * MINUTE)],
    ['of another service', deployed('pay-3', 'v7', 0)],
    ['of another release', deployed('cart-2', 'v8', 0)],
  ])('[C15] a deploy %s is not blamed', (_, deploy) => {
    expect(causesOf([own({ newInRelease: true })], [deploy]).suspectDeploy).toBe('')
  })

  it('[C15] errors that blame another service do not blame the deploy', () => {
    const message = 'upstream store-4 timed out after 12ms'
    const blaming = alert({
      service: 'cart-2',
      fingerprint: 'a',
      at: MINUTE,
      errorType: 'TimeoutError',
      message,
      release: 'v7',
      extra: { newInRelease: true },
    })
    expect(causesOf([blaming], [deployed('cart-2', 'v7', 0)]).suspectDeploy).toBe('')
  })
})

describe('several suspect deploys', () => {
  const broken = (fingerprint: string, release: string, at = 3 * MINUTE): Detection =>
    alert({ service: 'cart-2', fingerprint, at, release, extra: { newInRelease: true } })
  const deploys = [deployed('cart-2', 'v7', 0), deployed('cart-2', 'v8', 2 * MINUTE)]
  const suspected = (found: CauseFindings): string[] =>
    found.causes.flatMap(({ kind, subject }) => (kind === 'deploy' ? [subject] : []))

  it('[C15] the one that most errors speak for comes first, not the latest', () => {
    const found = causesOf([broken('a', 'v7'), broken('b', 'v7'), broken('c', 'v8')], deploys)
    expect(found.suspectDeploy).toBe('d-v7')
    expect(suspected(found)).toEqual(['d-v7', 'd-v8'])
    const [first, second] = found.causes
    expect(second?.weight).toBeLessThan(first?.weight ?? 0)
    expect(second?.sentence).toBe(
      'cart-2 v8 went out 55 s before; 1 error speaks for it, 2 for v7.',
    )
  })

  it('[C15] of equals the first names the other too', () => {
    const found = causesOf([broken('a', 'v7'), broken('b', 'v8')], deploys)
    expect(suspected(found)).toEqual(['d-v8', 'd-v7'])
    expect(found.causes.slice(0, 2).map(({ sentence }) => sentence)).toEqual([
      'cart-2 v8 went out 55 s before, v7 175 s before: as much speaks for each.',
      'cart-2 v7 went out 175 s before, v8 55 s before: as much speaks for each.',
    ])
  })

  it('[C15] a deploy elsewhere comes after the one where the errors are, and a release stands once', () => {
    const staging = { ...deployed('cart-2', 'v7', 2 * MINUTE), environment: 'stage', deployId: 's' }
    const found = causesOf([broken('a', 'v7')], [...deploys, staging])
    expect(suspected(found)).toEqual(['d-v7'])
    // Nobody told of a deploy there: the release is the guilty one all the same.
    expect(causesOf([broken('a', 'v7')], [staging]).suspectDeploy).toBe('s')
    const other = { ...staging, release: 'v8' }
    const both = causesOf(
      [broken('a', 'v7'), broken('b', 'v8')],
      [deployed('cart-2', 'v7', 0), other],
    )
    expect(suspected(both)).toEqual(['d-v7', 's'])
    expect(both.causes[1]?.sentence).toBe('cart-2 v8 went out 55 s before, but in stage.')
  })

  it('[C15] a deploy without a release is not blamed for errors that were there before', () => {
    const unnamed = deployed('cart-2', '', 0)
    const known = own({ kind: 'spike', releases: ['v6'] })
    expect(causesOf([known], [unnamed]).suspectDeploy).toBe('')
    const unheard = own({ kind: 'spike', releases: [], newInRelease: true })
    expect(causesOf([unheard], [unnamed]).suspectDeploy).toBe('d-')
  })

  it('the order in which deploys were told does not matter', () => {
    const detections = [broken('a', 'v7'), broken('b', 'v8')]
    expect(causesOf(detections, deploys.toReversed())).toEqual(causesOf(detections, deploys))
  })
})
