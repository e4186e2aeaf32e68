import type { Incident } from '#/schemas/incident.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { applyToCluster } from './actions.ts'
import type { IncidentAction } from './actions.ts'
import { followAliases } from './aliases.ts'
import { findIncident, noteUsers } from './cluster.ts'
import type { Cluster, EpisodePlace, IncidentChange, UserHour } from './cluster.ts'
import { isAnnounced, toIncident } from './incident-state.ts'
import type { IncidentState } from './incident-state.ts'
import { placeAlert } from './joining.ts'
import { advanceTo, onActivity, onCorrection, onEpisodeEnd, onFlapping } from './lifecycle.ts'
import { createMemberIndex } from './member-index.ts'
import { incidentPolicy, LIMITS } from './policy.ts'
import type { IncidentPolicy } from './policy.ts'
import { RequestBook } from './request-book.ts'
import type { SavedRequests } from './request-book.ts'
import { applySilence } from './silence.ts'
import type { DeployFact } from './suspects.ts'
import type { Silence, SilenceAction } from './silence.ts'
import { createServiceGraph } from './service-graph.ts'
import type { LearnedGraph, TopologyService } from './service-graph.ts'

export interface ClustererOptions {
  project: string
  topology?: readonly TopologyService[]
  policy?: Partial<IncidentPolicy>
}

/** A clusterer's state as plain JSON. */
export interface ClustererSnapshot {
  version: 1
  graph: LearnedGraph
  open: readonly IncidentState[]
  resolved: readonly IncidentState[]
  episodes: readonly (readonly [string, EpisodePlace])[]
  lastByKey: readonly (readonly [string, string])[]
  deploys: readonly (readonly [string, readonly DeployFact[]])[]
  apart: readonly string[]
  silences?: readonly Silence[]
  requests?: SavedRequests
  userHours: readonly UserHour[]
  activeUsers: number
  watchedSinceMs: number
  advancedToMs: number
  nextNumber: number
  nextOrder: number
}

/**
 * Makes incidents of the detections of one project. The result is a function of the sequence of calls alone:
 * detections come slice by slice, each slice sorted with `compareDetections`, then `advance` once per slice.
 */
export interface Clusterer {
  apply(detection: Detection): IncidentChange[]
  /** `nowMs` is the project's event time; a lower one than before is ignored. */
  advance(nowMs: number): IncidentChange[]
  /** What a person decided. Throws `not_found` or `conflict`, then nothing has changed. */
  applyAction(action: IncidentAction | SilenceAction): IncidentChange[]
  /** Incidents told and not resolved, in order of opening. */
  openIncidents(): Incident[]
  /** Follows redirects; undefined when unknown or no longer kept. */
  incident(id: string): Incident | undefined
  /** Every incident that was told and not merged away, with the stretches of time its issues belong to it. */
  memberships(): IncidentMembership[]
  snapshot(): ClustererSnapshot
}

/** Which events are an incident's: those of these issues within these times. */
export interface IncidentMembership {
  incident: Incident
  issues: readonly {
    fingerprint: string
    service: string
    environment: string
    /** First and last activity of each episode, event time in ms. */
    episodes: readonly { fromMs: number; toMs: number }[]
  }[]
}

/** The order inside a slice: event time, service, environment, id, revision. */
export function compareDetections(left: Detection, right: Detection): number {
  return (
    left.atMs - right.atMs ||
    compareText(left.service, right.service) ||
    compareText(left.environment, right.environment) ||
    compareText(left.id, right.id) ||
    left.revision - right.revision ||
    compareText(left.kind, right.kind) ||
    left.startedAtMs - right.startedAtMs
  )
}

