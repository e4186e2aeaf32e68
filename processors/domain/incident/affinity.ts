import { latestStartMs } from './alert.ts'
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
  | 'calls_named'
  | 'two_hops'
  | 'same_service'
  | 'zone'

interface RuleFigures {
  /** Affinity when both start at once; what lies above 1 only makes it last. */
  weight: number
  /** It falls by e over this distance between the starts. */
  fadeMs: number
  /** The same when the cause starts after its effect, which only the delay of detection excuses. */
  lateMs: number
}

/** Start values after detection.md §3, the rest measured on generated outages. */
export const AFFINITY_RULES: Record<AffinityRule, RuleFigures> = {
  same_fingerprint: { weight: 0.84, fadeMs: Infinity, lateMs: Infinity },
  names_service: { weight: 0.95, fadeMs: 12 * MINUTE_MS, lateMs: 4 * MINUTE_MS },
  same_named: { weight: 1, fadeMs: 10 * MINUTE_MS, lateMs: 10 * MINUTE_MS },
  same_host: { weight: 0.84, fadeMs: 6 * MINUTE_MS, lateMs: 6 * MINUTE_MS },
  external_host: { weight: 1, fadeMs: 15 * MINUTE_MS, lateMs: 15 * MINUTE_MS },
  dependency: { weight: 1.15, fadeMs: 7.5 * MINUTE_MS, lateMs: 1.5 * MINUTE_MS },
  calls_named: { weight: 0.8, fadeMs: 7.5 * MINUTE_MS, lateMs: 7.5 * MINUTE_MS },
  two_hops: { weight: 0.6, fadeMs: 4 * MINUTE_MS, lateMs: 4 * MINUTE_MS },
  same_service: { weight: 0.9, fadeMs: 8.5 * MINUTE_MS, lateMs: 1.5 * MINUTE_MS },
  zone: { weight: 0.78, fadeMs: 4 * MINUTE_MS, lateMs: 4 * MINUTE_MS },
}

/** What multiplies an affinity. */
export const AFFINITY_FACTORS = {
  differentExternal: 0.5,
  differentDeploy: 0.6,
  /** A caller's error that does not look like a failed call. */
  localDependency: 0.4,
  /** A failed call that its text lays at another's door. */
  blamesAnother: 0.3,
  /** Two failed calls of one service, of which only one blames somebody. */
  blamesOneSided: 0.7,
  /** The same words in several services of one zone: what fails is the zone. */
  zoneText: 1,
  /** A zone is to blame for failed calls that blame nobody. */
  zoneBlamesAnother: 0.5,
  /** Fade for a cause that itself times out and starts after its effect: its callers gave up first. */
  overloadMs: 30 * MINUTE_MS,
  /** Texts of the same words, added to 1. */
  textBonus: 0.15,
}

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

/** One rule that holds for a pair. */
interface Holding {
  rule: AffinityRule
  /** Share of the rule's weight that applies. */
  share: number
  /** `right` for rules without direction too. */
  order: Order
}

/** A direction between two alerts: which should have come first. */
type Order = 'right' | 'late' | 'overload'

function orderOf(cause: Alert, effect: Alert): Order {
  if (cause.startedAtMs <= effect.startedAtMs) return 'right'
  return cause.nature === 'call' && blamed(cause).length === 0 ? 'overload' : 'late'
}

/** How well a failed caller fits a failure of what it calls. */
function dependency(caller: Alert, callee: Alert): Holding {
  const accused = blamed(caller)
  const isElsewhere = accused.length > 0 && !accused.includes(callee.service)
  const { localDependency, blamesAnother } = AFFINITY_FACTORS
  const natural = caller.nature === 'call' ? 1 : localDependency
  return {
    rule: 'dependency',
    share: isElsewhere ? blamesAnother : natural,
    order: orderOf(callee, caller),
  }
}

/** A failed call that blames nobody, of a service that calls whom the other names. */
function callsNamed(caller: Alert, accuser: Alert, graph: ServiceGraph): boolean {
  if (blamed(caller).length > 0) return false
  const callees = graph.callees(caller.service)
  return blamed(accuser).some((name) => callees.has(name))
}

