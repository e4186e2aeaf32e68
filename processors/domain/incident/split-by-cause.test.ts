import { describe, expect, it } from 'vitest'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { toAlert } from './alert.ts'
import { applyAll, CASCADE, watched } from './clusterer-fixture.ts'
import { alert, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'
import { createServiceGraph } from './service-graph.ts'
import { secondCause } from './split-by-cause.ts'

const graph = createServiceGraph(SHOP)
const leftOf = (detections: readonly Detection[]): string[] =>
  secondCause(
    detections.map((detection) => toAlert(detection, graph)),
    graph,
  ).map(({ fingerprint }) => fingerprint)

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
    expect(leftOf([...CASCADE, ...BANK.slice(0, 1)])).toEqual([])
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
