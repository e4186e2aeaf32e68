import { coverCauses } from './cause-cover.ts'
import { createIncident, firstAlert, refreshCauses, refreshSeverity, tell } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { isAnnounced } from './incident-state.ts'
import type { IncidentState, MemberState } from './incident-state.ts'
import { takeMember } from './merging.ts'
import { LIMITS } from './policy.ts'
import { isHomemade, rankRoots } from './root.ts'

/**
 * Early split: faults that began together are told apart as soon as their alerts show two causes that do not explain
 * each other. The incident keeps its id and the larger part; the rest becomes one of its own.
 */
export function splitByCause(cluster: Cluster, incident: IncidentState, nowMs: number): void {
  const { policy, graph } = cluster
  const isEarly = nowMs - incident.openedAtMs <= policy.splitWindowMs
  if (!isEarly || !isAnnounced(incident) || incident.isHeldTogether === true) return
  if (incident.members.length < 2 || incident.members.length > LIMITS.causeMembers) return
  const alerts = incident.members.map((member) => firstAlert(member))
  const parts = coverCauses(alerts, graph).toSorted(
    (left, right) => right.alerts.length - left.alerts.length,
  )
  for (const part of parts.slice(1)) {
    // One alert is a cause of its own when it cannot be the consequence of another.
    const isEnough = part.alerts.length > 1 || part.alerts.some((alert) => isHomemade(alert))
    if (!isEnough) continue
    const keys = new Set(part.alerts.map(({ key }) => key))
    const staying = incident.members
      .map((member) => firstAlert(member))
      .filter(({ key }) => !keys.has(key))
    if (rankRoots(staying, graph)[0]?.subject === rankRoots(part.alerts, graph)[0]?.subject)
      continue
    leave(cluster, incident, { keys, nowMs })
  }
}

function leave(
  cluster: Cluster,
  incident: IncidentState,
  { keys, nowMs }: { keys: ReadonlySet<string>; nowMs: number },
): void {
  const members = incident.members.filter(({ alert }) => keys.has(alert.key))
  const [first] = members
  if (first === undefined) return
  cluster.index.remove(incident)
  incident.members = incident.members.filter(({ alert }) => !keys.has(alert.key))
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
