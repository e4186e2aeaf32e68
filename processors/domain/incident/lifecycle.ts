import type { Detection } from '#/processors/domain/spike/types.ts'
import { mergeSketches } from '#/processors/domain/spike/user-sketch.ts'
import {
  findIncident,
  recountActiveUsers,
  refreshCauses,
  refreshSeverity,
  tell,
} from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { afterChange, backToOpen, reopen, union } from './joining.ts'
import { countMinute, eventsOf, isAnnounced } from './incident-state.ts'
import type { Episode, IncidentState, MemberState } from './incident-state.ts'
import { LIMITS } from './policy.ts'
import { advanceSilences } from './silence.ts'
import { splitByCause } from './split-by-cause.ts'

const MINUTE_MS = 60_000
/** Silences and severities are looked at once in this much event time. */
const ADVANCE_STEP_MS = 10_000
const SILENT_MS = 5 * MINUTE_MS
/** A person is looking into it, so silence alone closes it only after this many quiet times. */
const INVESTIGATED_PATIENCE = 48

function placeOf(
  cluster: Cluster,
  detection: Detection,
): { incident: IncidentState; member: MemberState; episode: Episode } | undefined {
  const id = detection.episodeId ?? detection.id
  const place = cluster.episodes.get(id)
  const incident = place === undefined ? undefined : findIncident(cluster, place.incidentId)
  const member = incident?.members.find((known) => known.alert.key === place?.key)
  const episode = member?.episodes.find((known) => known.id === id)
  return incident && member && episode ? { incident, member, episode } : undefined
}

/** One closed minute of a member that is still failing. */
export function onActivity(cluster: Cluster, detection: Detection): void {
  const place = placeOf(cluster, detection)
  if (place === undefined || detection.count === 0) return
  const { incident, member, episode } = place
  const { startedAtMs, count: events, users } = detection
  if (incident.status === 'resolved') {
    if (incident.redirectTo !== '' || startedAtMs <= (incident.resolvedAtMs ?? 0)) return
    const sentence = `Regressed: "${member.alert.title.slice(0, 120)}" is still failing.`
    reopen(cluster, incident, { at: detection.atMs, sentence, regressed: true })
  }
  if (incident.status === 'investigating') backToOpen(cluster, incident, detection)
  const lastAtMs = Math.min(detection.atMs, startedAtMs + MINUTE_MS)
  episode.minuteEvents += events
  episode.lastAtMs = Math.max(episode.lastAtMs, lastAtMs)
  member.lastAtMs = Math.max(member.lastAtMs, lastAtMs)
  member.users = mergeSketches(member.users, users)
  member.hosts = union(member.hosts, detection.hosts)
  member.releases = union(member.releases, detection.releases)
  incident.lastActivityAtMs = Math.max(incident.lastActivityAtMs, lastAtMs)
  incident.isDirty = true
  countMinute(incident, { atMs: startedAtMs, events, users })
  if (!isAnnounced(incident)) afterChange(cluster, incident, detection.atMs)
}

/** A later revision of an alert already placed: its numbers count, nothing is taken back. */
export function onCorrection(cluster: Cluster, detection: Detection): void {
  const place = placeOf(cluster, detection)
  if (place === undefined) return
  const { incident, member, episode } = place
  episode.alertEvents = Math.max(episode.alertEvents, detection.count)
  member.score = Math.max(member.score, detection.score)
  member.users = mergeSketches(member.users, detection.users)
  incident.users = mergeSketches(incident.users, detection.users)
  incident.isDirty = true
}

export function onEpisodeEnd(cluster: Cluster, detection: Detection): void {
  const place = placeOf(cluster, detection)
  if (place === undefined) return
  place.episode.endedAtMs = detection.atMs
  cluster.episodes.delete(place.episode.id)
}

export function onFlapping(cluster: Cluster, detection: Detection): void {
  const place = placeOf(cluster, detection)
  if (place === undefined || place.incident.flapping) return
  const { incident, member } = place
  incident.flapping = true
  const sentence = `Flapping: "${member.alert.title.slice(0, 120)}" goes in and out of alarm.`
  tell(cluster, incident, { kind: 'flapping', at: detection.atMs, sentence })
}

