import type { Alert } from './alert.ts'
import type { ServiceGraph } from './service-graph.ts'

const MINUTE_MS = 60_000

/** A place the trouble may have begun, and how much of the incident it accounts for. */
export interface RootCandidate {
  kind: 'service' | 'external' | 'zone'
  subject: string
  /** Sum over the alerts of how well each is explained, plus what speaks for the place itself. */
  score: number
  /** Alerts it explains at all. */
  explained: number
}

/** What one alert says about a candidate, 0 to 1. */
const EXPLAINS = {
  /** An error of the place itself that blames nobody. */
  own: 1,
  /** A call failed there, but the text does not say which. */
  ownCall: 0.7,
  /** It says that the fault lies elsewhere. */
  ownBlamesOther: 0.05,
  /** The text names the candidate. */
  named: 1,
  /** The text names something that itself is explained by the candidate. */
  namedBetween: 0.95,
  /** It calls the candidate, the candidate has errors of its own. */
  callsAffected: 0.7,
  /** It calls the candidate, which keeps silent. */
  callsSilent: 0.5,
  /** It reaches the candidate through other affected services. */
  reaches: 0.6,
  /** The same, but the error does not look like a failed call. */
  localShare: 0.6,
  zone: 0.9,
} as const

/** Fewest services of one zone that must fail together before the zone is a candidate. */
const ZONE_SERVICES_MIN = 3
const ZONE_SHARE_MIN = 0.7
/** What it adds when all callers of the candidate (all services of the zone) are affected. */
const COVERAGE_BONUS = 0.4
/** What it adds to be the first that failed. */
const FIRST_BONUS = 0.3
/** Starts this close together are simultaneous: detection is no more exact. */
const SIMULTANEOUS_MS = 15_000
const CANDIDATES_MAX = 64

/** What runs out of something of its own, or came with a release, is hardly anybody else's doing. */
export const HOMEMADE_SHARE = 0.3
/** Effects seen this much before their cause are the delay of detection. */
const EARLY_MS = MINUTE_MS
const EARLY_FADE_MS = 2 * MINUTE_MS

/** Hardly the consequence of another alert: something of its own has run out, or a release brought it. */
export function isHomemade({ nature, deployedAtMs }: Alert): boolean {
  return nature === 'resource' || deployedAtMs > 0
}

/** To what degree something seen this long before what is held for its cause can be its effect. */
export function excusedEarly(earlyMs: number): number {
  return Math.exp(-Math.max(0, earlyMs - EARLY_MS) / EARLY_FADE_MS)
}

/** Alerts looked at together, and what is looked up for all of them. */
export interface Scene {
  alerts: readonly Alert[]
  graph: ServiceGraph
  affected: ReadonlySet<string>
  firstAtMs: number
  /** What each service reaches by calls through affected services, found once. */
  reached: Map<string, ReadonlySet<string>>
}

function blames(alert: Alert): readonly string[] {
  return alert.names.length > 0 ? alert.names : alert.externals
}

/** True when `from` reaches `target` by calls through affected services only. */
export function reaches(scene: Scene, from: string, target: string): boolean {
  const known = scene.reached.get(from)
  if (known !== undefined) return known.has(target)
  const visited = new Set<string>()
  const queue = [from]
  for (let service = queue.pop(); service !== undefined; service = queue.pop()) {
    for (const callee of scene.graph.callees(service)) {
      if (visited.has(callee)) continue
      visited.add(callee)
      if (scene.affected.has(callee)) queue.push(callee)
    }
  }
  scene.reached.set(from, visited)
  return visited.has(target)
}

/**
 * How far a failure can have come through `between` to who names it: `between` must have failed by then, and not only
 * by what is its own.
 */
function passesOn({ alerts }: Scene, between: string, namedAtMs: number): number {
  let most = 0
  for (const alert of alerts) {
    if (alert.service !== between) continue
    const share = isHomemade(alert) ? HOMEMADE_SHARE : 1
    most = Math.max(most, share * excusedEarly(alert.startedAtMs - namedAtMs))
  }
  return most
}

function explains(scene: Scene, alert: Alert, candidate: string): number {
  const blamed = blames(alert)
  if (alert.service === candidate) {
    if (blamed.length > 0) return EXPLAINS.ownBlamesOther
    return alert.nature === 'call' ? EXPLAINS.ownCall : EXPLAINS.own
  }
  if (blamed.includes(candidate)) return EXPLAINS.named
  if (blamed.length > 0) {
    let passed = 0
    for (const name of blamed)
      if (scene.affected.has(name) && reaches(scene, name, candidate))
        passed = Math.max(passed, passesOn(scene, name, alert.startedAtMs))
    return EXPLAINS.namedBetween * passed
  }
  const share = alert.nature === 'call' ? 1 : EXPLAINS.localShare
  if (scene.graph.callees(alert.service).has(candidate))
    return share * (scene.affected.has(candidate) ? EXPLAINS.callsAffected : EXPLAINS.callsSilent)
  return reaches(scene, alert.service, candidate) ? share * EXPLAINS.reaches : 0
}

