/**
 * The dashboard's only door to the platform's schemas: types, nothing that runs.
 */

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
  Overview,
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
