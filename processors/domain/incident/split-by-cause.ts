import type { Alert } from './alert.ts'
import { createIncident, refreshCauses, refreshSeverity, tell } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { isAnnounced } from './incident-state.ts'
import type { IncidentState, MemberState } from './incident-state.ts'
import { takeMember } from './merging.ts'
import { LIMITS } from './policy.ts'
import { explainedBy, rankRoots } from './root.ts'
import type { RootCandidate } from './root.ts'
import type { ServiceGraph } from './service-graph.ts'

/** Below this a root does not account for an alert. */
const EXPLAINED_MIN = 0.25
/** A second cause has to account for this share of what the first one leaves. */
const SECOND_SHARE_MIN = 0.7
/** Errors that follow a failed call of the same service come within this time. */
const FOLLOWS_MS = 10 * 60_000

/** An alert of the place itself, or one that names it: more than a guess from the shape of the system. */
function isEvident(alerts: readonly Alert[], { kind, subject }: RootCandidate): boolean {
  if (kind === 'zone') return true
  return alerts.some(
    ({ names, externals, service, nature }) =>
      names.includes(subject) ||
      externals.includes(subject) ||
      (service === subject && nature !== 'call'),
  )
}

/** What `root` leaves without explanation, errors that only follow an explained one not counted. */
function leftBy(alerts: readonly Alert[], graph: ServiceGraph, root: RootCandidate): Alert[] {
  const values = explainedBy(alerts, graph, root)
  const explained = alerts.filter((_, at) => (values[at] ?? 0) >= EXPLAINED_MIN)
  return alerts.filter((alert) => {
    if (explained.includes(alert)) return false
    if (alert.nature !== 'local' || alert.deployedAtMs > 0) return true
    return !explained.some(
      ({ service, nature, startedAtMs }) =>
        service === alert.service &&
        nature === 'call' &&
        Math.abs(alert.startedAtMs - startedAtMs) <= FOLLOWS_MS,
    )
  })
}

/** One alert is a cause of its own when it cannot be the consequence of another. */
function isCauseAlone({ nature, deployedAtMs }: Alert): boolean {
  return nature === 'resource' || deployedAtMs > 0
}

/** The alerts that speak for a second, independent cause; empty when one explains the incident. */
export function secondCause(alerts: readonly Alert[], graph: ServiceGraph): readonly Alert[] {
  const [first] = rankRoots(alerts, graph)
  if (first === undefined || alerts.length < 2) return []
  const left = leftBy(alerts, graph, first)
  if (left.length === 0 || left.length === alerts.length) return []
  const [second] = rankRoots(left, graph)
  if (second === undefined || second.subject === first.subject) return []
  const staying = alerts.filter((alert) => !left.includes(alert))
  if (!isEvident(left, second) || !isEvident(staying, first)) return []
  const values = explainedBy(left, graph, second)
  const explained = values.filter((value) => value >= EXPLAINED_MIN).length
  // What the first root itself blames lies deeper on the same path.
  const isDeeper = left.some(({ service }) => service === first.subject)
  const isEnough = left.length > 1 || left.some((alert) => isCauseAlone(alert))
  return explained >= SECOND_SHARE_MIN * left.length && isEnough && !isDeeper ? left : []
}

/**
 * Early split: faults that began together are told apart as soon as their alerts show two causes that do not explain
 * each other. The incident keeps its id and the larger part; the rest becomes one of its own.
 */
export function splitByCause(cluster: Cluster, incident: IncidentState, nowMs: number): void {
  const { policy, graph } = cluster
  const isEarly = nowMs - incident.openedAtMs <= policy.splitWindowMs
  if (!isEarly || !isAnnounced(incident) || incident.members.length > LIMITS.causeMembers) return
  const leaving = new Set(
    secondCause(
      incident.members.map(({ alert }) => alert),
      graph,
    ),
  )
  const members = incident.members.filter(({ alert }) => leaving.has(alert))
  const [first] = members
  if (first === undefined) return
  cluster.index.remove(incident)
  incident.members = incident.members.filter(({ alert }) => !leaving.has(alert))
  incident.hasStaleCauses = true
  for (const member of incident.members) cluster.index.add({ incident, member })
  const split = splitOff(cluster, { members, first, nowMs })
  const what = `${members.length} issue${members.length === 1 ? '' : 's'}`
  refreshCauses(cluster, incident)
  refreshCauses(cluster, split)
  tell(cluster, incident, {
    kind: 'split',
    at: nowMs,
    sentence: `${what} moved to #${split.number}: ${split.root} explains them, ${incident.root} does not.`,
  })
  const sentence = `Split from #${incident.number}: ${split.root} explains ${what}, ${incident.root} does not.`
  tell(cluster, split, { kind: 'opened', at: nowMs, sentence })
  for (const each of [incident, split]) refreshSeverity(cluster, each, nowMs)
}

/** A new incident of members that are in none; the caller tells about it. */
export function splitOff(
  cluster: Cluster,
  parts: { members: readonly MemberState[]; first: MemberState; nowMs: number },
): IncidentState {
  const { members, first, nowMs } = parts
  const split = createIncident(cluster, {
    key: first.alert.key,
    atMs: nowMs,
    recurrenceOf: '',
  })
  for (const member of members) takeMember(cluster, split, member)
  split.lastActivityAtMs = Math.max(...members.map((member) => member.lastAtMs))
  split.number = cluster.nextNumber
  cluster.nextNumber += 1
  return split
}
