/**
 * A twin of the read port for tests: events, incidents, issues and deploys in arrays, answered by plain filtering.
 * It follows the port's words on order, paging and bounds; it is not fast and keeps everything.
 */
import { FaultlineError } from '#/kernel/errors.ts'
import { cutPage, decodeCursor } from '#/schemas/cursor.ts'
import type { CursorKey } from '#/schemas/cursor.ts'
import type { KnownSolution } from '#/schemas/knowledge.ts'
import type {
  ChangesQuery,
  DeployQuery,
  EventQuery,
  EventSelection,
  IncidentQuery,
  IssueQuery,
  MetricsQuery,
  PageQuery,
  RangeQuery,
  Reads,
  SearchQuery,
  SqlQuery,
  StepQuery,
} from '#/schemas/reads.ts'
import type {
  ChangesView,
  CountView,
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

export class TestReads implements Reads {
  data: {
    events: EventView[]
    incidents: IncidentRow[]
    details: IncidentDetail[]
    issues: (IssueDetail & { project: string })[]
    deploys: (DeployView & { project: string })[]
  } = { events: [], incidents: [], details: [], issues: [], deploys: [] }
  /** What guardedSql answers; it fails with invalid_sql when unset. */
  sqlAnswer: SqlView | undefined
  /** Every call by name with its query, newest last. */
  calls: { name: string; query: unknown }[] = []
  /** When set, every call fails with it. */
  failure: FaultlineError | undefined

  /** What knowledge answers. */
  solutions: readonly KnownSolution[] = []

  #note(name: string, query: unknown): TestReads['data'] {
    this.calls.push({ name, query })
    if (this.failure !== undefined) throw this.failure
    return this.data
  }

  async events(query: EventQuery): Promise<Page<EventView>> {
    return page(select(this.#note('events', query).events, query), query, eventKey)
  }

  async event(query: { project: string; eventId: string }): Promise<EventView | null> {
    const { events } = this.#note('event', query)
    return (
      events.find((one) => one.project === query.project && one.event_id === query.eventId) ?? null
    )
  }

  async eventStats(query: EventSelection): Promise<EventStats> {
    return statsOf(select(this.#note('eventStats', query).events, query))
  }

  async search(query: SearchQuery): Promise<SearchView> {
    const found = select(this.#note('search', query).events, query)
    const facets = query.facets.map((field) => ({
      field,
      values: counts(found.map((event) => String(event[field]))),
    }))
    return { ...page(found, query, eventKey), total: found.length, facets, histogram: [] }
  }

  async incidents(query: IncidentQuery): Promise<Page<IncidentRow>> {
    const found = this.#note('incidents', query)
      .incidents.filter((row) => row.project === query.project)
      .filter((row) => query.status.length === 0 || query.status.includes(row.status))
      .filter((row) => query.severity.length === 0 || query.severity.includes(row.severity))
      .filter((row) => hasAny(row.services, query.services))
      .filter((row) => row.title.toLowerCase().includes(query.text.toLowerCase()))
    return page(found, query, (row) => [row[query.sort], row.id], query.order === 'asc' ? 1 : -1)
  }

  async incidentStats(query: RangeQuery): Promise<IncidentStats> {
    const rows = this.#note('incidentStats', query).incidents.filter(
      (row) => row.project === query.project,
    )
    const bySeverity = counts(rows.map((row) => String(row.severity)))
    return {
      open: rows.filter((row) => row.status === 'open').length,
      investigating: rows.filter((row) => row.status === 'investigating').length,
      resolved_24h: rows.filter((row) => row.status === 'resolved').length,
      by_severity: Object.fromEntries(bySeverity.map(({ value, events }) => [value, events])),
      mttd_ms: null,
      mtta_ms: null,
      mttr_ms: null,
    }
  }

  async incident(query: { project: string; id: string }): Promise<IncidentDetail | null> {
    const found = this.#note('incident', query).details.find(
      ({ incident }) =>
        incident.project === query.project &&
        (incident.id === query.id || String(incident.number) === query.id),
    )
    return found ?? null
  }

  async issues(query: IssueQuery): Promise<Page<IssueRow>> {
    const found: IssueRow[] = this.#note('issues', query)
      .issues.filter((issue) => issue.project === query.project)
      .filter((issue) => hasAny(issue.services, query.services))
    const direction = query.order === 'asc' ? 1 : -1
    return page(found, query, (row) => [row[query.sort], row.fingerprint], direction)
  }

  async issue(query: StepQuery & { fingerprint: string }): Promise<IssueDetail | null> {
    const found = this.#note('issue', query).issues.find(
      (issue) => issue.project === query.project && issue.fingerprint === query.fingerprint,
    )
    return found ?? null
  }

  async metrics(query: MetricsQuery): Promise<MetricsView> {
    const found = select(this.#note('metrics', query).events, query)
    const points = counts(found.map((event) => String(bucket(event.occurred_at, query.stepMs))))
    return {
      from: query.from,
      to: query.to,
      step_ms: query.stepMs,
      points: points
        .map(({ value, events }) => ({ at: Number(value), series: query.metric, value: events }))
        .toSorted((a, b) => a.at - b.at),
    }
  }

  async changes(query: ChangesQuery): Promise<ChangesView> {
    const { events } = this.#note('changes', query)
    const { inside, before } = query
    return {
      from: inside.from,
      to: inside.to,
      before_from: before.from,
      before_to: before.to,
      events: select(events, inside).length,
      events_before: select(events, before).length,
      changes: [],
    }
  }

  async serviceGraph(query: RangeQuery): Promise<ServiceGraphView> {
    const rows = await this.services(query)
    this.#note('serviceGraph', query)
    return { nodes: rows.map((row) => ({ ...row, external: false })), edges: [] }
  }

  async storage(): Promise<readonly TableView[]> {
    const { events } = this.#note('storage', {})
    return [{ table: 'events', rows: events.length, parts: 1, bytes: 0 }]
  }

  async services(query: RangeQuery): Promise<readonly ServiceRow[]> {
    const found = select(this.#note('services', query).events, { ...query, ...ALL })
    return counts(found.map((event) => event.service)).map(({ value }) => serviceOf(value, found))
  }

  async service(query: StepQuery & { service: string }): Promise<ServiceDetail | null> {
    const found = select(this.#note('service', query).events, { ...query, ...ALL })
    if (!found.some((event) => event.service === query.service)) return null
    const row = serviceOf(query.service, found)
    return { ...row, releases: [], issues: [], deploys: [], rates: [], latency: [] }
  }

  async deploys(query: DeployQuery): Promise<Page<DeployView>> {
    const found: DeployView[] = this.#note('deploys', query).deploys.filter(
      (deploy) =>
        deploy.project === query.project &&
        deploy.at >= query.from &&
        deploy.at < query.to &&
        hasAny([deploy.service], query.services),
    )
    return page(found, query, (deploy) => [deploy.at, deploy.deploy_id])
  }

  async overview(
    query: StepQuery & { nowMs: number },
  ): Promise<Omit<Overview, 'now' | 'lag_records'>> {
    const { incidents, events } = this.#note('overview', query)
    return {
      headline: incidents.length === 0 ? 'All quiet.' : 'Something is wrong.',
      open_incidents: incidents.length,
      users_affected: 0,
      events_per_second: 0,
      incidents,
      rates: [],
      deploys: [],
      has_data: events.length > 0,
    }
  }

  async knowledge(query: { project: string; text: string; limit: number }) {
    this.#note('knowledge', query)
    return this.solutions.slice(0, query.limit)
  }

  async guardedSql(query: SqlQuery): Promise<SqlView> {
    this.#note('guardedSql', query)
    if (this.sqlAnswer === undefined) throw new FaultlineError('invalid_sql', 'Not allowed.')
    return this.sqlAnswer
  }

  async ping(): Promise<void> {
    this.#note('ping', {})
  }
}

const ALL = { filters: [], text: '' } as const

function select(events: readonly EventView[], query: EventSelection): EventView[] {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean)
  return events.filter(
    (event) =>
      event.project === query.project &&
      event.occurred_at >= query.from &&
      event.occurred_at < query.to &&
      words.every((word) => event.message.toLowerCase().includes(word)) &&
      query.filters.every(
        ({ field, values, exclude }) => values.includes(String(event[field])) !== exclude,
      ),
  )
}

/** One page behind the cursor; descending unless told otherwise. */
function page<T>(
  rows: readonly T[],
  query: PageQuery,
  keyOf: (row: T) => CursorKey,
  direction: 1 | -1 = -1,
): Page<T> {
  const sorted = rows.toSorted((a, b) => direction * compare(keyOf(a), keyOf(b)))
  const after = query.cursor === null ? undefined : decodeCursor(query.cursor, 2)
  const rest =
    after === undefined
      ? sorted
      : sorted.filter((row) => direction * compare(keyOf(row), after) > 0)
  return cutPage(rest, query.limit, keyOf)
}

function compare(a: CursorKey, b: CursorKey): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? ''
    if (part !== other) return part < other ? -1 : 1
  }
  return 0
}

function eventKey(event: EventView): CursorKey {
  return [event.occurred_at, event.event_id]
}

function counts(values: readonly string[]): CountView[] {
  const groups = Map.groupBy(values, (value) => value)
  return [...groups]
    .map(([value, all]) => ({ value, events: all.length }))
    .toSorted((a, b) => b.events - a.events)
}

function statsOf(events: readonly EventView[]) {
  const times = events.map((event) => event.occurred_at)
  return {
    total: events.length,
    errors: events.filter((event) => event.severity >= 4).length,
    services: new Set(events.map((event) => event.service)).size,
    users: new Set(events.map((event) => event.user_id).filter((user) => user !== '')).size,
    by_type: counts(events.map((event) => event.event_type)),
    by_severity: counts(events.map((event) => String(event.severity))),
    by_service: counts(events.map((event) => event.service)),
    by_environment: counts(events.map((event) => event.environment)),
    first_at: times.length === 0 ? null : Math.min(...times),
    last_at: times.length === 0 ? null : Math.max(...times),
  }
}

function serviceOf(service: string, events: readonly EventView[]) {
  const own = events.filter((event) => event.service === service)
  return {
    service,
    events: own.length,
    errors: own.filter((event) => event.severity >= 4).length,
    requests: own.filter((event) => event.event_type === 'http_request').length,
    error_rate: null,
    p50_ms: null,
    p95_ms: null,
    last_seen: Math.max(...own.map((event) => event.occurred_at)),
    open_incidents: 0,
  }
}

function hasAny(values: readonly string[], wanted: readonly string[]): boolean {
  return wanted.length === 0 || values.some((value) => wanted.includes(value))
}

function bucket(at: number, stepMs: number): number {
  return Math.floor(at / stepMs) * stepMs
}
