/**
 * The dashboard's only door to the platform's schemas: types, and what runs in both places: the rules of a room, and a few
 * words. Pages that show no room take nothing of it, so that none of it is loaded with them.
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
  AuditView,
  InvitationView,
  KeyView,
  MeView,
  ProjectView,
  UserView,
} from '../../../schemas/accounts.ts'
export type {
  Cause,
  Incident,
  IncidentMember,
  IncidentSilence,
  IncidentStatus,
  Severity,
  SeverityTerm,
  TimelineEntry,
} from '../../../schemas/incident.ts'
export type {
  DetectorBacktest,
  DetectorBacktestState,
  DetectorSpec,
  DetectorView,
  WarningView,
} from '../../../schemas/detector-view.ts'
export type { SweepPoint, SweepResult, SweepState } from '../../../schemas/sweep-view.ts'
export type {
  DrillCard,
  DrillLink,
  DrillMoment,
  DrillPairs,
  DrillReport,
  DrillView,
  SandboxView,
} from '../../../schemas/drill-view.ts'
export { headlineOf } from '../../../schemas/headline.ts'
export { plainTitle } from '../../../schemas/plain-title.ts'
export { drillSpan } from '../../../schemas/drill-view.ts'
export type { DeliveryView, OnCallView } from '../../../schemas/notify-view.ts'
export type {
  ComparedIncident,
  ReplayDifference,
  ReplayDiffView,
} from '../../../schemas/replay-view.ts'
export { apply } from '../../../schemas/collab/apply.ts'
export { COMMAND_KINDS, guardedField, LIMITS } from '../../../schemas/collab/commands.ts'
export { decide } from '../../../schemas/collab/decide.ts'
export { foldAt } from '../../../schemas/collab/history.ts'
export {
  CLOSE,
  SOCKET_LIMITS,
  SUBPROTOCOL,
  TICKET_PREFIX,
} from '../../../schemas/collab/protocol.ts'
export { NEXT_STATUSES } from '../../../schemas/collab/rules.ts'
export { emptyRoom, hashRoom } from '../../../schemas/collab/state.ts'
export { viewOf } from '../../../schemas/collab/views.ts'
export type { PostMortem } from '../../../schemas/collab/post-mortem.ts'
export type { Knowledge } from '../../../schemas/collab/history.ts'
export type { CommandKind, PayloadOf } from '../../../schemas/collab/commands.ts'
export type { Focus, Present, ServerMessage, Welcome } from '../../../schemas/collab/protocol.ts'
export type {
  Actor,
  Command,
  PersonRef,
  Rejection,
  RoomEvent,
  RoomState,
} from '../../../schemas/collab/state.ts'
export type { ActionItem, Card, Link, Note, RoomView } from '../../../schemas/collab/views.ts'
export type { AskView } from '../../../schemas/ask.ts'
export type {
  EvidenceFact,
  FactCheck,
  InsightDetail,
  InsightSentence,
  RerunView,
} from '../../../schemas/insight.ts'
export type { EventField } from '../../../schemas/reads.ts'
export type { KnownSolution } from '../../../schemas/knowledge.ts'
