/**
 * What the API answers and the dashboard shows. Times are milliseconds since the epoch unless the name says
 * otherwise; lists that can go on carry `next`, the cursor of the following page (null at the end).
 */
import type { Incident, IncidentStatus } from '#/schemas/incident.ts'
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
  /** Errors of its services per minute, oldest first, for a sparkline of the last hour. */
  spark?: readonly number[]
}

export interface IncidentStats {
  open: number
  investigating: number
  resolved_24h: number
  by_severity: Readonly<Record<string, number>>
  /** Milliseconds; null when there is nothing to average. */
  mttd_ms: number | null
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
}

export interface IncidentDetail {
  incident: Incident
  summary: InsightView | null
  /** Errors per minute by service around the incident, oldest first. */
  chart: readonly SeriesPoint[]
  deploys: readonly DeployView[]
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
  lag_records: number
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
