import type { Alert } from './alert.ts'
import { textSimilarity } from './message-facts.ts'
import {
  excusedEarly,
  explainedBy,
  HOMEMADE_SHARE,
  isHomemade,
  rankRoots,
  reaches,
  sceneOf,
} from './root.ts'
import type { RootCandidate, Scene } from './root.ts'
import type { ServiceGraph } from './service-graph.ts'

/** A cause and the alerts it accounts for better than any other cause found beside it. */
export interface CausePart {
  cause: RootCandidate
  alerts: readonly Alert[]
}

/** What a further cause must explain that those before it do not, as a number of alerts. */
const FURTHER_GAIN_MIN = 0.9
/** The same when it has errors that only it can have brought. */
const HOMEMADE_GAIN_MIN = 0.6
const CANDIDATES_MAX = 32
const CAUSES_MAX = 5
const MINUTE_MS = 60_000
/** Below this a cause does not account for an alert. */
const EXPLAINED_MIN = 0.15
/** So much better must a smaller cause account for an alert. */
const CLEARLY = 1.05
/** From this on an alert says when its cause began. */
const CERTAIN_MIN = 0.9
const LATE_FADE_MS = 40 * MINUTE_MS
/** Beside errors of a new release, what was there before it is its doing to this share. */
const OLDER_SHARE = 0.6
/** An error that follows a failed call of its service shares this much of what explains that call. */
const FOLLOWS_SHARE = 0.75
const FOLLOWS_MS = 10 * MINUTE_MS
/** Share of a zone's services that must say the same, and how alike their words are. */
const ZONE_COVERED_MIN = 0.4
const ZONE_SERVICES_MIN = 3
const ALIKE_MIN = 0.6

interface Candidate {
  cause: RootCandidate
  worths: readonly number[]
  /** It has errors of its own that no other place can have brought. */
  isHomemade: boolean
}

/**
 * The fewest independent causes that account for all alerts: one after the other is added while it explains enough
 * that those before it do not. Alerts nothing explains stay with the first.
 */
export function coverCauses(alerts: readonly Alert[], graph: ServiceGraph): readonly CausePart[] {
  const scene = sceneOf(alerts, graph)
  const candidates = rankRoots(alerts, graph, { zoneShareMin: 0 })
    .filter((cause) => isEvident(alerts, graph, cause))
    .slice(0, CANDIDATES_MAX)
    .map((cause) => ({
      cause,
      worths: worthsOf(scene, cause),
      isHomemade: alerts.some((alert) => alert.service === cause.subject && isHomemade(alert)),
    }))
  const paths = callPaths(scene)
  const chosen: Candidate[] = []
  let reached = alerts.map(() => 0)
  while (chosen.length < CAUSES_MAX) {
    const free = candidates.filter((one) =>
      chosen.every((other) => areIndependent(one, other, paths)),
    )
    const best = bestOf(free, reached, chosen.length === 0)
    if (best === undefined) break
    chosen.push(best)
    reached = reached.map((value, at) => Math.max(value, best.worths[at] ?? 0))
  }
  return partsOf(alerts, withoutNeedless(alerts, chosen))
}

function bestOf(
  candidates: readonly Candidate[],
  reached: readonly number[],
  isFirst: boolean,
): Candidate | undefined {
  let best: Candidate | undefined
  let most = 0
  for (const candidate of candidates) {
    const gain = gainOf(candidate.worths, reached)
    if (gain <= most || (!isFirst && gain < neededGain(candidate))) continue
    most = gain
    best = candidate
  }
  return best
}

const neededGain = ({ isHomemade: isOwn }: Candidate): number =>
  isOwn ? HOMEMADE_GAIN_MIN : FURTHER_GAIN_MIN

/** What came first may be explained by what came after it. */
function withoutNeedless(alerts: readonly Alert[], chosen: readonly Candidate[]): Candidate[] {
  const kept = [...chosen]
  for (const one of chosen) {
    if (kept.length < 2) break
    const others = kept.filter((other) => other !== one)
    const without = alerts.map((_, at) => Math.max(...others.map(({ worths }) => worths[at] ?? 0)))
    if (gainOf(one.worths, without) < neededGain(one)) kept.splice(kept.indexOf(one), 1)
  }
  return kept
}

/** Of two places of which one calls the other, the caller is a cause only by what is its own. */
function areIndependent(left: Candidate, right: Candidate, paths: CallPaths): boolean {
  if (left.cause.subject === right.cause.subject) return false
  if (!left.isHomemade && paths(left.cause, right.cause)) return false
  return right.isHomemade || !paths(right.cause, left.cause)
}

