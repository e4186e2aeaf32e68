/**
 * The HTTP API as typed functions. Runs in server loads, where `fetch` is answered inside the process, and in
 * the browser, where it goes to the same origin.
 */
import { error } from '@sveltejs/kit'

import { apiPath, type Query } from '#lib/api/path.ts'
import { problemSentence, raiseProblem } from '#lib/api/problem.ts'
import type {
  AuditView,
  ChangesView,
  DeliveryView,
  DeployView,
  DetectorBacktest,
  DetectorView,
  DrillReport,
  DrillView,
  EventView,
  IncidentDetail,
  IncidentRow,
  IncidentStats,
  InvitationView,
  IssueDetail,
  IssueRow,
  KeyView,
  MeView,
  MetricsView,
  OnCallView,
  Overview,
  Page,
  PipelineView,
  PostMortem,
  ReplayDiffView,
  RoomState,
  SearchView,
  ServiceDetail,
  ServiceGraphView,
  ServiceRow,
  SqlView,
  SweepState,
  UserView,
  WarningView,
} from '#lib/contract.ts'

/** Some lists come bare, some as a page; views want pages. */
function paged<T>(body: readonly T[] | Page<T>): Page<T> {
  return 'items' in body ? body : { items: body, next: null }
}

const incident = (id: string, part = ''): string => `incidents/${encodeURIComponent(id)}${part}`

export type SqlAnswer = { ok: true; result: SqlView } | { ok: false; sentence: string }

export type Api = ReturnType<typeof createApi>

export function createApi(fetch: typeof globalThis.fetch) {
  async function read<T>(what: string, path: string): Promise<T> {
    const headers = { accept: 'application/json' }
    const response = await fetch(path, { headers }).catch(() => null)
    if (response === null) {
      return error(503, `${what} cannot be reached: the API does not answer.`, {
        remedy: 'Check that the platform runs, then reload.',
      })
    }
    if (!response.ok) return raiseProblem(response, what)
    return (await response.json()) as T
  }

  return {
    overview: (query: Query) => read<Overview>('The overview', apiPath('overview', query)),
    incidents: (query: Query) =>
      read<Page<IncidentRow>>('The incidents', apiPath('incidents', query)),
    incidentStats: () => read<IncidentStats>('The incident figures', apiPath('incidents/stats')),
    metrics: (query: Query) => read<MetricsView>('The figures', apiPath('metrics/query', query)),
    changes: (query: Query) => read<ChangesView>('What changed', apiPath('changes', query)),
    graph: (query: Query) => read<ServiceGraphView>('The graph', apiPath('graph', query)),
    incident: (id: string, query: Query = {}) =>
      read<IncidentDetail>('The incident', apiPath(incident(id), query)),
    postMortem: (id: string) =>
      read<PostMortem>('The record', apiPath(incident(id, '/post-mortem'), { format: 'json' })),
    room: (id: string, query: Query) =>
      read<{ room: RoomState }>('The canvas', apiPath(incident(id, '/room'), query)),
    issues: (query: Query) => read<Page<IssueRow>>('The issues', apiPath('issues', query)),
    issue: (fingerprint: string, query: Query) =>
      read<IssueDetail>('The issue', apiPath(`issues/${encodeURIComponent(fingerprint)}`, query)),
    events: (query: Query) => read<Page<EventView>>('The events', apiPath('events', query)),
    search: (query: Query) => read<SearchView>('The events', apiPath('search', query)),
    services: async (query: Query): Promise<Page<ServiceRow>> =>
      paged(await read<readonly ServiceRow[]>('The services', apiPath('services', query))),
    service: (name: string, query: Query) =>
      read<ServiceDetail>('The service', apiPath(`services/${encodeURIComponent(name)}`, query)),
    deploys: async (query: Query): Promise<Page<DeployView>> =>
      paged(await read<Page<DeployView>>('The deploys', apiPath('deploys', query))),
    me: () => read<MeView>('Who you are', apiPath('auth/me')),
    keys: () => read<Page<KeyView>>('The keys', apiPath('keys')),
    users: () => read<Page<UserView>>('The people', apiPath('users')),
    invitations: () => read<Page<InvitationView>>('The invitations', apiPath('invitations')),
    audit: () => read<Page<AuditView>>('The audit trail', apiPath('audit')),
    pipeline: () => read<PipelineView>('The pipeline', apiPath('pipeline')),
    deliveries: (query: Query) =>
      read<Page<DeliveryView>>('The deliveries', apiPath('deliveries', query)),
    onCall: () => read<OnCallView>('Who is on call', apiPath('on-call')),
    drills: () => read<Page<DrillView> & { now: number }>('The drills', apiPath('drills')),
    drillReport: (id: string) =>
      read<{ report: DrillReport; head: string }>(
        'The report',
        apiPath(`drills/${encodeURIComponent(id)}/report`),
      ),
    sweeps: () => read<Page<SweepState>>('The sweep', apiPath('sweeps')),
    detectors: () => read<Page<DetectorView>>('The detectors', apiPath('detectors')),
    backtests: () => read<Page<DetectorBacktest>>('The back-tests', apiPath('detectors/backtests')),
    warnings: () => read<Page<WarningView>>('The warnings', apiPath('warnings')),
    replayDiffs: () => read<Page<ReplayDiffView>>('The comparisons', apiPath('replay-diffs')),

    /** A query that fails is an answer about the query, not a broken page. */
    async sql(sql: string): Promise<SqlAnswer> {
      const response = await fetch(apiPath('sql'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ sql }),
      }).catch(() => null)
      if (response === null) return { ok: false, sentence: 'The API does not answer.' }
      if (!response.ok) return { ok: false, sentence: await problemSentence(response) }
      return { ok: true, result: (await response.json()) as SqlView }
    },
  }
}
