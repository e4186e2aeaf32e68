import { createHash } from 'node:crypto'
import type { Incident } from '#/schemas/incident.ts'
import { countUsers, mergeSketches } from '#/processors/domain/spike/user-sketch.ts'
import { findCauses } from './causes.ts'
import {
  addTimeline,
  emptyIncident,
  isAnnounced,
  SEVERITY_MINUTES,
  recentImpact,
  servicesOf,
  toIncident,
} from './incident-state.ts'
import type { IncidentState, MemberState } from './incident-state.ts'
import type { MemberIndex } from './member-index.ts'
import { LIMITS } from './policy.ts'
import type { IncidentPolicy } from './policy.ts'
import type { RequestBook } from './request-book.ts'
import type { ServiceGraph } from './service-graph.ts'
import type { Silence } from './silence.ts'
import { holdSeverity, scoreSeverity, settled } from './severity.ts'
import type { DeployFact } from './suspects.ts'

/** Why the incident is told anew. */
export type IncidentChangeKind =
  | 'opened'
  | 'joined'
  | 'updated'
  | 'severity'
  | 'merged'
  | 'split'
  | 'flapping'
  | 'resolved'
  | 'reopened'
  | 'redirect'
  | 'status'
  | 'silenced'
  | 'unsilenced'

/** One step in the life of an incident and the incident as it stands after it. */
export interface IncidentChange {
  kind: IncidentChangeKind
  /** Event time, ms. */
  at: number
  sentence: string
  incident: Incident
}

/** Where an episode is counted. */
export interface EpisodePlace {
  incidentId: string
  key: string
}

/** Users seen in one hour of event time. */
export interface UserHour {
  hour: number
  users: readonly number[]
}

/** Everything one project's clusterer knows. The factory owns it; the other files change it on its behalf. */
export interface Cluster {
  readonly project: string
  readonly policy: IncidentPolicy
  readonly graph: ServiceGraph
  readonly index: MemberIndex
  /** Not resolved, the untold ones included, in order of opening. */
  readonly open: Map<string, IncidentState>
  /** Resolved and redirected, oldest first. */
  readonly resolved: Map<string, IncidentState>
  readonly episodes: Map<string, EpisodePlace>
  /** The incident a fingerprint was last a member of. */
  readonly lastByKey: Map<string, string>
  readonly deploys: Map<string, DeployFact[]>
  /** Pairs of member keys a person told apart, `a\nb` with a < b. */
  readonly apart: Set<string>
  /** Silences that have not ended, by id. */
  readonly silences: Map<string, Silence>
  readonly requests: RequestBook
  userHours: UserHour[]
  activeUsers: number
  watchedSinceMs: number
  advancedToMs: number
  nextNumber: number
  nextOrder: number
  changes: IncidentChange[]
}

const HOUR_MS = 3_600_000
/** In a larger incident one alert more changes little: its causes are looked for once a minute only. */
const PROMPT_MEMBERS_MAX = 30
const ACTIVE_HOURS = 24
/** New issues expect nothing; a rate below this is a quiet one all the same, and bursts are measured from here. */
const QUIET_PER_MIN = 1

export function incidentId(project: string, key: string, openedAtMs: number): string {
  const name = JSON.stringify([project, key, openedAtMs])
  return createHash('sha256').update(name).digest('hex').slice(0, 20)
}

/** A new incident nobody was told of yet; its id follows from what opened it and when. */
export function createIncident(
  cluster: Cluster,
  opening: { key: string; atMs: number; recurrenceOf: string },
): IncidentState {
  const { key, atMs, recurrenceOf } = opening
  const incident = emptyIncident(incidentId(cluster.project, key, atMs), atMs)
  incident.recurrenceOf = recurrenceOf
  cluster.open.set(incident.id, incident)
  return incident
}

export function findIncident(cluster: Cluster, id: string): IncidentState | undefined {
  let incident = cluster.open.get(id) ?? cluster.resolved.get(id)
  for (let hops = 0; incident !== undefined && incident.redirectTo !== '' && hops < 100; hops += 1)
    incident = cluster.open.get(incident.redirectTo) ?? cluster.resolved.get(incident.redirectTo)
  return incident
}

/** Writes the step into the timeline and hands it out; an untold incident stays untold. */
export function tell(
  cluster: Cluster,
  incident: IncidentState,
  step: { kind: IncidentChangeKind; at: number; sentence: string; actor?: string },
): void {
  if (!isAnnounced(incident)) return
  if (incident.members.length <= PROMPT_MEMBERS_MAX) refreshCauses(cluster, incident)
  incident.updatedAtMs = Math.max(incident.updatedAtMs, step.at)
  addTimeline(incident, step)
  const { kind, at, sentence } = step
  cluster.changes.push({ kind, at, sentence, incident: toIncident(incident, cluster.project) })
}

