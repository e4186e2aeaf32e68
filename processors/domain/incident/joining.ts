import type { MemberReason } from '#/schemas/incident.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { mergeSketches } from '#/processors/domain/spike/user-sketch.ts'
import { affinityOf } from './affinity.ts'
import type { AffinityRule } from './affinity.ts'
import type { Alert } from './alert.ts'
import { toAlert } from './alert.ts'
import { coverCauses } from './cause-cover.ts'
import type { CausePart } from './cause-cover.ts'
import {
  createIncident,
  findIncident,
  firstAlert,
  isKeptApart,
  refreshSeverity,
  tell,
} from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { isConvincing } from './evidence.ts'
import { countMinute, isAnnounced } from './incident-state.ts'
import type { Episode, IncidentState, MemberState } from './incident-state.ts'
import type { IndexedMember } from './member-index.ts'
import { mergeIncidents, moveMember } from './merging.ts'
import { LIMITS } from './policy.ts'
import { refreshSilence } from './silence.ts'

/** The strongest tie of an alert to one incident. */
interface Tie {
  entry: IndexedMember
  value: number
  rule: AffinityRule
}

const RULE_TEXT: Record<AffinityRule, string> = {
  same_fingerprint: 'It is the same issue as',
  names_service: 'One names the service of the other,',
  same_named: 'Both name the same service as',
  same_host: 'It comes from the same host as',
  external_host: 'Both name the same external host as',
  dependency: 'One service calls the other,',
  calls_named: 'One calls what the other names,',
  two_hops: 'The services are two calls apart,',
  same_service: 'It is in the same service as',
  zone: 'It fails in the same zone as',
}

function isBetter(left: Tie, right: Tie | undefined): boolean {
  if (right === undefined || left.value !== right.value) return left.value > (right?.value ?? 0)
  return left.entry.member.order < right.entry.member.order
}

/** The best tie to each incident the alert could belong to. */
function tiesOf(cluster: Cluster, alert: Alert): { best: Map<string, Tie>; all: Tie[] } {
  const best = new Map<string, Tie>()
  const all: Tie[] = []
  const { graph, policy } = cluster
  for (const entry of cluster.index.candidates(alert, graph)) {
    const { member, incident } = entry
    const { value, rule } = affinityOf(alert, member.alert, {
      graph,
      memberLastAtMs: member.lastAtMs,
      flappingRejoinMs: policy.flappingRejoinMs,
    })
    if (value === 0) continue
    const tie = { entry, value, rule }
    all.push(tie)
    if (isBetter(tie, best.get(incident.id))) best.set(incident.id, tie)
  }
  return { best, all }
}

/** Puts an alert where it belongs: into its old incident, an open one, or a new one. */
export function placeAlert(cluster: Cluster, detection: Detection): void {
  cluster.graph.notice(detection.service)
  const deploys = cluster.deploys.get(detection.service)
  const alert = toAlert(detection, cluster.graph, deploys)
  for (const callee of [...alert.names, ...alert.externals])
    if (alert.nature === 'call') cluster.graph.learn(alert.service, callee)
  const ties = tiesOf(cluster, alert)
  let chosen: Tie | undefined
  for (const tie of ties.best.values())
    if (isBetter(tie, chosen) && !isKeptApart(cluster, alert.key, tie.entry.incident)) chosen = tie
  const former = formerIncident(cluster, alert)
  const incident =
    chosen !== undefined && chosen.value >= cluster.policy.joinAffinity
      ? joinThrough(cluster, { alert, detection, tie: chosen })
      : former === undefined
        ? openIncident(cluster, { alert, detection, recurrenceOf: '' })
        : comeBack(cluster, { alert, detection, former })
  if (incident === undefined) return
  const placed = incident.members.find((member) => member.alert.key === alert.key)
  const settled =
    placed === undefined
      ? incident
      : settleNeighbours(cluster, { incident, member: placed, all: ties.all })
  afterChange(cluster, settled, detection.atMs)
}

/** The resolved incident this issue was last in, if it is still remembered. */
function formerIncident(cluster: Cluster, alert: Alert): IncidentState | undefined {
  const id = cluster.lastByKey.get(alert.key)
  const former = id === undefined ? undefined : findIncident(cluster, id)
  return former?.status === 'resolved' && isAnnounced(former) ? former : undefined
}

