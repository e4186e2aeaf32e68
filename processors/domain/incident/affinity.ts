import type { Alert } from './alert.ts'
import { textSimilarity } from './message-facts.ts'
import type { ServiceGraph } from './service-graph.ts'

const MINUTE_MS = 60_000

/** How strongly two alerts belong together, and by which rule. */
export interface Affinity {
  /** 0 to 1. */
  value: number
  rule: AffinityRule
}

export type AffinityRule =
  | 'same_fingerprint'
  | 'names_service'
  | 'same_named'
  | 'same_host'
  | 'external_host'
  | 'dependency'
  | 'two_hops'
  | 'same_service'
  | 'zone'

interface RuleFigures {
  /** Affinity when both start at once. */
  weight: number
  /** It falls by e over this distance between the starts. */
  fadeMs: number
}

/** Start values after detection.md §3, the rest measured on generated outages (test/bench/incident.ts). */
export const AFFINITY_RULES: Record<AffinityRule, RuleFigures> = {
  same_fingerprint: { weight: 0.84, fadeMs: Infinity },
  names_service: { weight: 0.95, fadeMs: 15 * MINUTE_MS },
  same_named: { weight: 0.9, fadeMs: 10 * MINUTE_MS },
  same_host: { weight: 0.84, fadeMs: 6 * MINUTE_MS },
  external_host: { weight: 1, fadeMs: 15 * MINUTE_MS },
  dependency: { weight: 1, fadeMs: 6 * MINUTE_MS },
  two_hops: { weight: 0.6, fadeMs: 4 * MINUTE_MS },
  same_service: { weight: 0.75, fadeMs: 6 * MINUTE_MS },
  zone: { weight: 0.6, fadeMs: 4 * MINUTE_MS },
}

const DIFFERENT_EXTERNAL = 0.5
const DIFFERENT_DEPLOY = 0.6
const LOCAL_DEPENDENCY = 0.6
const TEXT_BONUS = 0.15

const NONE: Affinity = { value: 0, rule: 'same_service' }

function intersects(left: readonly string[], right: readonly string[]): boolean {
  return left.some((item) => right.includes(item))
}

function sharesCallee(left: string, right: string, graph: ServiceGraph): boolean {
  const other = graph.callees(right)
  for (const callee of graph.callees(left)) if (other.has(callee)) return true
  return false
}

function reachesInTwo(caller: string, callee: string, graph: ServiceGraph): boolean {
  for (const between of graph.callees(caller)) if (graph.callees(between).has(callee)) return true
  return false
}

/** The rules that hold for a pair, each with the share of its weight that applies. */
function rulesOf(alert: Alert, member: Alert, graph: ServiceGraph): [AffinityRule, number][] {
  const found: [AffinityRule, number][] = []
  const [own, other] = [alert.service, member.service]
  if (alert.names.includes(other) || member.names.includes(own)) found.push(['names_service', 1])
  if (intersects(alert.names, member.names)) found.push(['same_named', 1])
  if (intersects(alert.externals, member.externals)) found.push(['external_host', 1])
  if (own === other) {
    found.push(['same_service', 1])
    if (alert.hosts.length === 1 && member.hosts.length === 1 && alert.hosts[0] === member.hosts[0])
      found.push(['same_host', 1])
    return found
  }
  const calls = graph.callees(own).has(other)
  const isCalled = graph.callees(other).has(own)
  if (calls || isCalled) {
    const caller = calls ? alert : member
    found.push(['dependency', caller.nature === 'call' ? 1 : LOCAL_DEPENDENCY])
  } else if (alert.nature === 'call' && member.nature === 'call') {
    if (
      reachesInTwo(own, other, graph) ||
      reachesInTwo(other, own, graph) ||
      sharesCallee(own, other, graph)
    )
      found.push(['two_hops', 1])
  }
  const sameZone = alert.zone !== '' && alert.zone === member.zone
  if (sameZone && alert.nature === 'call' && member.nature === 'call') found.push(['zone', 1])
  return found
}

/**
 * Affinity of a new alert to a member of an open incident. `flappingRejoinMs` bounds how long after its last
 * activity a fingerprint counts as the same trouble; `memberLastAtMs` is that activity.
 */
export function affinityOf(
  alert: Alert,
  member: Alert,
  context: { graph: ServiceGraph; memberLastAtMs: number; flappingRejoinMs: number },
): Affinity {
  if (alert.environment !== member.environment) return NONE
  if (alert.key === member.key) {
    const gap = alert.startedAtMs - context.memberLastAtMs
    const { weight } = AFFINITY_RULES.same_fingerprint
    return gap <= context.flappingRejoinMs ? { value: weight, rule: 'same_fingerprint' } : NONE
  }
  const distance = Math.abs(alert.startedAtMs - member.startedAtMs)
  let best = NONE
  for (const [rule, share] of rulesOf(alert, member, context.graph)) {
    const { weight, fadeMs } = AFFINITY_RULES[rule]
    const value = weight * share * Math.exp(-distance / fadeMs)
    if (value > best.value) best = { value, rule }
  }
  if (best.value === 0) return NONE
  return {
    rule: best.rule,
    value: Math.min(1, best.value * conflicts(alert, member) + bonus(alert, member, distance)),
  }
}

function conflicts(alert: Alert, member: Alert): number {
  const bothOutside = alert.externals.length > 0 && member.externals.length > 0
  const otherOutside = bothOutside && !intersects(alert.externals, member.externals)
  const bothDeployed = alert.worseRelease !== '' && member.worseRelease !== ''
  const otherDeploy = bothDeployed && alert.service !== member.service
  return (otherOutside ? DIFFERENT_EXTERNAL : 1) * (otherDeploy ? DIFFERENT_DEPLOY : 1)
}

function bonus(alert: Alert, member: Alert, distance: number): number {
  const fade = Math.exp(-distance / AFFINITY_RULES.same_service.fadeMs)
  return fade < 0.05 ? 0 : TEXT_BONUS * fade * textSimilarity(alert.words, member.words)
}