function coverage(scene: Scene, candidate: string): number {
  const callers = scene.graph.callers(candidate)
  if (callers.size === 0) return 0
  let affected = 0
  for (const caller of callers) if (scene.affected.has(caller)) affected += 1
  return affected / callers.size
}

function scorePlace(scene: Scene, subject: string, kind: 'service' | 'external'): RootCandidate {
  let score = 0
  let explained = 0
  let firstAtMs = Infinity
  for (const alert of scene.alerts) {
    const value = explains(scene, alert, subject)
    score += value
    if (value > 0) explained += 1
    if (alert.service === subject) firstAtMs = Math.min(firstAtMs, alert.startedAtMs)
  }
  score += COVERAGE_BONUS * coverage(scene, subject)
  if (firstAtMs - scene.firstAtMs <= SIMULTANEOUS_MS) score += FIRST_BONUS
  return { kind, subject, score, explained }
}

function zoneCandidates(scene: Scene, shareMin: number): RootCandidate[] {
  const zones = new Set(scene.alerts.map((alert) => alert.zone).filter((zone) => zone !== ''))
  return [...zones].toSorted().flatMap((zone) => {
    const inside = scene.alerts.filter(
      (alert) => alert.zone === zone && alert.nature === 'call' && blames(alert).length === 0,
    )
    const services = new Set(inside.map((alert) => alert.service))
    if (services.size < ZONE_SERVICES_MIN) return []
    if (inside.length < shareMin * scene.alerts.length) return []
    const total = Math.max(services.size, scene.graph.servicesOf(zone).length)
    const score = EXPLAINS.zone * inside.length + COVERAGE_BONUS * (services.size / total)
    return [{ kind: 'zone' as const, subject: zone, score, explained: inside.length }]
  })
}

export function sceneOf(alerts: readonly Alert[], graph: ServiceGraph): Scene {
  const affected = new Set(alerts.map((alert) => alert.service))
  const firstAtMs = Math.min(...alerts.map((alert) => alert.startedAtMs))
  return { alerts, graph, affected, firstAtMs, reached: new Map() }
}

/** A zone accounts for failed calls inside it that blame nobody, and for who calls those services. */
function zoneExplains(scene: Scene, alert: Alert, zone: string): number {
  const isCall = alert.nature === 'call'
  if (alert.zone === zone && isCall && blames(alert).length === 0) return EXPLAINS.zone
  const accused = blames(alert)
  const isBroken = (service: string): boolean =>
    scene.alerts.some(
      (other) => other.service === service && other.zone === zone && other.nature === 'call',
    )
  if (accused.length > 0) return accused.some((name) => isBroken(name)) ? EXPLAINS.namedBetween : 0
  const calls = [...scene.graph.callees(alert.service)].some((callee) => isBroken(callee))
  return calls ? EXPLAINS.reaches * (isCall ? 1 : EXPLAINS.localShare) : 0
}

/** How much of each alert `root` accounts for, 0 to 1, in the order of `alerts`. */
export function explainedBy(scene: Scene, root: RootCandidate): number[] {
  return scene.alerts.map((alert) =>
    root.kind === 'zone'
      ? zoneExplains(scene, alert, root.subject)
      : explains(scene, alert, root.subject),
  )
}

/** Candidates from the most to the least likely; ties by name, so that the order is the same everywhere. */
export function rankRoots(
  alerts: readonly Alert[],
  graph: ServiceGraph,
  { zoneShareMin = ZONE_SHARE_MIN } = {},
): RootCandidate[] {
  const scene = sceneOf(alerts, graph)
  const { affected } = scene
  const externals = new Set(alerts.flatMap((alert) => alert.externals))
  const services = new Set([...affected, ...alerts.flatMap((alert) => alert.names)])
  for (const alert of alerts) {
    if (alert.nature !== 'call' || blames(alert).length > 0) continue
    for (const callee of graph.callees(alert.service)) {
      if (graph.isExternal(callee)) externals.add(callee)
      else services.add(callee)
    }
  }
  return [
    ...[...services]
      .toSorted()
      .slice(0, CANDIDATES_MAX)
      .map((name) => scorePlace(scene, name, 'service')),
    ...[...externals]
      .toSorted()
      .slice(0, CANDIDATES_MAX)
      .map((name) => scorePlace(scene, name, 'external')),
    ...zoneCandidates(scene, zoneShareMin),
  ].toSorted((left, right) => right.score - left.score || (left.subject < right.subject ? -1 : 1))
}