function joinThrough(
  cluster: Cluster,
  joining: { alert: Alert; detection: Detection; tie: Tie },
): IncidentState {
  const { alert, detection, tie } = joining
  const { incident, member: through } = tie.entry
  const known = incident.members.find((member) => member.alert.key === alert.key)
  const reason: MemberReason = {
    rule: tie.rule,
    affinity: Math.min(1, tie.value),
    through: through.alert.key,
    sentence: `${RULE_TEXT[tie.rule]} "${through.alert.title.slice(0, 80)}" in ${through.alert.service}; affinity ${Math.min(1, tie.value).toFixed(2)} of 1.`,
  }
  if (incident.status === 'investigating') backToOpen(cluster, incident, detection)
  if (known === undefined) addMember(cluster, incident, { alert, detection, reason })
  else renewMember(cluster, incident, { member: known, alert, detection })
  const verb = known === undefined ? 'joined' : 'fired again'
  const sentence = `"${alert.title.slice(0, 120)}" in ${alert.service} ${verb}. ${reason.sentence}`
  tell(cluster, incident, { kind: 'joined', at: detection.atMs, sentence })
  return incident
}

/** Fresh activity after silence takes an incident somebody looks into back to open. */
export function backToOpen(cluster: Cluster, incident: IncidentState, detection: Detection): void {
  if (detection.startedAtMs - incident.lastActivityAtMs < cluster.policy.quietMs) return
  incident.status = 'open'
  const sentence = 'Active again after silence while it was being investigated.'
  tell(cluster, incident, { kind: 'reopened', at: detection.atMs, sentence })
}

function openIncident(
  cluster: Cluster,
  opening: { alert: Alert; detection: Detection; recurrenceOf: string },
): IncidentState {
  const { alert, detection, recurrenceOf } = opening
  const incident = createIncident(cluster, { key: alert.key, atMs: detection.atMs, recurrenceOf })
  const reason = { rule: 'opened', affinity: 1, sentence: `Opened by it: ${alert.sentence}` }
  addMember(cluster, incident, { alert, detection, reason })
  return incident
}

/** An issue of a resolved incident fires: late news, a regression, or a recurrence. */
function comeBack(
  cluster: Cluster,
  coming: { alert: Alert; detection: Detection; former: IncidentState },
): IncidentState | undefined {
  const { alert, detection, former } = coming
  const resolvedAtMs = former.resolvedAtMs ?? 0
  if (alert.startedAtMs <= resolvedAtMs) {
    // It happened before the incident was resolved and only arrived late: it counts, but reopens nothing.
    const member = former.members.find((known) => known.alert.key === alert.key)
    if (member !== undefined) noteEpisode(cluster, former, { member, alert, detection })
    return undefined
  }
  if (alert.startedAtMs - resolvedAtMs > cluster.policy.reopenWindowMs)
    return openIncident(cluster, { alert, detection, recurrenceOf: former.id })
  const sentence = `Regressed: "${alert.title.slice(0, 120)}" in ${alert.service} fired again after the incident was resolved.`
  reopen(cluster, former, { at: detection.atMs, sentence, regressed: true })
  const member = former.members.find((known) => known.alert.key === alert.key)
  if (member !== undefined) renewMember(cluster, former, { member, alert, detection })
  return former
}

export function reopen(
  cluster: Cluster,
  incident: IncidentState,
  step: { at: number; sentence: string; regressed: boolean; actor?: string },
): void {
  cluster.resolved.delete(incident.id)
  cluster.open.set(incident.id, incident)
  incident.status = 'open'
  incident.resolvedAtMs = null
  incident.regressed ||= step.regressed
  incident.lastActivityAtMs = Math.max(incident.lastActivityAtMs, step.at)
  for (const member of incident.members) cluster.index.add({ incident, member })
  const { at, sentence, actor } = step
  tell(cluster, incident, {
    kind: 'reopened',
    at,
    sentence,
    ...(actor === undefined ? {} : { actor }),
  })
}

function addMember(
  cluster: Cluster,
  incident: IncidentState,
  joining: { alert: Alert; detection: Detection; reason: MemberReason },
): void {
  const { alert, detection, reason } = joining
  if (incident.members.length >= LIMITS.members) {
    countMinute(incident, { atMs: detection.atMs, events: detection.count, users: detection.users })
    return
  }
  const member: MemberState = {
    alert,
    reason,
    order: cluster.nextOrder,
    joinedAtMs: detection.atMs,
    firstAtMs: alert.startedAtMs,
    lastAtMs: detection.atMs,
    score: 0,
    users: [],
    releases: [],
    hosts: [],
    episodes: [],
  }
  cluster.nextOrder += 1
  incident.members.push(member)
  incident.hasStaleCauses = true
  noteEpisode(cluster, incident, { member, alert, detection })
  cluster.index.add({ incident, member })
}

/** A further episode of a member: it stands where its issue now is. */
function renewMember(
  cluster: Cluster,
  incident: IncidentState,
  renewing: { member: MemberState; alert: Alert; detection: Detection },
): void {
  const { member, alert } = renewing
  cluster.index.removeMember({ incident, member })
  member.alert = alert
  incident.hasStaleCauses = true
  noteEpisode(cluster, incident, renewing)
  cluster.index.add({ incident, member })
}

