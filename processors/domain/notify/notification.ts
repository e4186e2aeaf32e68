/** Why somebody is told. `resolved` and `merged` only tell of an end; the others call for a person. */
export type Reason = 'opened' | 'worsened' | 'reopened' | 'unacknowledged' | 'merged' | 'resolved'

export const REASONS: readonly Reason[] = [
  'opened',
  'worsened',
  'reopened',
  'unacknowledged',
  'merged',
  'resolved',
]

export type TargetKind = 'webhook' | 'slack' | 'pagerduty'

/** Somewhere that is told, as the configuration describes it. Without its secret, so that it may be shown. */
export interface Target {
  name: string
  kind: TargetKind
  url: string
  /** The least bad severity that is told: 3 means SEV1 to SEV3. */
  severityMax: number
  /** Empty for every project. */
  projects: readonly string[]
  /** Incidents that affect one of these; empty for all. */
  services: readonly string[]
  /** What it is told of. An escalation is told of everything behind `unacknowledged`. */
  reasons: readonly Reason[]
  /** Set on escalations: told only when nobody took the incident on for so long. */
  unacknowledgedMs: number | null
}

/** What a target is told about one step of an incident; the same for every attempt. */
export interface Notification {
  id: string
  reason: Reason
  project: string
  incidentId: string
  number: number
  seq: number
  /** Event time of the step, ms. */
  at: number
  openedAt: number
  title: string
  sentence: string
  status: string
  severity: number
  severityScore: number
  services: readonly string[]
  events: number
  users: number
  root: string
  suspectDeploy: string
  /** The likeliest cause in a sentence; empty when there is none. */
  cause: string
  onCall: string
  /** Page of the incident. */
  url: string
}

/** Whether it tells that an incident is over. */
export function isEnd(reason: string): boolean {
  return reason === 'resolved' || reason === 'merged'
}

/** Whether it interrupts somebody: these are counted as pages. */
export function isPage(reason: Reason): boolean {
  return !isEnd(reason)
}