/** Distinct users of the last day among what detections told, by hour of event time. */
export function noteUsers(cluster: Cluster, atMs: number, users: readonly number[]): void {
  if (users.length === 0) return
  const hour = Math.floor(atMs / HOUR_MS)
  const known = cluster.userHours.find((entry) => entry.hour === hour)
  if (known === undefined) cluster.userHours.push({ hour, users })
  else known.users = mergeSketches(known.users, users)
  const latest = Math.max(...cluster.userHours.map((entry) => entry.hour))
  cluster.userHours = cluster.userHours.filter((entry) => entry.hour > latest - ACTIVE_HOURS)
}

/** Recounted once a minute, not per alert. */
export function recountActiveUsers(cluster: Cluster): void {
  let all: readonly number[] = []
  for (const entry of cluster.userHours) all = mergeSketches(all, entry.users)
  cluster.activeUsers = Math.max(cluster.policy.activeUsersMin, countUsers(all))
}

export function deploysOf(cluster: Cluster, incident: IncidentState): DeployFact[] {
  return servicesOf(incident).flatMap((service) => cluster.deploys.get(service) ?? [])
}

/** Looks for root and causes anew when members came or went. */
export function refreshCauses(cluster: Cluster, incident: IncidentState): void {
  if (!incident.hasStaleCauses) return
  incident.hasStaleCauses = false
  const alerts = incident.members.slice(0, LIMITS.causeMembers).map((member) => firstAlert(member))
  const found = findCauses(alerts, { graph: cluster.graph, deploys: deploysOf(cluster, incident) })
  incident.root = found.root
  incident.suspectDeploy = found.suspectDeploy
  incident.causes = found.causes
}

/** For causes what counts is when the member first failed, not its latest episode. */
export function firstAlert(member: MemberState): MemberState['alert'] {
  return member.alert.startedAtMs === member.firstAtMs
    ? member.alert
    : { ...member.alert, startedAtMs: member.firstAtMs }
}

/** Recomputes the severity at `nowMs`; tells it when the shown level moves. */
export function refreshSeverity(cluster: Cluster, incident: IncidentState, nowMs: number): void {
  const { policy, graph } = cluster
  const services = servicesOf(incident)
  const impact = recentImpact(incident, nowMs)
  const alerts = incident.members.map((member) => member.alert)
  const perMin = alerts.reduce((sum, alert) => sum + alert.expectedPerMin, 0)
  const computed = scoreSeverity({
    users: impact.users,
    activeUsers: Math.max(policy.activeUsersMin, cluster.activeUsers),
    criticality: services.reduce(
      (highest, service) =>
        Math.max(highest, graph.criticality(service) ?? policy.defaultCriticality),
      0,
    ),
    observed: impact.events,
    expected: Math.max(QUIET_PER_MIN, perMin) * SEVERITY_MINUTES,
    budgetBurn: cluster.requests.burn(new Set(alerts.map(placeOf)), {
      nowMs,
      allowedShare: policy.errorBudgetShare,
    }),
    services: services.length,
    newInRelease: alerts.some((alert) => alert.newInRelease),
    regressed: incident.regressed,
    businessAnomaly: alerts.some(({ subject }) => subject === 'signups' || subject === 'feedback'),
  })
  const before = incident.severity.shown.level
  const wasScored = incident.severity.shown.terms.length > 0
  incident.severity = wasScored
    ? holdSeverity(incident.severity, computed, { nowMs, downMs: policy.severityDownMs })
    : settled(computed)
  const after = incident.severity.shown.level
  if (after === before || !wasScored) return
  const direction = after < before ? 'Raised' : 'Lowered'
  const sentence = `${direction} from SEV${before} to SEV${after}, score ${computed.score}.`
  tell(cluster, incident, { kind: 'severity', at: nowMs, sentence })
}

function placeOf({ environment, service }: MemberState['alert']): string {
  return `${environment}/${service}`
}

export function pairName(left: string, right: string): string {
  return left < right ? `${left}\n${right}` : `${right}\n${left}`
}

/** True when a person told one of the incident's members apart from this key. */
export function isKeptApart(cluster: Cluster, key: string, incident: IncidentState): boolean {
  if (cluster.apart.size === 0) return false
  return incident.members.some((member) => cluster.apart.has(pairName(key, member.alert.key)))
}
