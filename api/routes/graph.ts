import type { AppDeps } from '#/api/deps.ts'
import type { DeclaredService } from '#/api/ports.ts'
import { checkRange, range } from '#/api/read-params.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'
import type { ServiceEdge, ServiceGraphView, ServiceNode } from '#/schemas/view.ts'

export function graphRoutes({ reads, topology = [] }: AppDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/graph',
      tag: 'services',
      summary: 'Who calls whom: services of the range, calls from traces and from the topology.',
      access: 'read',
      query: range(1),
      answer: {
        status: 200,
        type: 'application/json',
        about: 'Services and the calls between them.',
        schema: { $ref: '#/components/schemas/ServiceGraph' },
      },
      async handle({ project, query }) {
        checkRange(query)
        return withDeclared(await reads.serviceGraph({ project, ...query }), topology)
      },
    }),
  ]
}

/** Declared calls join the seen ones; whoever is only called becomes a node too. */
export function withDeclared(
  graph: ServiceGraphView,
  topology: readonly DeclaredService[],
): ServiceGraphView {
  const edges = new Map(graph.edges.map((edge) => [`${edge.caller}\n${edge.callee}`, edge]))
  const nodes = new Map(graph.nodes.map((node) => [node.service, node]))
  for (const service of topology)
    for (const callee of [...service.calls, ...(service.external ?? [])]) {
      const key = `${service.name}\n${callee}`
      const seen = edges.get(key) ?? edgeOf(service.name, callee)
      edges.set(key, { ...seen, declared: true })
    }
  const external = new Set(topology.flatMap((service) => service.external ?? []))
  const silent = [...edges.values()]
    .flatMap(({ caller, callee }) => [caller, callee])
    .concat(topology.map(({ name }) => name))
  for (const name of silent)
    if (!nodes.has(name)) nodes.set(name, silentNode(name, external.has(name)))
  return { nodes: [...nodes.values()], edges: [...edges.values()] }
}

function edgeOf(caller: string, callee: string): ServiceEdge {
  return { caller, callee, calls: 0, errors: 0, declared: false }
}

function silentNode(service: string, external: boolean): ServiceNode {
  const nothing = { events: 0, errors: 0, requests: 0, error_rate: null, open_incidents: 0 }
  return { service, ...nothing, external }
}
