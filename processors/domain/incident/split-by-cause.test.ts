import { describe, expect, it } from 'vitest'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { toAlert } from './alert.ts'
import type { DeployTime } from './alert.ts'
import { applyAll, CASCADE, watched } from './clusterer-fixture.ts'
import { alert, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'
import { createServiceGraph } from './service-graph.ts'
import { coverCauses } from './cause-cover.ts'

const graph = createServiceGraph(SHOP)
/** The issues of each cause, the one with most of them first. */
const partsOf = (
  detections: readonly Detection[],
  deploys: readonly DeployTime[] = [],
): string[][] =>
  coverCauses(
    detections.map((detection) => toAlert(detection, graph, deploys)),
    graph,
  )
    .map(({ alerts }) => alerts.map(({ fingerprint }) => fingerprint))
    .toSorted((left, right) => right.length - left.length)
const leftOf = (detections: readonly Detection[]): string[] => partsOf(detections).slice(1).flat()

const BANK = [
  alert({
    service: 'pay-3',
    fingerprint: 'bank',
    at: 30 * SECOND,
    errorType: 'HTTP502',
    message: 'request to bank.example failed with 4',
  }),
  alert({
    service: 'pay-3',
    fingerprint: 'bank-2',
    at: 45 * SECOND,
    errorType: 'TimeoutError',
    message: 'no answer from bank.example within 30',
  }),
]

describe('two causes in one incident', () => {
  it('a cascade has one cause, whatever follows from it', () => {
    expect(leftOf(CASCADE)).toEqual([])
  })

  it('what blames an outside host is no part of a full disk', () => {
    expect(leftOf([...CASCADE, ...BANK])).toEqual(['bank', 'bank-2'])
  })

  it('one alert that only blames another may be a link that is not yet seen', () => {
    const clusterer = watched()
    const all = [...CASCADE, ...BANK.slice(0, 1)]
    applyAll(
      clusterer,
      all.toSorted((left, right) => left.atMs - right.atMs),
    )
    clusterer.advance(T0 + 3 * MINUTE)
    expect(clusterer.openIncidents()).toHaveLength(1)
  })

  it('who named a service before that one failed for a deeper reason stays with its first failure', () => {
    const failing = (service: string, fingerprint: string, at: number, message: string) =>
      alert({ service, fingerprint, at, errorType: 'TimeoutError', message })
    const pool = alert({
      service: 'cart-2',
      fingerprint: 'pool',
      at: 0,
      errorType: 'ConnectionPoolExhausted',
      message: 'resource exhausted on 4',
    })
    const first = failing('edge-1', 'first', MINUTE, 'upstream cart-2 timed out after 4ms')
    const deeper = [
      failing('store-4', 'slow', MINUTE + 20 * SECOND, 'operation exceeded 4ms'),
      failing('cart-2', 'call', 7 * MINUTE, 'upstream store-4 timed out after 4ms'),
      failing('pay-3', 'pay', 7 * MINUTE, 'upstream store-4 timed out after 4ms'),
    ]
    const second = failing('edge-1', 'second', 8 * MINUTE, 'upstream cart-2 timed out after 4ms')
    expect(partsOf([pool, first, ...deeper, second])).toEqual([
      ['slow', 'call', 'pay', 'second'],
      ['pool', 'first'],
    ])
  })

  it('what fails without blaming anybody joins those that name whom it calls', () => {
    const clusterer = watched()
    const call = { errorType: 'TimeoutError', at: 0 }
    const [message, vague] = ['upstream store-4 timed out after 4ms', 'failed to reserve quote 7']
    applyAll(clusterer, [
      alert({ ...call, service: 'cart-2', fingerprint: 'names', message }),
      alert({ ...call, service: 'pay-3', fingerprint: 'vague', at: 2 * MINUTE, message: vague }),
    ])
    const [incident, ...others] = clusterer.openIncidents()
    expect(others).toEqual([])
    expect(incident?.members[1]?.reason.rule).toBe('calls_named')
  })

  it('what the root itself blames lies deeper, it is no second cause', () => {
    const blaming = alert({
      service: 'cart-2',
      fingerprint: 'deep',
      at: 10 * SECOND,
      errorType: 'TimeoutError',
      message: 'upstream store-4 timed out after 4ms',
    })
    const callers = ['x', 'y'].map((fingerprint) =>
      alert({
        service: 'edge-1',
        fingerprint,
        at: 20 * SECOND,
        errorType: 'HTTP503',
        message: 'upstream cart-2 timed out after 4ms',
      }),
    )
    expect(leftOf([blaming, ...callers])).toEqual([])
  })

  it('a caller whose calls fail is no cause, however many blame it', () => {
    const callers = ['x', 'y', 'z'].map((fingerprint) =>
      alert({
        service: 'edge-1',
        fingerprint,
        at: 90 * SECOND,
        errorType: 'HTTP503',
        message: `upstream cart-2 timed out after ${fingerprint}`,
      }),
    )
    expect(leftOf([...CASCADE, ...callers])).toEqual([])
  })

  it('[C4] a bad release in a service that also suffers from another is a cause of its own', () => {
    const at = (fingerprint: string, seconds: number): Detection =>
      alert({ service: 'edge-1', fingerprint, at: seconds * SECOND, release: 'v2' })
    const own = [at('n', 100), at('o', 130)]
    const deploys = [{ release: 'v2', atMs: T0 + 60 * SECOND }]
    expect(partsOf([...CASCADE, ...own], deploys)).toEqual([
      CASCADE.map(({ fingerprint }) => fingerprint ?? ''),
      ['n', 'o'],
    ])
    expect(partsOf([...CASCADE, ...own])).toHaveLength(1)
  })

  it('[C4] a zone that loses its network and a full disk elsewhere are two', () => {
    const big = createServiceGraph([
      ...SHOP,
      ...['a', 'b', 'c', 'd'].map((name) => ({
        name: `zone-${name}`,
        criticality: 2,
        zone: 'z9',
        calls: name === 'a' ? ['store-4'] : [],
      })),
    ])
    const network = ['a', 'b', 'c', 'd'].map((name) =>
      alert({
        service: `zone-${name}`,
        fingerprint: `net-${name}`,
        at: 15 * SECOND,
        errorType: 'ECONNRESET',
        message: 'network error 7',
      }),
    )
    const parts = coverCauses(
      [...CASCADE, ...network].map((detection) => toAlert(detection, big)),
      big,
    )
    expect(parts.map(({ cause }) => cause.subject).toSorted()).toEqual(['store-4', 'z9'])
    expect(parts.map(({ alerts }) => alerts.length).toSorted((a, b) => a - b)).toEqual([4, 5])
  })

  it('[C11] what a person put together stays together', () => {
    const clusterer = watched()
    const both = [...CASCADE, ...BANK].toSorted((left, right) => left.atMs - right.atMs)
    applyAll(clusterer, both)
    const [incident] = clusterer.openIncidents()
    const [other] = clusterer.apply(alert({ service: 'mail-5', fingerprint: 'm', at: 0 }))
    clusterer.applyAction({
      kind: 'merge',
      incidentId: other?.incident.id ?? '',
      into: incident?.id ?? '',
      actor: 'Ada',
      atMs: T0 + 2 * MINUTE,
    })
    clusterer.advance(T0 + 3 * MINUTE)
    expect(clusterer.openIncidents().map(({ members }) => members.length)).toEqual([8])
  })

  it('[C11] is told apart within a minute: a new number, both timelines say why, nothing is lost', () => {
    const clusterer = watched()
    applyAll(
      clusterer,
      [...CASCADE, ...BANK].toSorted((left, right) => left.atMs - right.atMs),
    )
    const together = clusterer.openIncidents()
    const changes = clusterer.advance(T0 + 3 * MINUTE)
    const open = clusterer.openIncidents()
    const keys = open.flatMap(({ members }) => members.map(({ key }) => key))
    expect(together.map(({ members }) => members.length)).toEqual([7])
    expect(new Set(keys).size).toBe(7)
    expect(open.map(({ root }) => root)).toEqual(['store-4', 'bank.example'])
    expect(changes.map(({ kind }) => kind).slice(0, 2)).toEqual(['split', 'opened'])
  })
})
