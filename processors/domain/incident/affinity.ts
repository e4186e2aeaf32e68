import type { Alert } from './alert.ts'
import { textSimilarity } from './message-facts.ts'
import type { ServiceGraph } from './service-graph.ts'

const MINUTE_MS = 60_000

/** How strongly two alerts belong together, and by which rule. */
export interface Affinity {
  /** From 0; what lies above 1 is as sure as 1, and only tells which of two is nearer. */
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
  /** Affinity when both start at once; what lies above 1 only makes it last. */
  weight: number
  /** It falls by e over this distance between the starts. */
  fadeMs: number
}

/** Start values after detection.md §3, the rest measured on generated outages (test/bench/incident.ts). */
export const AFFINITY_RULES: Record<AffinityRule, RuleFigures> = {
  same_fingerprint: { weight: 0.84, fadeMs: Infinity },
  names_service: { weight: 0.95, fadeMs: 15 * MINUTE_MS },
  same_named: { weight: 1, fadeMs: 10 * MINUTE_MS },
  same_host: { weight: 0.84, fadeMs: 6 * MINUTE_MS },
  external_host: { weight: 1, fadeMs: 15 * MINUTE_MS },
  dependency: { weight: 1.15, fadeMs: 8.5 * MINUTE_MS },
  two_hops: { weight: 0.5, fadeMs: 4 * MINUTE_MS },
  same_service: { weight: 0.97, fadeMs: 8.5 * MINUTE_MS },
  zone: { weight: 0.78, fadeMs: 4 * MINUTE_MS },
}

const DIFFERENT_EXTERNAL = 0.5
const DIFFERENT_DEPLOY = 0.6
/** A caller's error that does not look like a failed call. */
const LOCAL_DEPENDENCY = 0.4
/** A failed call that its text lays at another's door. */
const BLAMES_ANOTHER = 0.3
const TEXT_BONUS = 0.15

const NONE: Affinity = { value: 0, rule: 'same_service' }

function intersects(left: readonly string[], right: readonly string[]): boolean {
  return left.some((item) => right.includes(item))
}

/** Whom an alert says is at fault; empty when it blames nobody. */
function blamed(alert: Alert): readonly string[] {
  return alert.names.length > 0 ? alert.names : alert.externals
}

function sharesCallee(left: Alert, right: Alert, graph: ServiceGraph): boolean {
  const other = graph.callees(right.service)
  for (const callee of graph.callees(left.service)) if (other.has(callee)) return true
  return false
}

function reachesInTwo(caller: Alert, callee: Alert, graph: ServiceGraph): boolean {
  for (const between of graph.callees(caller.service))
    if (graph.callees(between).has(callee.service)) return true
  return false
}

/** How well a failed caller fits a failure of what it calls. */
function dependencyShare(caller: Alert, callee: Alert): number {
  if (caller.nature !== 'call') return LOCAL_DEPENDENCY
  const accused = blamed(caller)
  return accused.length > 0 && !accused.includes(callee.service) ? BLAMES_ANOTHER : 1
}

/** The rules that hold for a pair in different services by the shape of the system alone. */
function placeRules(alert: Alert, member: Alert, graph: ServiceGraph): [AffinityRule, number][] {
  const found: [AffinityRule, number][] = []
  const calls = graph.callees(alert.service).has(member.service)
  const isCalled = graph.callees(member.service).has(alert.service)
  if (calls) found.push(['dependency', dependencyShare(alert, member)])
  if (isCalled) found.push(['dependency', dependencyShare(member, alert)])
  if (alert.nature !== 'call' || member.nature !== 'call') return found
  if (!calls && !isCalled) {
    const isNear =
      reachesInTwo(alert, member, graph) ||
      reachesInTwo(member, alert, graph) ||
      sharesCallee(alert, member, graph)
    if (isNear) found.push(['two_hops', 1])
  }
  if (alert.zone !== '' && alert.zone === member.zone) found.push(['zone', 1])
  return found
}

/** The rules that hold for a pair, each with the share of its weight that applies. */
function rulesOf(alert: Alert, member: Alert, graph: ServiceGraph): [AffinityRule, number][] {
  const found: [AffinityRule, number][] = []
  const [own, other] = [alert.service, member.service]
  if (alert.names.includes(other) || member.names.includes(own)) found.push(['names_service', 1])
  if (intersects(alert.names, member.names)) found.push(['same_named', 1])
  if (intersects(alert.externals, member.externals)) found.push(['external_host', 1])
  if (own !== other) return [...found, ...placeRules(alert, member, graph)]
  const [mine, theirs] = [blamed(alert), blamed(member)]
  const disagree = mine.length > 0 && theirs.length > 0 && !intersects(mine, theirs)
  found.push(['same_service', disagree ? BLAMES_ANOTHER : 1])
  if (alert.hosts.length === 1 && member.hosts.length === 1 && alert.hosts[0] === member.hosts[0])
    found.push(['same_host', 1])
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
    value: best.value * conflicts(alert, member) + bonus(alert, member, distance),
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
