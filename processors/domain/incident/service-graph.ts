import { FaultlineError } from '#/kernel/errors.ts'
import { LIMITS } from './policy.ts'

/** One entry of a topology file. */
export interface TopologyService {
  name: string
  /** 1 (least) to 4 (most). */
  criticality: number
  zone?: string
  calls: readonly string[]
  external?: readonly string[]
}

/** Who calls whom, from the topology and from what traces and messages named. */
export interface ServiceGraph {
  knows(service: string): boolean
  isExternal(host: string): boolean
  callees(service: string): ReadonlySet<string>
  callers(service: string): ReadonlySet<string>
  zone(service: string): string
  criticality(service: string): number | undefined
  servicesOf(zone: string): readonly string[]
  /** Remembers that a service exists. */
  notice(service: string): void
  /** Remembers that `caller` was seen to call `callee`; forgets the oldest such edge at the bound. */
  learn(caller: string, callee: string): void
  /** What was learned, oldest first, to be learned again after a restart. */
  learned(): LearnedGraph
}

export interface LearnedGraph {
  services: readonly string[]
  edges: readonly (readonly [string, string])[]
}

const NOTHING: ReadonlySet<string> = new Set()

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  const known = map.get(key)
  if (known !== undefined) return known
  const created = new Set<string>()
  map.set(key, created)
  return created
}

export function createServiceGraph(topology: readonly TopologyService[] = []): ServiceGraph {
  const services = new Map(topology.map((service) => [service.name, service]))
  const externals = new Set(topology.flatMap((service) => service.external ?? []))
  const calleesOf = new Map<string, Set<string>>()
  const callersOf = new Map<string, Set<string>>()
  const byZone = new Map<string, string[]>()
  const seen = new Set<string>()
  const edges = new Map<string, readonly [string, string]>()
  const connect = (caller: string, callee: string): void => {
    setOf(calleesOf, caller).add(callee)
    setOf(callersOf, callee).add(caller)
  }
  for (const service of topology) {
    for (const callee of service.calls) connect(service.name, callee)
    for (const host of service.external ?? []) connect(service.name, host)
    if (service.zone !== undefined)
      byZone.set(service.zone, [...(byZone.get(service.zone) ?? []), service.name])
  }
  const configured = new Set(
    topology.flatMap((service) =>
      [...service.calls, ...(service.external ?? [])].map((callee) => `${service.name}\n${callee}`),
    ),
  )
  return {
    knows: (service) => services.has(service) || seen.has(service),
    isExternal: (host) => externals.has(host),
    callees: (service) => calleesOf.get(service) ?? NOTHING,
    callers: (service) => callersOf.get(service) ?? NOTHING,
    zone: (service) => services.get(service)?.zone ?? '',
    criticality: (service) => services.get(service)?.criticality,
    servicesOf: (zone) => byZone.get(zone) ?? [],
    notice(service) {
      if (seen.size < LIMITS.learnedEdges && !services.has(service)) seen.add(service)
    },
    learn(caller, callee) {
      const id = `${caller}\n${callee}`
      if (caller === callee || configured.has(id) || edges.has(id)) return
      if (edges.size >= LIMITS.learnedEdges) forgetOldest(edges, calleesOf, callersOf)
      edges.set(id, [caller, callee])
      connect(caller, callee)
    },
    learned: () => ({ services: [...seen], edges: [...edges.values()] }),
  }
}

function forgetOldest(
  edges: Map<string, readonly [string, string]>,
  calleesOf: Map<string, Set<string>>,
  callersOf: Map<string, Set<string>>,
): void {
  const oldest = edges.entries().next().value
  if (oldest === undefined) return
  const [id, [caller, callee]] = oldest
  edges.delete(id)
  calleesOf.get(caller)?.delete(callee)
  callersOf.get(callee)?.delete(caller)
}

/** Checks a parsed topology file; a `FaultlineError` names the path of what is wrong. */
export function parseTopology(value: unknown): TopologyService[] {
  if (!Array.isArray(value)) throw wrong('$', 'a list of services')
  return value.map((entry: unknown, index) => {
    const path = `$[${index}]`
    if (typeof entry !== 'object' || entry === null) throw wrong(path, 'an object')
    const fields = entry as Record<string, unknown>
    const { name, criticality = 2, zone } = fields
    if (typeof name !== 'string' || name === '') throw wrong(`${path}.name`, 'a name')
    if (typeof criticality !== 'number' || criticality < 1 || criticality > 4)
      throw wrong(`${path}.criticality`, 'a number from 1 to 4')
    if (zone !== undefined && typeof zone !== 'string') throw wrong(`${path}.zone`, 'a name')
    const calls = names(fields['calls'], `${path}.calls`)
    const external = names(fields['external'], `${path}.external`)
    return { name, criticality, calls, external, ...(zone === undefined ? {} : { zone }) }
  })
}

function names(value: unknown, path: string): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.some((name) => typeof name !== 'string'))
    throw wrong(path, 'a list of names')
  return value as string[]
}

function wrong(path: string, wanted: string): FaultlineError {
  return new FaultlineError('config_invalid', `topology: ${path} must be ${wanted}`, { path })
}
