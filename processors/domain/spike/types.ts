/** What one accepted event is, seen by detection. Times are epoch milliseconds. */
export interface DetectorEvent {
  eventId: string
  occurredAtMs: number
  receivedAtMs: number
  type: DetectorEventType
  /** Set on errors, and on anything else that belongs to an issue. */
  fingerprint?: string
  /** The issue it would be alone, where learning or a person made that one part of `fingerprint`. */
  ownFingerprint?: string
  /** 1 (debug) to 5 (fatal). */
  severity: number
  userId?: string
  release?: string
  environment: string
  route?: string
  statusCode?: number
  durationMs?: number
  host?: string
  title?: string
  template?: string
  errorType?: string
  message?: string
  attributes?: Readonly<Record<string, string | number | boolean>>
  /** The service this event says it was calling, from a trace or from its text. */
  callee?: string
}

export type DetectorEventType =
  | 'error'
  | 'http_request'
  | 'signup'
  | 'deploy'
  | 'feedback'
  | 'custom'

/**
 * - `novel`: a fingerprint not seen before has happened often enough to matter. Opens an episode.
 * - `spike`, `drop`: a count left its baseline. Opens an episode.
 * - `latency`: the service's p95 duration left its usual course. Opens an episode.
 * - `silence`: a service that always speaks has stopped. Opens an episode.
 * - `sql`: a SELECT of the team found what its condition asks for. Opens an episode.
 * - `warning`: the same of a detector that only warns; it is shown and makes no incident.
 * - `activity`: what a fingerprint with an open episode did in one closed minute (`count`, `users`, …).
 * - `episode_end`: the episode named by `episodeId` is over.
 * - `flapping`: the episode's subject went in and out of alarm ten times in ten minutes; told once.
 * - `deploy`: a release went out (`deploy`).
 * - `late`: an event came too late to be counted in its minute (`sample.eventId`); route it to the late topic.
 */
export type DetectionKind =
  | 'novel'
  | 'spike'
  | 'drop'
  | 'latency'
  | 'silence'
  | 'sql'
  | 'warning'
  | 'activity'
  | 'episode_end'
  | 'flapping'
  | 'deploy'
  | 'late'

/** What was measured: one fingerprint, or one of the service's own series. */
export type DetectionSubject =
  | 'fingerprint'
  | 'errors'
  | 'failures'
  | 'requests'
  | 'signups'
  | 'feedback'
  | 'latency'
  | 'events'

/** A detector that is a SELECT, and its group. */
export type SqlSubject = `sql/${string}`

/** How usual a fingerprint is over the last 30 days; see `familiarity` in novelty.ts. */
export type Familiarity = 'novel' | 'rare' | 'frequent'

/** One event that stands for a detection, so that a reader sees what it was about. Long texts are cut. */
export interface DetectionSample {
  eventId: string
  occurredAtMs: number
  severity: number
  message?: string
  title?: string
  template?: string
  errorType?: string
  host?: string
  release?: string
  route?: string
  statusCode?: number
  callee?: string
  zone?: string
}

export interface DeployFacts {
  /** `attributes.deploy_id`, else the event's id. */
  deployId: string
  release: string
  /** The release seen before this one, where there was one. */
  previousRelease?: string
}

/** The exact test of the new release's error rate against the old one's; see deploy-test.ts. */
export interface ReleaseComparison {
  release: string
  previousRelease: string
  /** Errors and exposure (requests, else minutes) of each side. */
  count: number
  exposure: number
  previousCount: number
  previousExposure: number
  /** Rate of the new over the rate of the old; 1 means no change. */
  ratio: number
  /** Chance of at least this many errors if nothing changed; one-sided. */
  pValue: number
}

/** A finding of a service detector: plain data, the same bytes for the same input. */
export interface Detection {
  /** Hash of project, service, kind, subject, fingerprint and start; a later `revision` replaces an earlier one. */
  id: string
  /** 0 when first told; late events raise it. A fired alert is corrected, never withdrawn. */
  revision: number
  kind: DetectionKind
  subject: DetectionSubject | SqlSubject
  /** Event time at which this was known, epoch ms. */
  atMs: number
  /** Start of what is described: of the excursion, or of the minute for `activity`. Epoch ms. */
  startedAtMs: number
  project: string
  service: string
  environment: string
  fingerprint?: string
  /** The episode this opens, belongs to or ends: the `id` of the detection that opened it. */
  episodeId?: string
  /** Events seen and events expected in the `windowMin` minutes that end at `atMs`. For `latency` milliseconds. */
  observed: number
  expected: number
  windowMin: number
  /** Evidence against chance in nats for counts, 0 to 1 for `latency`; at or above `threshold` for an alert. */
  score: number
  threshold: number
  /** One sentence for people. */
  sentence: string
  sample?: DetectionSample
  /** Events of the subject in this report: since the episode began for alerts, in the minute for `activity`. */
  count: number
  /** Sketch of the distinct users of `count`; merge and read it with user-sketch.ts. */
  users: readonly number[]
  /** Distinct hosts, releases and callees among `count`, sorted, at most eight each. */
  hosts: readonly string[]
  releases: readonly string[]
  callees: readonly string[]
  /** Services this one was seen to call before, well or not, where this opens an episode; sorted, at most 32. */
  calls?: readonly string[]
  /** Issues that are part of this one by now, among `count`; sorted, at most eight. */
  aliases?: readonly string[]
  /** Highest severity among `count`. */
  severityMax: number
  familiarity?: Familiarity
  /** The fingerprint was first seen in this release, the newest one. */
  newInRelease?: boolean
  deploy?: DeployFacts
  comparison?: ReleaseComparison
  /** For `activity`: all requests of the service in that minute, and those that failed with 5xx. */
  requests?: { all: number; failed: number }
}

/** `threshold`: the rules of novelty.ts decide; `first_event`: every new fingerprint opens at once. */
export type IncidentPolicy = 'threshold' | 'first_event'
