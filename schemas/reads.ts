/**
 * The read port: every question the API asks of the stored projections. The ClickHouse adapter implements it, an
 * in-memory twin serves the tests. Times are milliseconds since the epoch of `occurred_at`; ranges are half-open,
 * `from` ≤ t < `to`. All reads are confined to `project`. Failures are FaultlineErrors of the catalogue
 * (`storage_unavailable`, `query_timeout`, `query_too_heavy`); a thing that is not there is null or an empty list.
 */
import type { Knowledge } from '#/schemas/collab/history.ts'
import type { IncidentStatus } from '#/schemas/incident.ts'
import type { KnownSolution } from '#/schemas/knowledge.ts'
import type {
  ChangesView,
  DeployView,
  EventStats,
  EventView,
  IncidentDetail,
  IncidentRow,
  IncidentStats,
  IssueDetail,
  IssueRow,
  MetricsView,
  Overview,
  Page,
  SearchView,
  ServiceDetail,
  ServiceGraphView,
  ServiceRow,
  SqlView,
  TableView,
} from '#/schemas/view.ts'

/** Columns of an event that may be filtered, grouped and counted as facets, as columns of the table `events`. */
export const EVENT_FIELDS = [
  'event_type',
  'severity',
  'service',
  'environment',
  'release',
  'host',
  'error_type',
  'error_code',
  'route',
  'method',
  'status_code',
  'user_id',
  'session_id',
  'request_id',
  'trace_id',
  'fingerprint',
] as const
export type EventField = (typeof EVENT_FIELDS)[number]

/** The field has one of the values; with `exclude` it has none of them. Filters are joined by AND. */
export interface EventFilter {
  field: EventField
  /** Text as in the address bar; numbers for severity and status_code were checked to be whole. */
  values: readonly string[]
  exclude: boolean
}

export interface RangeQuery {
  project: string
  from: number
  to: number
}

/** For answers that carry a series. */
export interface StepQuery extends RangeQuery {
  /** Width of a bucket. */
  stepMs: number
}

/**
 * A moment of the past. `known`: what the platform had received and found out by then. `true`: what had happened by
 * then, whenever it was received; the two differ by what came late.
 */
export interface MomentOf {
  atMs: number
  knowledge: Knowledge
}

export interface PageQuery {
  /** Opaque to the API, made by `cutPage` of schemas/cursor.ts; null for the first page. */
  cursor: string | null
  /** 1 to 1,000. */
  limit: number
}

export interface EventSelection extends RangeQuery {
  filters: readonly EventFilter[]
  /** Words that must all occur in the message (full-text, any case); empty for no condition. */
  text: string
}

/** Newest first by (occurred_at, event_id). */
export interface EventQuery extends EventSelection, PageQuery {}

export interface SearchQuery extends EventQuery {
  facets: readonly EventField[]
  /** Width of a bucket of the histogram, whose series are severities. */
  stepMs: number
}

export type IncidentSort = 'updated_at' | 'opened_at' | 'severity' | 'events'

export interface IncidentQuery extends PageQuery {
  project: string
  /** Empty for every status. */
  status: readonly IncidentStatus[]
  /** SEV numbers, empty for all. */
  severity: readonly number[]
  /** Incidents that affect one of these; empty for all. */
  services: readonly string[]
  /** Part of the title or the number; empty for no condition. */
  text: string
  /** Incidents with activity in the range; null for no bound. */
  from: number | null
  to: number | null
  /** Ordered by this and the id; incidents merged into another one are left out. */
  sort: IncidentSort
  order: 'asc' | 'desc'
  /** As they were then; now when it is left out. */
  moment?: MomentOf | undefined
}

export type IssueSort = 'last_seen' | 'first_seen' | 'events' | 'users'

export interface IssueQuery extends RangeQuery, PageQuery {
  services: readonly string[]
  text: string
  sort: IssueSort
  order: 'asc' | 'desc'
}

/** What can be counted or measured over time. */
export const METRIC_NAMES = [
  'events',
  'errors',
  'requests',
  'error_rate',
  'latency_p50',
  'latency_p95',
  'latency_p99',
  'users',
  'signups',
] as const
export type SeriesName = (typeof METRIC_NAMES)[number]

export interface MetricsQuery extends EventSelection {
  metric: SeriesName
  stepMs: number
  /** One series per value (the `limit` largest, the rest as `other`); null for one series named after the metric. */
  groupBy: EventField | null
  limit: number
  /** Only events that count then, to the millisecond; all when it is left out. */
  moment?: MomentOf | undefined
}

/** Two sets of events of one project to be compared. */
export interface ChangesQuery {
  inside: EventSelection
  before: EventSelection
  /** Fields that differ by how the sets were chosen, and so say nothing. */
  ignored: readonly string[]
}

export interface DeployQuery extends RangeQuery, PageQuery {
  services: readonly string[]
}

export interface SqlQuery {
  project: string
  /** As typed; the guard refuses what is not one harmless SELECT with `invalid_sql`. */
  sql: string
  rowsMax: number
  timeMsMax: number
  memoryBytesMax?: number
  /** Holds it to events of this time that arrived before a moment; other tables are then refused. */
  window?: { fromMs: number; toMs: number; arrivedBeforeMs: number }
  signal?: AbortSignal
}

export interface Reads {
  events(query: EventQuery): Promise<Page<EventView>>
  event(query: { project: string; eventId: string }): Promise<EventView | null>
  eventStats(query: EventSelection): Promise<EventStats>
  search(query: SearchQuery): Promise<SearchView>

  incidents(query: IncidentQuery): Promise<Page<IncidentRow>>
  incidentStats(query: RangeQuery): Promise<IncidentStats>
  /** By id or by number (`12`). An incident that was merged away is returned with its `redirectTo`. */
  incident(query: {
    project: string
    id: string
    moment?: MomentOf | undefined
  }): Promise<IncidentDetail | null>

  issues(query: IssueQuery): Promise<Page<IssueRow>>
  /** Aliases of an issue lead to the issue that stands. */
  issue(query: StepQuery & { fingerprint: string }): Promise<IssueDetail | null>

  metrics(query: MetricsQuery): Promise<MetricsView>
  /** Values that are more frequent inside than before, by their lift. */
  changes(query: ChangesQuery): Promise<ChangesView>
  services(query: RangeQuery): Promise<readonly ServiceRow[]>
  service(query: StepQuery & { service: string }): Promise<ServiceDetail | null>
  /** Services with events in the range and the calls between them that traces show. */
  serviceGraph(query: RangeQuery): Promise<ServiceGraphView>
  /** Newest first. */
  deploys(query: DeployQuery): Promise<Page<DeployView>>
  /** The API adds the clock and the lag, which ClickHouse cannot know. */
  overview(query: StepQuery & { nowMs: number }): Promise<Omit<Overview, 'now' | 'lag_records'>>

  /** Tables of the platform as they lie on disk, of all projects. */
  storage(): Promise<readonly TableView[]>

  /** Confirmed solutions of the project that fit the words; the newest when there are none. */
  knowledge(query: {
    project: string
    text: string
    limit: number
  }): Promise<readonly KnownSolution[]>

  guardedSql(query: SqlQuery): Promise<SqlView>
  /** Throws `storage_unavailable` when nobody answers. */
  ping(): Promise<void>
}
