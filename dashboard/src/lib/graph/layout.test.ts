import { describe, expect, it } from 'vitest'

import { layout, NODE_HEIGHT, NODE_WIDTH } from '#lib/graph/layout.ts'

const node = (service: string) => ({
  service,
  events: 1,
  errors: 0,
  requests: 1,
  error_rate: 0,
  open_incidents: 0,
  external: false,
})
const edge = (caller: string, callee: string) => ({
  caller,
  callee,
  calls: 1,
  errors: 0,
  declared: false,
})

/** The straight parts of a path that pass a column. */
const passes = (d: string): { y: number; to: number }[] =>
  [...d.matchAll(/ (-?[\d.]+)H(-?[\d.]+)/g)].map(([, y, to]) => ({ y: Number(y), to: Number(to) }))

describe('the graph of services', () => {
  const names = ['web', 'gateway', 'users', 'orders', 'payments', 'db']
  const edges = [
    edge('web', 'gateway'),
    edge('gateway', 'users'),
    edge('gateway', 'orders'),
    edge('orders', 'payments'),
    edge('payments', 'db'),
    edge('users', 'db'),
    edge('gateway', 'db'),
  ]
  const picture = layout({ nodes: names.map(node), edges })

  it('has callers left of what they call', () => {
    const x = new Map(picture.nodes.map((one) => [one.service, one.x]))
    for (const { caller, callee } of edges) expect(x.get(caller)).toBeLessThan(x.get(callee) ?? 0)
  })

  it('leads a line that passes a column between its boxes, never through one', () => {
    const long = picture.edges.filter((one) => passes(one.d).length > 0)
    expect(long.map((one) => `${one.caller} ${one.callee}`)).toEqual(['users db', 'gateway db'])
    for (const { d } of long)
      for (const { y, to } of passes(d)) {
        const column = picture.nodes.filter((one) => one.x === to - NODE_WIDTH)
        expect(column.length).toBeGreaterThan(0)
        for (const box of column) expect(y < box.y || y > box.y + NODE_HEIGHT).toBe(true)
      }
  })

  it('draws every call, also those of a circle, inside of the picture', () => {
    const circle = layout({
      nodes: ['a', 'b'].map(node),
      edges: [edge('a', 'b'), edge('b', 'a')],
    })
    expect(circle.edges).toHaveLength(2)
    for (const box of picture.nodes) expect(box.y + NODE_HEIGHT).toBeLessThanOrEqual(picture.height)
    expect(layout({ nodes: [], edges: [] })).toMatchObject({ width: 0, height: 0 })
  })
})
