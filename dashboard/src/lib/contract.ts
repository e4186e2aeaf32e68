/**
 * The dashboard's only door to the platform's schemas: types, nothing that runs. Where the API may send
 * more than view.ts names so far, the addition is optional here.
 */
import type { Overview as OverviewBase } from '../../../schemas/view.ts'

export type {
  DeployView,
  EventStats,
  EventView,
  FacetView,
  Frame,
  IncidentDetail,
  IncidentRow,
  IncidentStats,
  InsightView,
  IssueDetail,
  IssueRow,
  MetricsView,
  Page,
  PipelineView,
  Problem,
  SearchView,
  SeriesPoint,
  ServiceDetail,
  ServiceRow,
  SqlView,
  StageView,
} from '../../../schemas/view.ts'
export type {
  Cause,
  Incident,
  IncidentMember,
  IncidentStatus,
  Severity,
  SeverityTerm,
  TimelineEntry,
} from '../../../schemas/incident.ts'

export interface Overview extends OverviewBase {
  /** Sent while there is no data: what to paste into a terminal, and the key it needs. */
  first_run?: { curl: string; ingest_key: string }
}
