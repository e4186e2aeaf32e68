/** Places the services of a graph in columns: callers left of what they call. Pure. */
import type { ServiceEdge, ServiceGraphView, ServiceNode } from '#lib/contract.ts'

export const NODE_WIDTH = 168
export const NODE_HEIGHT = 40
const COLUMN_GAP = 64
const ROW_GAP = 14
/** More than this is a list, not a picture. */
export const NODES_MAX = 80

export interface PlacedNode extends ServiceNode {
  x: number
  y: number
}

export interface PlacedEdge extends ServiceEdge {
  /** An SVG path from the right of the caller to the left of the callee. */
  d: string
}

export interface GraphPicture {
  width: number
  height: number
  nodes: readonly PlacedNode[]
  edges: readonly PlacedEdge[]
}

/** Longest way from a service nobody calls; a cycle is cut where it is met again. */
function columnsOf(names: readonly string[], edges: readonly ServiceEdge[]): Map<string, number> {
  const callees = Map.groupBy(edges, (edge) => edge.caller)
  const called = new Set(edges.map((edge) => edge.callee))
  const columns = new Map<string, number>()
  const visit = (name: string, column: number, way: ReadonlySet<string>): void => {
    if (way.has(name) || (columns.get(name) ?? -1) >= column) return
    columns.set(name, column)
    const next = new Set(way).add(name)
    for (const { callee } of callees.get(name) ?? []) visit(callee, column + 1, next)
  }
  for (const name of names) if (!called.has(name)) visit(name, 0, new Set())
  // What is left lies on cycles only.
  for (const name of names) if (!columns.has(name)) visit(name, 0, new Set())
  return columns
}

export function layout(graph: ServiceGraphView): GraphPicture {
  const known = graph.nodes.slice(0, NODES_MAX)
  const names = new Set(known.map((node) => node.service))
  const edges = graph.edges.filter((edge) => names.has(edge.caller) && names.has(edge.callee))
  const linked = new Set(edges.flatMap((edge) => [edge.caller, edge.callee]))
  const nodes = known.filter((node) => linked.has(node.service))
  const columns = columnsOf(nodes.map((node) => node.service).toSorted(), edges)
  const byColumn = Map.groupBy(nodes, (node) => columns.get(node.service) ?? 0)
  const count = Math.max(0, ...byColumn.keys()) + 1
  const rows = Math.max(0, ...[...byColumn.values()].map((list) => list.length))
  const height = Math.max(1, rows) * (NODE_HEIGHT + ROW_GAP) - ROW_GAP
  const placed = new Map<string, PlacedNode>()
  for (let column = 0; column < count; column += 1) {
    // Beside whoever calls them, so that lines cross little.
    const list = (byColumn.get(column) ?? []).toSorted(
      (a, b) =>
        meanRow(a, edges, placed) - meanRow(b, edges, placed) || (a.service < b.service ? -1 : 1),
    )
    const used = list.length * (NODE_HEIGHT + ROW_GAP) - ROW_GAP
    for (const [row, node] of list.entries())
      placed.set(node.service, {
        ...node,
        x: column * (NODE_WIDTH + COLUMN_GAP),
        y: (height - used) / 2 + row * (NODE_HEIGHT + ROW_GAP),
      })
  }
  return {
    width: nodes.length === 0 ? 0 : count * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP,
    height: nodes.length === 0 ? 0 : height,
    nodes: [...placed.values()],
    edges: edges.flatMap((edge) => {
      const [from, to] = [placed.get(edge.caller), placed.get(edge.callee)]
      return from === undefined || to === undefined ? [] : [{ ...edge, d: path(from, to) }]
    }),
  }
}

function meanRow(
  node: ServiceNode,
  edges: readonly ServiceEdge[],
  placed: ReadonlyMap<string, PlacedNode>,
): number {
  const rows = edges.flatMap((edge) => {
    const caller = edge.callee === node.service ? placed.get(edge.caller) : undefined
    return caller === undefined ? [] : [caller.y]
  })
  return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + row, 0) / rows.length
}

function path(from: PlacedNode, to: PlacedNode): string {
  const [x1, y1] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2]
  const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2]
  const bend = Math.max(24, Math.abs(x2 - x1) / 2)
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
}

/** A service with those it calls and those that call it. */
export function around(graph: ServiceGraphView, service: string): ServiceGraphView {
  const edges = graph.edges.filter((edge) => edge.caller === service || edge.callee === service)
  const near = new Set(edges.flatMap((edge) => [edge.caller, edge.callee])).add(service)
  return { edges, nodes: graph.nodes.filter((node) => near.has(node.service)) }
}

/** `checkout calls payments: 900 calls, 120 failed` */
export function edgeSentence({ caller, callee, calls, errors }: ServiceEdge): string {
  if (calls === 0) return `${caller} calls ${callee}: declared, no trace in this range`
  return `${caller} calls ${callee}: ${calls} calls${errors > 0 ? `, ${errors} failed` : ''}`
}