function compareText(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

/** `restored` continues exactly where its snapshot was taken. */
export function createClusterer(
  options: ClustererOptions,
  restored?: ClustererSnapshot,
): Clusterer {
  const cluster = createCluster(options, restored)
  const take = (): IncidentChange[] => cluster.changes.splice(0)
  return {
    apply(detection) {
      applyDetection(cluster, detection)
      return take()
    },
    advance(nowMs) {
      cluster.watchedSinceMs = Math.min(cluster.watchedSinceMs, nowMs)
      advanceTo(cluster, nowMs)
      return take()
    },
    applyAction(action) {
      if (action.kind === 'silence' || action.kind === 'unsilence') applySilence(cluster, action)
      else applyToCluster(cluster, action)
      return take()
    },
    openIncidents: () =>
      [...cluster.open.values()]
        .filter((incident) => isAnnounced(incident))
        .map((incident) => toIncident(incident, cluster.project)),
    incident(id) {
      const found = findIncident(cluster, id)
      return found !== undefined && isAnnounced(found)
        ? toIncident(found, cluster.project)
        : undefined
    },
    memberships: () => membershipsOf(cluster),
    snapshot: () => snapshotOf(cluster),
  }
}

function membershipsOf(cluster: Cluster): IncidentMembership[] {
  const told = [...cluster.resolved.values(), ...cluster.open.values()].filter(
    (incident) => isAnnounced(incident) && incident.redirectTo === '',
  )
  return told
    .toSorted((left, right) => left.number - right.number)
    .map((incident) => ({
      incident: toIncident(incident, cluster.project),
      issues: incident.members.map(({ alert, episodes }) => ({
        fingerprint: alert.fingerprint,
        service: alert.service,
        environment: alert.environment,
        episodes: episodes.map(({ startedAtMs, lastAtMs }) => ({
          fromMs: startedAtMs,
          toMs: lastAtMs,
        })),
      })),
    }))
}

function applyDetection(cluster: Cluster, detection: Detection): void {
  cluster.watchedSinceMs = Math.min(cluster.watchedSinceMs, detection.atMs)
  noteUsers(cluster, detection.atMs, detection.users)
  // A span says whom it calls; what a text names is learned from failed calls alone.
  for (const callee of [...detection.callees, ...(detection.calls ?? [])])
    cluster.graph.learn(detection.service, callee)
  followAliases(cluster, detection)
  switch (detection.kind) {
    case 'activity':
      cluster.requests.note(detection)
      return onActivity(cluster, detection)
    case 'episode_end':
      return onEpisodeEnd(cluster, detection)
    case 'flapping':
      return onFlapping(cluster, detection)
    case 'deploy':
      return noteDeploy(cluster, detection)
    case 'late':
    case 'warning':
      return
    case 'novel':
    case 'spike':
    case 'drop':
    case 'latency':
    case 'silence':
    case 'sql': {
      const isKnown =
        detection.revision > 0 || cluster.episodes.has(detection.episodeId ?? detection.id)
      return isKnown ? onCorrection(cluster, detection) : placeAlert(cluster, detection)
    }
  }
}

function noteDeploy(cluster: Cluster, detection: Detection): void {
  const { deploy, service, environment } = detection
  if (deploy === undefined) return
  cluster.graph.notice(service)
  const known = cluster.deploys.get(service) ?? []
  const { deployId, release } = deploy
  if (known.some((fact) => fact.deployId === deployId)) return
  known.push({ deployId, service, environment, release, atMs: detection.startedAtMs })
  cluster.deploys.set(service, known.slice(-LIMITS.deploysPerService))
}

function createCluster(options: ClustererOptions, restored?: ClustererSnapshot): Cluster {
  const graph = createServiceGraph(options.topology)
  const state = structuredClone(restored)
  for (const service of state?.graph.services ?? []) graph.notice(service)
  for (const [caller, callee] of state?.graph.edges ?? []) graph.learn(caller, callee)
  const cluster: Cluster = {
    project: options.project,
    policy: incidentPolicy(options.policy),
    graph,
    index: createMemberIndex(),
    open: new Map(state?.open.map((incident) => [incident.id, incident])),
    resolved: new Map(state?.resolved.map((incident) => [incident.id, incident])),
    episodes: new Map(state?.episodes),
    lastByKey: new Map(state?.lastByKey),
    deploys: new Map(state?.deploys.map(([service, facts]) => [service, [...facts]])),
    apart: new Set(state?.apart),
    silences: new Map(state?.silences?.map((silence) => [silence.id, silence])),
    requests: new RequestBook(state?.requests),
    userHours: [...(state?.userHours ?? [])],
    activeUsers: state?.activeUsers ?? 0,
    watchedSinceMs: state?.watchedSinceMs ?? Number.MAX_SAFE_INTEGER,
    advancedToMs: state?.advancedToMs ?? 0,
    nextNumber: state?.nextNumber ?? 1,
    nextOrder: state?.nextOrder ?? 1,
    changes: [],
  }
  const members = [...cluster.open.values()].flatMap((incident) =>
    incident.members.map((member) => ({ incident, member })),
  )
  for (const entry of members.toSorted((left, right) => left.member.order - right.member.order))
    cluster.index.add(entry)
  return cluster
}

function snapshotOf(cluster: Cluster): ClustererSnapshot {
  return structuredClone({
    version: 1 as const,
    graph: cluster.graph.learned(),
    open: [...cluster.open.values()],
    resolved: [...cluster.resolved.values()],
    episodes: [...cluster.episodes],
    lastByKey: [...cluster.lastByKey],
    deploys: [...cluster.deploys],
    apart: [...cluster.apart],
    ...(cluster.silences.size === 0 ? {} : { silences: [...cluster.silences.values()] }),
    requests: cluster.requests.save(),
    userHours: cluster.userHours,
    activeUsers: cluster.activeUsers,
    watchedSinceMs: cluster.watchedSinceMs,
    advancedToMs: cluster.advancedToMs,
    nextNumber: cluster.nextNumber,
    nextOrder: cluster.nextOrder,
  })
}
