/**
 * What the API answers and the dashboard shows. Times are milliseconds since the epoch unless the name says
 * otherwise; lists that can go on carry `next`, the cursor of the following page (null at the end).
 */
import type { Incident, IncidentStatus } from '#/schemas/incident.ts'
import type { InsightDetail } from '#/schemas/insight.ts'
import type { GroupedEvent } from '#/schemas/records.ts'

export interface Page<T> {
  items: readonly T[]
  next: string | null
}

/** RFC 9457, with our stable code and the offending path. */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail: string
  path?: string
  remedy?: string
  request_id: string
}

export type EventView = Omit<GroupedEvent, 'attributes' | 'attribute_kinds' | 'id_made'> & {
  attributes: Readonly<Record<string, string | number | boolean | object>>
}

export interface EventStats {
  total: number
  errors: number
  services: number
  users: number
  /** Events by value, the most frequent first; at most 100 values each. */
  by_type: readonly CountView[]
  by_severity: readonly CountView[]
  by_service: readonly CountView[]
  by_environment: readonly CountView[]
  /** Null when there is no event. */
  first_at: number | null
  last_at: number | null
}

export interface CountView {
  value: string
  events: number
}

/** Answer of an ad-hoc query: values in the order of the columns, 64-bit integers as text. */
export interface SqlView {
  columns: readonly { name: string; type: string }[]
  rows: readonly (readonly unknown[])[]
  rows_read: number
  bytes_read: number
  elapsed_ms: number
  /** True when the limit on rows cut the answer. */
  truncated: boolean
}

export interface IncidentRow {
  id: string
  number: number
  project: string
  status: IncidentStatus
  title: string
  severity: number
  severity_score: number
  opened_at: number
  updated_at: number
  resolved_at: number | null
  services: readonly string[]
  fingerprints: readonly string[]
  events: number
  users: number
  root: string
  suspect_deploy: string
  regressed: boolean
  flapping: boolean
  /** All of it is muted by a silence or a maintenance window. */
  silenced: boolean
  /**
   * Errors of its issues since the minute it opened, counted in the store: what its chart sums up to. `events` is
   * what the clusterer knew at the close of the last minute, other alerts included.
   */
  errors?: number
  /** Errors of its services per minute, oldest first, for a sparkline of the last hour. */
  spark?: readonly number[]
}

/** An earlier incident that resembles one, and how it ended. */
export interface SimilarIncident {
  id: string
  number: number
  title: string
  status: IncidentStatus
  severity: number
  opened_at: number
  resolved_at: number | null
  services: readonly string[]
  /** 0 to 1: how much of what this incident is about is true of the other (BM25 over facts). */
  similarity: number
  common_fingerprints: readonly string[]
  /** The sentence of its last step. */
  ended: string
  /** Solutions somebody confirmed, and what was tried and did not help. */
  worked: readonly string[]
  failed: readonly string[]
}

/** How often incidents of the 30 days before share an issue with this one. */
export interface Familiarity {
  /** frequent: more than 20 % of them; rare: fewer than 5 %; new: none. */
  label: 'frequent' | 'occasional' | 'rare' | 'new'
  /** Incidents that share an issue, of all that opened in those 30 days. */
  alike: number
  incidents: number
}

/** What is more frequent in one set of events than in another. */
export interface ChangesView {
  from: number
  to: number
  before_from: number
  before_to: number
  events: number
  events_before: number
  /** The most telling first; at most a dozen. */
  changes: readonly ChangeView[]
}

export interface ChangeView {
  field: string
  value: string
  events: number
  events_before: number
  /** Shares of all events of each set, 0 to 1. */
  share: number
  share_before: number
  /** share / share_before; null where it did not occur before. */
  lift: number | null
}

export interface ServiceNode {
  service: string
  events: number
  errors: number
  requests: number
  error_rate: number | null
  open_incidents: number
  /** Not a service that sends events itself: a host that others call. */
  external: boolean
}

export interface ServiceEdge {
  caller: string
  callee: string
  /** Calls seen in traces of the range; 0 for an edge that is only declared. */
  calls: number
  /** Of those, the ones whose callee reported an error. */
  errors: number
  declared: boolean
}

export interface ServiceGraphView {
  nodes: readonly ServiceNode[]
  edges: readonly ServiceEdge[]
}

/** One table of the store, as it lies on disk. */
export interface TableView {
  table: string
  rows: number
  parts: number
  bytes: number
}

export interface IncidentStats {
  open: number
  investigating: number
  resolved_24h: number
  by_severity: Readonly<Record<string, number>>
  /** Milliseconds; null when there is nothing to average. */
  mttd_ms: number | null
  /** Opening to the first step a person took. */
  mtta_ms: number | null
  mttr_ms: number | null
}

export interface InsightView {
  title: string
  impact: string
  likely_causes: readonly string[]
  evidence: readonly string[]
  next_steps: readonly string[]
  confidence: number
  model: string
  fallback: boolean
  at: number
  /** Step of the incident it describes. */
  incident_seq: number
  prompt_version: string
  tokens: number
  /** What its sentences rest on; null for summaries that were made without counting. */
  behind: InsightDetail | null
}

