/** Places the services of a graph in columns: callers left of what they call. Pure. */
import type { ServiceEdge, ServiceGraphView, ServiceNode } from '#lib/contract.ts'

export const NODE_WIDTH = 168
export const NODE_HEIGHT = 40
const COLUMN_GAP = 64
const ROW_GAP = 14
/** Room for a line that passes a column on its way to a farther one. */
const LANE_HEIGHT = 6
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
  const { placed, lanes, height, count } = placeAll(
    nodes,
    edges.map((edge) => ({
      edge,
      from: columns.get(edge.caller) ?? 0,
      to: columns.get(edge.callee) ?? 0,
    })),
    columns,
  )
  return {
    width: nodes.length === 0 ? 0 : count * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP,
    height: nodes.length === 0 ? 0 : height,
    nodes: [...placed.values()],
    edges: edges.flatMap((edge) => {
      const [from, to] = [placed.get(edge.caller), placed.get(edge.callee)]
      if (from === undefined || to === undefined) return []
      return [{ ...edge, d: path(from, to, lanes.get(edge) ?? []) }]
    }),
  }
}

interface Span {
  edge: ServiceEdge
  /** Columns it leads from and to. */
  from: number
  to: number
}

interface Places {
  placed: Map<string, PlacedNode>
  /** Where an edge passes the columns between its ends. */
  lanes: Map<ServiceEdge, { x: number; y: number }[]>
  height: number
  count: number
}

/** Column by column: what stands in it, and a lane for each line that only passes, so that none runs through a box. */
function placeAll(
  nodes: readonly ServiceNode[],
  spans: readonly Span[],
  columns: ReadonlyMap<string, number>,
): Places {
  const count = Math.max(0, ...columns.values()) + 1
  const stacks = Array.from({ length: count }, (_, column) => ({
    nodes: nodes.filter((node) => columns.get(node.service) === column),
    passing: spans.filter((span) => span.from < column && column < span.to),
  }))
  const heightOf = ({ nodes: own, passing }: (typeof stacks)[number]): number =>
    own.length * (NODE_HEIGHT + ROW_GAP) + passing.length * (LANE_HEIGHT + ROW_GAP) - ROW_GAP
  const height = Math.max(NODE_HEIGHT, ...stacks.map(heightOf))
  const placed = new Map<string, PlacedNode>()
  const lanes: Places['lanes'] = new Map()
  const middleOf = (service: string): number => (placed.get(service)?.y ?? 0) + NODE_HEIGHT / 2
  const beginOf = ({ edge }: Span): number => lanes.get(edge)?.at(-1)?.y ?? middleOf(edge.caller)
  for (const [column, stack] of stacks.entries()) {
    const x = column * (NODE_WIDTH + COLUMN_GAP)
    let y = (height - heightOf(stack)) / 2
    // Beside whoever calls them, so that lines cross little.
    const boxes = stack.nodes.map((node) => {
      const rows = spans.filter(({ edge }) => edge.callee === node.service).map(beginOf)
      const row = rows.length === 0 ? 0 : rows.reduce((sum, one) => sum + one, 0) / rows.length
      return { row, name: node.service, node, span: null }
    })
    const lines = stack.passing.map((span) => ({
      row: beginOf(span),
      name: span.edge.callee,
      node: null,
      span,
    }))
    for (const { node, span } of [...boxes, ...lines].toSorted(
      (a, b) => a.row - b.row || (a.name < b.name ? -1 : 1),
    )) {
      if (node !== null) placed.set(node.service, { ...node, x, y })
      if (span !== null)
        lanes.set(span.edge, [...(lanes.get(span.edge) ?? []), { x, y: y + LANE_HEIGHT / 2 }])
      y += (node === null ? LANE_HEIGHT : NODE_HEIGHT) + ROW_GAP
    }
  }
  return { placed, lanes, height, count }
}

function path(
  from: PlacedNode,
  to: PlacedNode,
  lanes: readonly { x: number; y: number }[],
): string {
  let [x, y] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2]
  let d = `M${x} ${y}`
  for (const next of [...lanes, { x: to.x, y: to.y + NODE_HEIGHT / 2 }]) {
    const bend = Math.max(24, Math.abs(next.x - x) / 2)
    d += `C${x + bend} ${y} ${next.x - bend} ${next.y} ${next.x} ${next.y}`
    ;[x, y] = [next.x + NODE_WIDTH, next.y]
    if (next.x !== to.x) d += `H${x}`
  }
  return d
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
