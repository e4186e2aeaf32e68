/**
 * The dashboard's only door to the platform's schemas: types, nothing that runs.
 */

export type {
  ChangeView,
  ChangesView,
  DeployView,
  EventStats,
  EventView,
  FacetView,
  Familiarity,
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
  ServiceEdge,
  ServiceGraphView,
  ServiceNode,
  ServiceRow,
  SimilarIncident,
  SqlView,
  StageView,
  TableView,
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
export type {
  ComparedIncident,
  ReplayDifference,
  ReplayDiffView,
} from '../../../schemas/replay-view.ts'