export function resolve(
  cluster: Cluster,
  incident: IncidentState,
  step: { at: number; resolvedAtMs: number; sentence: string; actor?: string },
): void {
  incident.status = 'resolved'
  incident.resolvedAtMs = step.resolvedAtMs
  incident.minutes = []
  cluster.index.remove(incident)
  cluster.open.delete(incident.id)
  cluster.resolved.set(incident.id, incident)
  const { at, sentence, actor } = step
  tell(cluster, incident, {
    kind: 'resolved',
    at,
    sentence,
    ...(actor === undefined ? {} : { actor }),
  })
  boundResolved(cluster)
}

function boundResolved(cluster: Cluster): void {
  while (cluster.resolved.size > LIMITS.resolvedIncidents) {
    const oldest = cluster.resolved.entries().next().value
    if (oldest === undefined) return
    forget(cluster, oldest[1])
    cluster.resolved.delete(oldest[0])
  }
}

/** Drops what points to an incident that is no longer kept. */
function forget(cluster: Cluster, incident: IncidentState): void {
  for (const member of incident.members) {
    if (cluster.lastByKey.get(member.alert.key) === incident.id)
      cluster.lastByKey.delete(member.alert.key)
    for (const episode of member.episodes)
      if (cluster.episodes.get(episode.id)?.incidentId === incident.id)
        cluster.episodes.delete(episode.id)
  }
}

/** An untold incident goes without a word: it never was one. */
function dropUntold(cluster: Cluster, incident: IncidentState): void {
  cluster.index.remove(incident)
  cluster.open.delete(incident.id)
  forget(cluster, incident)
}

function closeIfQuiet(cluster: Cluster, incident: IncidentState, nowMs: number): boolean {
  // Opened by hand and nothing was seen: there is no activity whose end could close it.
  if (incident.members.length === 0 && incident.givenTitle !== undefined) return false
  const isLookedInto = incident.status === 'investigating'
  const quietMs = cluster.policy.quietMs * (isLookedInto ? INVESTIGATED_PATIENCE : 1)
  const resolvedAtMs = incident.lastActivityAtMs + quietMs
  if (nowMs < resolvedAtMs) return false
  if (!isAnnounced(incident)) dropUntold(cluster, incident)
  else {
    const minutes = Math.round(quietMs / MINUTE_MS)
    const sentence = `Resolved: no activity for ${minutes} minutes.`
    resolve(cluster, incident, { at: Math.max(nowMs, resolvedAtMs), resolvedAtMs, sentence })
  }
  return true
}

/** Moves event time forward: silences close incidents, severities fall, activity is told once a minute. */
export function advanceTo(cluster: Cluster, nowMs: number): void {
  if (nowMs < cluster.advancedToMs + ADVANCE_STEP_MS) return
  const fromMs = cluster.advancedToMs
  cluster.advancedToMs = nowMs
  advanceSilences(cluster, fromMs, nowMs)
  const minute = Math.floor(nowMs / MINUTE_MS)
  recountActiveUsers(cluster)
  for (const incident of cluster.open.values()) {
    if (closeIfQuiet(cluster, incident, nowMs) || !isAnnounced(incident)) continue
    // What fell silent keeps the severity it had: it ends by being resolved, not by fading away.
    if (nowMs - incident.lastActivityAtMs <= SILENT_MS) refreshSeverity(cluster, incident, nowMs)
    if (!incident.isDirty || minute <= incident.toldMinute) continue
    incident.isDirty = false
    incident.toldMinute = minute
    refreshCauses(cluster, incident)
    splitByCause(cluster, incident, nowMs)
    const events = incident.members.reduce((sum, member) => sum + eventsOf(member), 0)
    const parts = incident.members.length
    const sentence = `${events} event${events === 1 ? '' : 's'} so far in ${parts} ${parts === 1 ? 'part' : 'parts'}.`
    tell(cluster, incident, { kind: 'updated', at: nowMs, sentence })
  }
  boundOpen(cluster, nowMs)
}

/** At the bound the incident that was quiet longest makes room. */
function boundOpen(cluster: Cluster, nowMs: number): void {
  while (cluster.open.size > LIMITS.openIncidents) {
    let quietest: IncidentState | undefined
    for (const incident of cluster.open.values())
      if (quietest === undefined || incident.lastActivityAtMs < quietest.lastActivityAtMs)
        quietest = incident
    if (quietest === undefined) return
    if (isAnnounced(quietest))
      resolve(cluster, quietest, {
        at: nowMs,
        resolvedAtMs: nowMs,
        sentence: 'Resolved to make room: too many incidents are open.',
      })
    else dropUntold(cluster, quietest)
  }
}