/** The rules that hold for a pair in different services by the shape of the system alone. */
function placeRules(alert: Alert, member: Alert, graph: ServiceGraph): Holding[] {
  const found: Holding[] = []
  const calls = graph.callees(alert.service).has(member.service)
  const isCalled = graph.callees(member.service).has(alert.service)
  if (calls) found.push(dependency(alert, member))
  if (isCalled) found.push(dependency(member, alert))
  if (alert.nature !== 'call' || member.nature !== 'call') return found
  if (callsNamed(alert, member, graph) || callsNamed(member, alert, graph))
    found.push({ rule: 'calls_named', share: 1, order: 'right' })
  if (!calls && !isCalled) {
    const isNear =
      reachesInTwo(alert, member, graph) ||
      reachesInTwo(member, alert, graph) ||
      sharesCallee(alert, member, graph)
    if (isNear) found.push({ rule: 'two_hops', share: 1, order: 'right' })
  }
  if (alert.zone !== '' && alert.zone === member.zone) {
    const blamesNobody = blamed(alert).length === 0 && blamed(member).length === 0
    const { zoneText, zoneBlamesAnother } = AFFINITY_FACTORS
    const similarity = textSimilarity(alert.words, member.words)
    const share = blamesNobody ? 1 + zoneText * similarity : zoneBlamesAnother
    found.push({ rule: 'zone', share, order: 'right' })
  }
  return found
}

/** Two errors of one service: the failed call comes first, its consequences follow. */
function sameService(left: Alert, right: Alert): Holding {
  const [mine, theirs] = [blamed(left), blamed(right)]
  const disagree = mine.length > 0 && theirs.length > 0 && !intersects(mine, theirs)
  // What runs out of something of its own does not explain a call that failed elsewhere.
  const isOther =
    (left.nature === 'resource' && theirs.length > 0) ||
    (right.nature === 'resource' && mine.length > 0)
  const { blamesAnother, blamesOneSided } = AFFINITY_FACTORS
  const bothCall = left.nature === 'call' && right.nature === 'call'
  const oneSided = bothCall && mine.length > 0 !== theirs.length > 0
  const share = disagree || isOther ? blamesAnother : oneSided ? blamesOneSided : 1
  const [call, other] = left.nature === 'call' ? [left, right] : [right, left]
  const isConsequence = call.nature === 'call' && other.nature === 'local'
  const isLate = isConsequence && call.startedAtMs > other.startedAtMs
  return { rule: 'same_service', share, order: isLate ? 'late' : 'right' }
}

/** The rules that hold for a pair, each with the share of its weight that applies. */
function rulesOf(alert: Alert, member: Alert, graph: ServiceGraph): Holding[] {
  const found: Holding[] = []
  const [own, other] = [alert.service, member.service]
  if (alert.names.includes(other))
    found.push({ rule: 'names_service', share: 1, order: orderOf(member, alert) })
  if (member.names.includes(own))
    found.push({ rule: 'names_service', share: 1, order: orderOf(alert, member) })
  if (intersects(alert.names, member.names))
    found.push({ rule: 'same_named', share: 1, order: 'right' })
  if (intersects(alert.externals, member.externals))
    found.push({ rule: 'external_host', share: 1, order: 'right' })
  if (own !== other) {
    found.push(...placeRules(alert, member, graph))
    return found
  }
  found.push(sameService(alert, member))
  if (alert.hosts.length === 1 && member.hosts.length === 1 && alert.hosts[0] === member.hosts[0])
    found.push({ rule: 'same_host', share: 1, order: 'right' })
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
  for (const { rule, share, order } of rulesOf(alert, member, context.graph)) {
    const { weight, fadeMs, lateMs } = AFFINITY_RULES[rule]
    const fade = { right: fadeMs, late: lateMs, overload: AFFINITY_FACTORS.overloadMs }[order]
    const value = weight * share * Math.exp(-distance / fade)
    if (value > best.value) best = { value, rule }
  }
  // Below this no bonus lifts it to where it would matter.
  if (best.value < VALUE_MIN) return NONE
  const similarity = 1 + AFFINITY_FACTORS.textBonus * textSimilarity(alert.words, member.words)
  return { rule: best.rule, value: best.value * conflicts(alert, member) * similarity }
}

const VALUE_MIN = 0.2

function conflicts(alert: Alert, member: Alert): number {
  const { differentExternal, differentDeploy } = AFFINITY_FACTORS
  const bothOutside = alert.externals.length > 0 && member.externals.length > 0
  const otherOutside = bothOutside && !intersects(alert.externals, member.externals)
  const otherDeploy = isOlderThanDeploy(alert, member) || isOlderThanDeploy(member, alert)
  return (otherOutside ? differentExternal : 1) * (otherDeploy ? differentDeploy : 1)
}

/** What began before a release went out was not brought by it, while the errors of that release most likely were. */
function isOlderThanDeploy(older: Alert, deployed: Alert): boolean {
  return deployed.deployedAtMs > 0 && latestStartMs(older) < deployed.deployedAtMs
}
