import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { incidentPolicy, LIMITS } from './policy.ts'
import { createServiceGraph, parseTopology } from './service-graph.ts'

function pathOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (isFaultlineError(error, 'config_invalid')) return error.path
    throw error
  }
  return undefined
}

describe('topology', () => {
  it('reads a file as the contract shows it', () => {
    const graph = createServiceGraph(
      parseTopology([
        { name: 'a', criticality: 4, zone: 'z', calls: ['b'], external: ['pay.example'], tier: 1 },
        { name: 'b', criticality: 1, calls: [] },
      ]),
    )
    expect([...graph.callees('a')]).toEqual(['b', 'pay.example'])
    expect([...graph.callers('b')]).toEqual(['a'])
    expect(graph.isExternal('pay.example')).toBe(true)
    expect([graph.zone('a'), graph.zone('b')]).toEqual(['z', ''])
    expect(graph.criticality('a')).toBe(4)
    expect(graph.servicesOf('z')).toEqual(['a'])
  })

  it.each([
    [{}, '$'],
    [[1], '$[0]'],
    [[{ name: '' }], '$[0].name'],
    [[{ name: 'a', criticality: 5 }], '$[0].criticality'],
    [[{ name: 'a', calls: 'b' }], '$[0].calls'],
    [[{ name: 'a', external: [4] }], '$[0].external'],
  ])('%j is refused at %s', (value, path) => {
    expect(pathOf(() => parseTopology(value))).toBe(path)
  })

  it('learned edges are bounded, the oldest is forgotten, what the file says never is', () => {
    const graph = createServiceGraph([{ name: 'a', criticality: 1, calls: ['b'] }])
    graph.learn('a', 'b')
    for (let at = 0; at <= LIMITS.learnedEdges; at += 1) graph.learn('x', `y${at}`)
    expect(graph.learned().edges).toHaveLength(LIMITS.learnedEdges)
    expect(graph.callees('x').has('y0')).toBe(false)
    expect(graph.callees('x').has('y1')).toBe(true)
    expect(graph.callees('a').has('b')).toBe(true)
  })
})

describe('policy', () => {
  it('fills in what is missing and refuses what it does not know', () => {
    expect(incidentPolicy({ quietMs: 5 }).quietMs).toBe(5)
    expect(pathOf(() => incidentPolicy({ quiet: 5 } as never))).toBe('incidents.quiet')
    expect(pathOf(() => incidentPolicy({ quietMs: -1 }))).toBe('incidents.quietMs')
    expect(pathOf(() => incidentPolicy({ opening: 'never' as never }))).toBe('incidents.opening')
  })
})