export interface IncidentDetail {
  incident: Incident
  summary: InsightView | null
  /** Errors per minute by service around the incident, oldest first. */
  chart: readonly SeriesPoint[]
  deploys: readonly DeployView[]
  /** Counted in the store, as `IncidentRow.errors`; by fingerprint for its members. */
  errors: number
  member_errors: Readonly<Record<string, number>>
  similar: readonly SimilarIncident[]
  familiarity: Familiarity
}

export interface IssueRow {
  fingerprint: string
  title: string
  culprit: string
  method: string
  template: string
  services: readonly string[]
  first_seen: number
  last_seen: number
  events: number
  users: number
  severity: number
  spark?: readonly number[]
}

export interface IssueDetail extends IssueRow {
  /** Most frequent values per variable of the message. */
  params: readonly { name: string; values: readonly { value: string; events: number }[] }[]
  dimensions: readonly { name: string; values: readonly { value: string; events: number }[] }[]
  samples: readonly EventView[]
  chart: readonly SeriesPoint[]
  incidents: readonly IncidentRow[]
  aliases: readonly string[]
}

export interface SeriesPoint {
  /** Start of the bucket. */
  at: number
  /** What is counted: a severity, a service, a status class. */
  series: string
  value: number
}

export interface MetricsView {
  from: number
  to: number
  step_ms: number
  points: readonly SeriesPoint[]
}

export interface DeployView {
  deploy_id: string
  service: string
  environment: string
  release: string
  at: number
  message: string
  /** code, migration, configuration, flag, dependency can break logic; anything else rarely does. */
  change_kind: string
  /** Errors per minute in the half hour before and after. */
  errors_before: number
  errors_after: number
}

export interface ServiceRow {
  service: string
  events: number
  errors: number
  requests: number
  /** Share of requests with status ≥ 500, 0 to 1; null without requests. */
  error_rate: number | null
  p50_ms: number | null
  p95_ms: number | null
  last_seen: number
  open_incidents: number
}

export interface ServiceDetail extends ServiceRow {
  releases: readonly string[]
  issues: readonly IssueRow[]
  deploys: readonly DeployView[]
  rates: readonly SeriesPoint[]
  latency: readonly SeriesPoint[]
}

export interface Overview {
  now: number
  /** One sentence in words: what is worst and whether it is getting worse. */
  headline: string
  open_incidents: number
  users_affected: number
  events_per_second: number
  /** Null while the log does not answer; the rest comes from the store. */
  lag_records: number | null
  incidents: readonly IncidentRow[]
  /** Events by severity per bucket over the range. */
  rates: readonly SeriesPoint[]
  deploys: readonly DeployView[]
  has_data: boolean
  /** While there is no data: how a shell on this machine reads the first key, `$(cat …)`. The key itself is not told. */
  first_run?: { ingest_key: string }
}

export interface FacetView {
  field: string
  values: readonly { value: string; events: number }[]
}

export interface SearchView extends Page<EventView> {
  total: number
  facets: readonly FacetView[]
  histogram: readonly SeriesPoint[]
}

export interface StageView {
  stage: string
  partitions: readonly {
    topic: string
    partition: number
    committed: number
    end: number
    lag: number
  }[]
  lag: number
  status: 'running' | 'restarting' | 'stopped' | 'failed'
  error: string
}

export interface PipelineView {
  stages: readonly StageView[]
  dead_letters: number
  late_events: number
  stream_clients: number
  /** Events refused at the door since the process started: wrong ones, and those over a limit. */
  rejected: number
  limited: number
  /** Null while the store does not answer. */
  storage: readonly TableView[] | null
}

/** IID's shapes, byte for byte (contracts.md, Live messages). */
export interface EventMessage {
  type: 'event'
  data: { eventId: string; service: string; severity: number; timestamp: string; metadata: object }
  timestamp: string
}
export interface IncidentMessage {
  type: 'incident'
  action: 'created' | 'updated' | 'summary_updated'
  data: {
    incidentId: string
    severityScore: number
    status: 'active' | 'resolved'
    affectedServices: readonly string[]
    aiGeneratedSummary: string
    suggestedActions: readonly string[]
  }
  timestamp: string
}
export interface MetricMessage {
  type: 'metric'
  data: { at: number; events: number; errors: number; service: string }
  timestamp: string
}

/** One coalesced step of `/api/stream/frames`. */
export interface Frame {
  /** Log position, so that any API instance can resume from it. */
  seq: string
  at: number
  /** Counts to add: [bucket start in ms, severity, events]. */
  cells: readonly (readonly [number, number, number])[]
  /** Incidents that changed, whole rows. */
  incidents: readonly IncidentRow[]
  /** A sample of the newest events, at most 50. */
  events: readonly EventView[]
  deploys: readonly DeployView[]
  /** Events in the frame, sampled or not. */
  count: number
}