function noteEpisode(
  cluster: Cluster,
  incident: IncidentState,
  noting: { member: MemberState; alert: Alert; detection: Detection },
): void {
  const { member, alert, detection } = noting
  const episode: Episode = {
    id: alert.episodeId,
    startedAtMs: alert.startedAtMs,
    endedAtMs: null,
    lastAtMs: detection.atMs,
    alertEvents: detection.count,
    minuteEvents: 0,
  }
  member.episodes.push(episode)
  if (member.episodes.length > LIMITS.listed) member.episodes.splice(1, 1)
  member.firstAtMs = Math.min(member.firstAtMs, alert.startedAtMs)
  member.lastAtMs = Math.max(member.lastAtMs, detection.atMs)
  member.score = Math.max(member.score, alert.score)
  member.users = mergeSketches(member.users, detection.users)
  member.hosts = union(member.hosts, alert.hosts)
  member.releases = union(member.releases, alert.releases)
  cluster.episodes.set(alert.episodeId, { incidentId: incident.id, key: alert.key })
  cluster.lastByKey.delete(alert.key)
  cluster.lastByKey.set(alert.key, incident.id)
  if (incident.status !== 'resolved')
    incident.lastActivityAtMs = Math.max(incident.lastActivityAtMs, detection.atMs)
  countMinute(incident, { atMs: detection.atMs, events: detection.count, users: detection.users })
  incident.isDirty = true
  refreshSilence(cluster, incident, detection.atMs)
}

export function union(left: readonly string[], right: readonly string[]): readonly string[] {
  if (right.every((item) => left.includes(item))) return left
  return [...new Set([...left, ...right])].toSorted().slice(0, LIMITS.listed)
}

/** A new alert may show that two incidents are one, or that a recent member fits here much better. Answers where the alert is now. */
function settleNeighbours(
  cluster: Cluster,
  placed: { incident: IncidentState; member: MemberState; all: readonly Tie[] },
): IncidentState {
  const { policy } = cluster
  const { member } = placed
  let { incident } = placed
  const now = member.lastAtMs
  const strongestFirst = placed.all.toSorted((left, right) => (isBetter(left, right) ? -1 : 1))
  for (const { entry, value } of strongestFirst) {
    const other = findIncident(cluster, entry.incident.id)
    if (other === undefined || other === incident || !cluster.open.has(other.id)) continue
    if (isKeptApart(cluster, member.alert.key, other)) continue
    const isYoung = Math.abs(other.openedAtMs - incident.openedAtMs) <= policy.mergeWindowMs
    const needed = other.members.length === 1 ? policy.mergeAffinitySingle : policy.mergeAffinity
    const isMerge =
      value >= needed && isYoung && !areDistinct(cluster, { left: incident, right: other })
    if (isMerge || (!isAnnounced(other) && value >= policy.joinAffinity)) {
      incident = mergeIncidents(cluster, { left: incident, right: other, at: now, affinity: value })
      continue
    }
    if (other.isHeldTogether === true) continue
    const { member: moving } = entry
    const isRecent =
      now - moving.joinedAtMs <= policy.splitWindowMs && moving.reason.rule !== 'opened'
    if (isRecent && value > moving.reason.affinity + policy.splitMargin)
      moveMember(cluster, {
        from: other,
        to: incident,
        member: moving,
        through: member,
        value,
        at: now,
      })
  }
  return incident
}

/** Two incidents are two, however close, when together they still need a cause for each of them. */
function areDistinct(
  cluster: Cluster,
  { left, right }: { left: IncidentState; right: IncidentState },
): boolean {
  const members = [...left.members, ...right.members]
  if (members.length > LIMITS.causeMembers) return false
  const parts = coverCauses(
    members.map((member) => firstAlert(member)),
    cluster.graph,
  )
  if (parts.length < 2) return false
  return mainPart(parts, left) !== mainPart(parts, right)
}

/** The cause most members of an incident belong to. */
function mainPart(parts: readonly CausePart[], { members }: IncidentState): CausePart | undefined {
  const keys = new Set(members.map(({ alert }) => alert.key))
  let most = 0
  let main: CausePart | undefined
  for (const part of parts) {
    const count = part.alerts.filter(({ key }) => keys.has(key)).length
    if (count <= most) continue
    most = count
    main = part
  }
  return main
}

/** Recomputes what follows from the members and tells about an incident once there is evidence enough. */
export function afterChange(cluster: Cluster, incident: IncidentState, at: number): void {
  refreshSilence(cluster, incident, at)
  if (isAnnounced(incident)) {
    refreshSeverity(cluster, incident, at)
    return
  }
  if (!isConvincing(incident, cluster)) return
  incident.number = cluster.nextNumber
  cluster.nextNumber += 1
  incident.openedAtMs = at
  refreshSeverity(cluster, incident, at)
  const [first] = incident.members
  const sentence = `Opened: ${first?.alert.sentence ?? ''}`
  tell(cluster, incident, { kind: 'opened', at, sentence })
}