type CallPaths = (from: RootCandidate, to: RootCandidate) => boolean

function callPaths(scene: Scene): CallPaths {
  return (from, to) => {
    // A zone's network is nobody's effect.
    if (from.kind === 'zone') return false
    if (to.kind !== 'zone') return reaches(scene, from.subject, to.subject)
    return scene.alerts.some(
      ({ zone, nature, service }) =>
        zone === to.subject &&
        nature === 'call' &&
        (service === from.subject || reaches(scene, from.subject, service)),
    )
  }
}

function gainOf(worths: readonly number[], reached: readonly number[]): number {
  let gain = 0
  for (const [at, worth] of worths.entries()) gain += Math.max(0, worth - (reached[at] ?? 0))
  return gain
}

function partsOf(alerts: readonly Alert[], chosen: readonly Candidate[]): CausePart[] {
  const parts = chosen.map(({ cause }) => ({ cause, alerts: [] as Alert[] }))
  for (const [at, alert] of alerts.entries()) {
    let place = 0
    let most = EXPLAINED_MIN
    for (const [index, { worths }] of chosen.entries()) {
      const worth = worths[at] ?? 0
      // What fits several as well stays with the one that accounts for most.
      if (worth <= most * CLEARLY) continue
      most = worth
      place = index
    }
    parts[place]?.alerts.push(alert)
  }
  return parts.filter((part) => part.alerts.length > 0)
}

/** An alert of the place itself, or one that names it: more than a guess from the shape of the system. */
function isEvident(
  alerts: readonly Alert[],
  graph: ServiceGraph,
  { kind, subject, explained }: RootCandidate,
): boolean {
  if (kind === 'zone') return explained > 0 && isZoneWide(alerts, graph, subject)
  return alerts.some(
    ({ names, externals, service, nature }) =>
      names.includes(subject) ||
      externals.includes(subject) ||
      (service === subject && nature !== 'call'),
  )
}

/** Most of the zone says the same: its network, not one callee of many. */
function isZoneWide(alerts: readonly Alert[], graph: ServiceGraph, zone: string): boolean {
  const inside = alerts.filter(
    (alert) => alert.zone === zone && alert.nature === 'call' && alert.names.length === 0,
  )
  const alike = inside.filter((alert) =>
    inside.some(
      (other) =>
        other.service !== alert.service && textSimilarity(alert.words, other.words) >= ALIKE_MIN,
    ),
  )
  const services = new Set(alike.map(({ service }) => service))
  const known = graph.servicesOf(zone).length
  return services.size >= Math.max(ZONE_SERVICES_MIN, ZONE_COVERED_MIN * known)
}

/** How well a cause accounts for each alert, its time considered. */
function worthsOf(scene: Scene, cause: RootCandidate): number[] {
  const { alerts } = scene
  const values = explainedBy(scene, cause)
  let onsetMs = Infinity
  for (const [at, value] of values.entries())
    if (value >= CERTAIN_MIN) onsetMs = Math.min(onsetMs, (alerts[at] as Alert).startedAtMs)
  const isRelease = alerts.some(
    (alert) => alert.service === cause.subject && alert.deployedAtMs > 0,
  )
  const timely = values.map((value, at) => {
    const alert = alerts[at] as Alert
    const share = isHomemade(alert) && alert.service !== cause.subject ? HOMEMADE_SHARE : 1
    const older = isRelease && isOlder(alert, cause) ? OLDER_SHARE : 1
    return value * share * older * timeliness(alert.startedAtMs - onsetMs)
  })
  return timely.map((value, at) => Math.max(value, followed(alerts, timely, at)))
}

/** An error of the service that its new release did not bring. */
function isOlder({ service, nature, deployedAtMs }: Alert, { subject }: RootCandidate): boolean {
  return service === subject && nature === 'local' && deployedAtMs === 0
}

function timeliness(delayMs: number): number {
  if (!Number.isFinite(delayMs)) return 1
  if (delayMs >= 0) return Math.exp(-delayMs / LATE_FADE_MS)
  return excusedEarly(-delayMs)
}

/** Errors of a service whose calls fail. */
function followed(alerts: readonly Alert[], values: readonly number[], at: number): number {
  const alert = alerts[at] as Alert
  if (alert.nature !== 'local' || alert.deployedAtMs > 0) return 0
  let most = 0
  for (const [index, other] of alerts.entries()) {
    if (other.service !== alert.service || other.nature !== 'call') continue
    if (Math.abs(alert.startedAtMs - other.startedAtMs) > FOLLOWS_MS) continue
    most = Math.max(most, FOLLOWS_SHARE * (values[index] ?? 0))
  }
  return most
}
