/**
 * An incident as it stands: what the clusterer keeps, what `IncidentEvent.detail` carries as JSON, and what
 * `GET /api/incidents/:id` answers. Times are milliseconds since the epoch, event time.
 */
export type IncidentStatus = 'open' | 'investigating' | 'resolved'

/** One addend of the severity: `weight * value` is what it adds; the addends sum to `z`. */
export interface SeverityTerm {
  /** users, criticality, burst, error_budget, spread, novelty, business. */
  name: string
  weight: number
  /** 0 to 1. */
  value: number
  /** The numbers behind the value, in one phrase. */
  reason: string
}

export interface Severity {
  /** 1 (worst) to 5. */
  level: number
  /** round(100 · z / 5.9), 0 to 100. */
  score: number
  z: number
  terms: readonly SeverityTerm[]
  /** A person's choice wins over the computed level until it is released. */
  locked?: boolean
}

/** Why a member belongs to the incident. */
export interface MemberReason {
  /** same_fingerprint, names_service, same_named, same_host, external_host, dependency, calls_named, two_hops,
   * same_service, zone, moved, opened. */
  rule: string
  affinity: number
  /** The member it was joined through. */
  through?: string
  sentence: string
}

/** Why nobody is to be told: a person silenced all of it for a while. */
export interface IncidentSilence {
  id: string
  /** Event time, ms, when the first part of it is no longer muted. */
  until: number
  reason: string
}

/** One fingerprint (or service-level alert, fingerprint empty) inside an incident. */
export interface IncidentMember {
  /** `fingerprint` or `kind:service` for alerts about a service as a whole. */
  key: string
  fingerprint: string
  kind: string
  service: string
  environment: string
  title: string
  firstAt: number
  lastAt: number
  events: number
  users: number
  /** Evidence in nats of its strongest alert. */
  score: number
  sentence: string
  reason: MemberReason
  hosts: readonly string[]
  releases: readonly string[]
  sampleEventId: string
  /** The silence that mutes it; absent when none does. */
  silence?: IncidentSilence
}

export interface Cause {
  /** deploy, service, zone, external, first_seen, dimension. */
  kind: string
  /** deploy_id, service name, zone, host … */
  subject: string
  /** 0 to 1; they need not sum to 1. */
  weight: number
  sentence: string
}

export interface TimelineEntry {
  seq: number
  at: number
  kind: string
  sentence: string
  /** The person, when one did it. */
  actor?: string
}

export interface Incident {
  id: string
  /** Short number within the project: #12. */
  number: number
  project: string
  seq: number
  status: IncidentStatus
  title: string
  severity: Severity
  openedAt: number
  updatedAt: number
  resolvedAt: number | null
  /** Last event time of any member. */
  lastActivityAt: number
  services: readonly string[]
  members: readonly IncidentMember[]
  events: number
  users: number
  root: string
  suspectDeploy: string
  causes: readonly Cause[]
  redirectTo: string
  recurrenceOf: string
  regressed: boolean
  flapping: boolean
  /** Set while every member is muted: it counts and is shown, and nobody is notified. */
  silenced?: IncidentSilence
  timeline: readonly TimelineEntry[]
}

/** When it began: the first event of a member is often earlier than the opening. */
export function beganAt({ openedAt, members }: Pick<Incident, 'openedAt' | 'members'>): number {
  return Math.min(openedAt, ...members.map(({ firstAt }) => firstAt))
}

/** What stands of it in columns, in the record of a step and in the rows of lists, under the names of the table. */
export function columnsOf(incident: Incident) {
  const fingerprints = incident.members.map(({ fingerprint }) => fingerprint)
  return {
    number: incident.number,
    status: incident.status,
    title: incident.title,
    severity: incident.severity.level,
    severity_score: incident.severity.score,
    opened_at: incident.openedAt,
    updated_at: incident.updatedAt,
    resolved_at: incident.resolvedAt,
    services: incident.services,
    fingerprints: [...new Set(fingerprints)].filter((fingerprint) => fingerprint !== ''),
    events: incident.events,
    users: incident.users,
    root: incident.root,
    suspect_deploy: incident.suspectDeploy,
    regressed: incident.regressed,
    flapping: incident.flapping,
  }
}
