import { mergeSketches } from '#/processors/domain/spike/user-sketch.ts'
import { tell } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { countMinute, isAnnounced } from './incident-state.ts'
import type { IncidentState, MemberState } from './incident-state.ts'

/** The one that stays: announced before untold, older before younger. */
function order(left: IncidentState, right: IncidentState): [IncidentState, IncidentState] {
  if (isAnnounced(left) !== isAnnounced(right))
    return isAnnounced(left) ? [left, right] : [right, left]
  const first = left.members[0]?.order ?? 0
  const second = right.members[0]?.order ?? 0
  const isLeftOlder =
    left.openedAtMs < right.openedAtMs || (left.openedAtMs === right.openedAtMs && first <= second)
  return isLeftOlder ? [left, right] : [right, left]
}

export function takeMember(cluster: Cluster, incident: IncidentState, member: MemberState): void {
  incident.hasStaleCauses = true
  const known = incident.members.find((other) => other.alert.key === member.alert.key)
  if (known === undefined) {
    incident.members.push(member)
    cluster.index.add({ incident, member })
  } else {
    known.episodes.push(...member.episodes)
    known.users = mergeSketches(known.users, member.users)
    known.firstAtMs = Math.min(known.firstAtMs, member.firstAtMs)
    known.lastAtMs = Math.max(known.lastAtMs, member.lastAtMs)
    known.score = Math.max(known.score, member.score)
  }
  for (const episode of member.episodes)
    if (cluster.episodes.has(episode.id))
      cluster.episodes.set(episode.id, { incidentId: incident.id, key: member.alert.key })
  cluster.lastByKey.set(member.alert.key, incident.id)
}

/** Makes two incidents one; the one that goes leaves a redirect, so that links to it stay good. */
export function mergeIncidents(
  cluster: Cluster,
  merging: {
    left: IncidentState
    right: IncidentState
    at: number
    affinity: number
    sentence?: string
    actor?: string
  },
): IncidentState {
  const { at, affinity, actor } = merging
  const [kept, gone] = order(merging.left, merging.right)
  const by = actor === undefined ? {} : { actor }
  cluster.index.remove(gone)
  for (const member of gone.members) takeMember(cluster, kept, member)
  kept.members.sort((left, right) => left.order - right.order)
  for (const { minute, events, users } of gone.minutes)
    countMinute(kept, { atMs: minute * 60_000, events, users })
  kept.users = mergeSketches(kept.users, gone.users)
  kept.lastActivityAtMs = Math.max(kept.lastActivityAtMs, gone.lastActivityAtMs)
  kept.flapping ||= gone.flapping
  kept.regressed ||= gone.regressed
  if (actor !== undefined || gone.isHeldTogether === true) kept.isHeldTogether = true
  kept.isDirty = true
  cluster.open.delete(gone.id)
  const why =
    merging.sentence ?? `an alert ties both with affinity ${Math.min(1, affinity).toFixed(2)}`
  if (!isAnnounced(gone)) {
    const sentence = `${gone.members.length} earlier alerts joined: ${why}.`
    tell(cluster, kept, { kind: 'joined', at, sentence, ...by })
    return kept
  }
  tell(cluster, kept, { kind: 'merged', at, sentence: `Took over #${gone.number}: ${why}.`, ...by })
  gone.members = []
  gone.minutes = []
  gone.status = 'resolved'
  gone.resolvedAtMs = at
  gone.redirectTo = kept.id
  cluster.resolved.set(gone.id, gone)
  tell(cluster, gone, {
    kind: 'redirect',
    at,
    sentence: `Merged into #${kept.number}: ${why}.`,
    ...by,
  })
  return kept
}

/** Moves one member to an incident it fits better; both say so. */
export function moveMember(
  cluster: Cluster,
  moving: {
    from: IncidentState
    to: IncidentState
    member: MemberState
    through: MemberState
    value: number
    at: number
  },
): void {
  const { from, to, member, through, value, at } = moving
  cluster.index.removeMember({ incident: from, member })
  from.members = from.members.filter((other) => other !== member)
  const title = member.alert.title.slice(0, 120)
  member.reason = {
    rule: 'moved',
    affinity: Math.min(1, value),
    through: through.alert.key,
    sentence: `Moved here: affinity ${Math.min(1, value).toFixed(2)} to "${through.alert.title.slice(0, 80)}" in ${through.alert.service}.`,
  }
  takeMember(cluster, to, member)
  to.isDirty = true
  from.isDirty = true
  from.hasStaleCauses = true
  tell(cluster, from, {
    kind: 'split',
    at,
    sentence: `"${title}" moved to another incident it fits better.`,
  })
  tell(cluster, to, {
    kind: 'joined',
    at,
    sentence: `"${title}" in ${member.alert.service} moved here.`,
  })
}
