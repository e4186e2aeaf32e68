import type {
  EventView,
  FacetView,
  IncidentDetail,
  IncidentRow,
  IncidentStats,
  IssueDetail,
  IssueRow,
  MetricsView,
  Overview,
  PipelineView,
  SearchView,
  ServiceDetail,
  ServiceRow,
  SqlView,
} from '#lib/contract.ts'
import { makeEvent, rates } from './events.ts'
import { headlineOf } from '#lib/contract.ts'
import { FACET_FIELDS } from '#lib/explore/query.ts'
import { number, rangeOf, type Asked } from './params.ts'
import { chance, HOUR, MINUTE, SERVICES, type World } from './world.ts'

const among = (values: readonly string[], value: string): boolean =>
  values.length === 0 || values.includes(value)

function matches(params: URLSearchParams, row: IncidentRow): boolean {
  const text = (params.get('q') ?? '').toLowerCase()
  const services = params.getAll('service')
  return (
    among(params.getAll('status'), row.status) &&
    among(params.getAll('severity'), String(row.severity)) &&
    (services.length === 0 || row.services.some((service) => services.includes(service))) &&
    (text === '' || `${row.title} #${row.number}`.toLowerCase().includes(text))
  )
}

export function incidentPage(
  world: World,
  { params }: Asked,
): { items: IncidentRow[]; next: null } {
  const sort = params.get('sort') ?? 'severity'
  const key = (row: IncidentRow): number =>
    sort === 'updated_at'
      ? row.updated_at
      : sort === 'opened_at'
        ? row.opened_at
        : sort === 'events'
          ? row.events
          : (5 - row.severity) * 1000 + row.severity_score
  const sign = params.get('order') === 'asc' ? 1 : -1
  const items = [...world.rows.values()]
    .filter((row) => matches(params, row))
    .toSorted((a, b) => sign * (key(a) - key(b)) || a.id.localeCompare(b.id))
  return { items, next: null }
}

export function overviewAnswer(world: World, asked: Asked): Overview {
  const { from, to } = rangeOf(asked)
  const open = [...world.rows.values()]
    .filter((row) => row.status !== 'resolved')
    .toSorted((a, b) => a.severity - b.severity || b.severity_score - a.severity_score)
  const deploys = world.deploys.filter((deploy) => deploy.at >= from && deploy.at < to)
  return {
    now: asked.now,
    headline: headlineOf(open, { hasData: true, nowMs: asked.now, deploys }),
    open_incidents: open.length,
    users_affected: open.reduce((sum, row) => sum + row.users, 0),
    events_per_second: 61.4,
    lag_records: 12,
    incidents: open.slice(0, 20),
    rates: rates(world, from, to, number(asked.params.get('step'), 10_000)),
    deploys,
    has_data: true,
  }
}

export function emptyOverview(now: number): Overview {
  return {
    now,
    headline: 'Faultline is ready and has not seen an event yet.',
    open_incidents: 0,
    users_affected: 0,
    events_per_second: 0,
    lag_records: 0,
    incidents: [],
    rates: [],
    deploys: [],
    has_data: false,
  }
}

export function incidentDetail(world: World, id: string): IncidentDetail | null {
  const found =
    world.incidents.get(id) ??
    [...world.incidents.values()].find((one) => String(one.number) === id)
  if (found === undefined) return null
  const chart = found.services.flatMap((service, place) =>
    Array.from({ length: 60 }, (_, minute) => {
      const at = found.openedAt - (30 - minute) * MINUTE
      const noise = chance(place, minute, found.number)
      return {
        at,
        series: service,
        value: Math.round(at < found.openedAt ? noise * 4 : 12 + noise * 20),
      }
    }),
  )
  const similar = [...world.incidents.values()]
    .filter((one) => one.openedAt < found.openedAt && one.status === 'resolved')
    .slice(0, 3)
    .map((one, place) => ({
      id: one.id,
      number: one.number,
      title: one.title,
      status: one.status,
      severity: one.severity.level,
      opened_at: one.openedAt,
      resolved_at: one.resolvedAt,
      services: one.services,
      similarity: 0.91 - place * 0.22,
      common_fingerprints: one.members.slice(0, 1).map((member) => member.fingerprint),
      ended: 'Nothing was seen for 30 minutes.',
      worked: place === 0 ? ['Roll the release back'] : [],
      failed: place === 0 ? ['Restarting the pods'] : [],
    }))
  return {
    incident: found,
    errors: found.events,
    member_errors: Object.fromEntries(
      found.members.map((member) => [member.fingerprint, member.events]),
    ),
    similar,
    familiarity: {
      label: similar.length === 0 ? 'new' : 'rare',
      alike: similar.length,
      incidents: 80,
    },
    chart,
    deploys: world.deploys.filter((deploy) => Math.abs(deploy.at - found.openedAt) < HOUR),
    summary: {
      title: found.title,
      impact: `${found.users} users of ${found.services.join(' and ')} meet errors since a deploy.`,
      likely_causes: found.causes.map((cause) => cause.sentence),
      evidence: ['42 errors in 5 min, 3.1 expected.'],
      next_steps: [
        'Compare the release with the one before.',
        'Check whether a rollback stops the errors.',
      ],
      confidence: 0.62,
      model: 'rules',
      fallback: true,
      at: found.updatedAt,
      incident_seq: found.seq,
      prompt_version: 'rules-1',
      tokens: 0,
      behind: null,
    },
  }
}

function counted(name: string, counts: Readonly<Record<string, number>>) {
  return { name, values: Object.entries(counts).map(([value, events]) => ({ value, events })) }
}

export function issueDetail(world: World, fingerprint: string, now: number): IssueDetail | null {
  const index = world.issues.findIndex((one) => one.fingerprint === fingerprint)
  const row = world.issues[index]
  if (row === undefined) return null
  const length = world.issues.length
  return {
    ...row,
    params: [counted('ms', { 2000: 812, 5000: 41 }), counted('host', { 'db-7': 640, 'db-2': 120 })],
    dimensions: [
      counted('release', { v412: 700, v409: 60 }),
      counted('environment', { prod: 733, staging: 27 }),
    ],
    samples: [1, 2, 3].flatMap((times) => {
      const event = makeEvent(world, index + length * times * 7, now - times * 3 * MINUTE)
      return [
        {
          ...event,
          fingerprint,
          title: row.title,
          message: row.title,
          severity: 4,
          stack:
            event.stack ||
            'TimeoutError: upstream\n    at charge (/srv/app/src/payments/client.ts:88:13)',
        },
      ]
    }),
    chart: (row.spark ?? []).map((value, minute) => ({
      at: now - (60 - minute) * MINUTE,
      series: row.services[0] ?? '',
      value,
    })),
    incidents: [...world.rows.values()].filter((one) => one.fingerprints.includes(fingerprint)),
    aliases: [],
  }
}

function facetsOf(events: readonly EventView[]): FacetView[] {
  return FACET_FIELDS.map((field) => {
    const counts = new Map<string, number>()
    for (const event of events) {
      const value = String(event[field])
      if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1)
    }
    const values = [...counts].map(([value, count]) => ({ value, events: count * 137 }))
    return { field, values: values.toSorted((a, b) => b.events - a.events).slice(0, 10) }
  })
}

export function searchAnswer(world: World, asked: Asked): SearchView {
  const { params } = asked
  const { from, to } = rangeOf(asked)
  const limit = Math.min(1000, number(params.get('limit'), 200))
  const offset = number(params.get('cursor'), 0)
  const text = (params.get('q') ?? '').toLowerCase()
  const fields = FACET_FIELDS.map((field) => [field, params.getAll(field)] as const)
  const all = Array.from({ length: 3000 }, (_, index) =>
    makeEvent(world, index, to - index * 400),
  ).filter(
    (event) =>
      (text === '' || event.message.toLowerCase().includes(text)) &&
      fields.every(([field, values]) => among(values, String(event[field]))),
  )
  const next = offset + limit
  return {
    items: all.slice(offset, next),
    next: next < all.length ? String(next) : null,
    total: all.length * 137,
    facets: facetsOf(all),
    histogram: all.length === 0 ? [] : rates(world, from, to, number(params.get('step'), 60_000)),
  }
}

export function serviceRows(world: World): ServiceRow[] {
  return SERVICES.map((service, index) => ({
    service,
    events: 4000 + Math.floor(chance(index, 31) * 9e4),
    errors: Math.floor(chance(index, 32) * 900),
    requests: index === 5 ? 0 : 3000 + Math.floor(chance(index, 33) * 8e4),
    error_rate: index === 5 ? null : chance(index, 34) ** 3 / 5,
    p50_ms: index === 5 ? null : 12 + chance(index, 35) * 60,
    p95_ms: index === 5 ? null : 90 + chance(index, 36) * 900,
    last_seen: world.start - index * 900,
    open_incidents: [...world.rows.values()].filter(
      (row) => row.status !== 'resolved' && row.services.includes(service),
    ).length,
  }))
}

export function serviceDetail(world: World, name: string, asked: Asked): ServiceDetail | null {
  const row = serviceRows(world).find((one) => one.service === name)
  if (row === undefined) return null
  const { from, to } = rangeOf(asked)
  const quantiles = [
    ['p50', 40],
    ['p95', 240],
    ['p99', 610],
  ] as const
  const latency = quantiles.flatMap(([series, base], place) =>
    Array.from({ length: 60 }, (_, i) => ({
      at: from + (i * (to - from)) / 60,
      series,
      value: base * (0.8 + 0.4 * chance(place, i)),
    })),
  )
  return {
    ...row,
    releases: ['v412', 'v409', 'v406'],
    issues: world.issues.filter((issue) => issue.services.includes(name)),
    deploys: world.deploys.filter((deploy) => deploy.service === name),
    rates: rates(world, from, to, 60_000),
    latency,
  }
}

const stage = (name: string, lag: number, status: 'running' | 'failed' = 'running') => ({
  stage: name,
  lag,
  status,
  error: status === 'failed' ? 'ClickHouse cannot be reached at the moment.' : '',
  partitions: [0, 1, 2].map((partition) => ({
    topic: 'signals.raw.v1',
    partition,
    committed: 120_000 - lag,
    end: 120_000,
    lag,
  })),
})

export function pipelineAnswer(world: World, clients: number): PipelineView {
  return {
    stages: [
      stage('fingerprint', 3),
      stage('cluster', 0),
      stage('spike', 9),
      stage('severity', 0),
      stage('enrich', 0),
      stage('sink', 410),
    ],
    dead_letters: 2,
    late_events: 17 + world.issues.length,
    stream_clients: clients,
    rejected: 14,
    limited: 0,
    storage: [
      { table: 'events', rows: 1_284_000, parts: 9, bytes: 210_000_000 },
      { table: 'events_1m', rows: 88_200, parts: 4, bytes: 9_100_000 },
      { table: 'incidents', rows: 26, parts: 2, bytes: 18_000 },
    ],
  }
}

/** Only one query is understood; the real guard and engine live elsewhere. */
export function sqlAnswer(world: World, text: string): SqlView | null {
  if (!/^\s*select/i.test(text)) return null
  const rows = serviceRows(world).map((row) => [row.service, String(row.events), row.errors])
  return {
    columns: [
      { name: 'service', type: 'LowCardinality(String)' },
      { name: 'events', type: 'UInt64' },
      { name: 'errors', type: 'UInt32' },
    ],
    rows,
    rows_read: 381_244,
    bytes_read: 5_120_000,
    elapsed_ms: 18,
    truncated: false,
  }
}

export function incidentStats(world: World, isEmpty: boolean): IncidentStats {
  const rows = isEmpty ? [] : [...world.rows.values()]
  const open = rows.filter((row) => row.status !== 'resolved')
  return {
    open: rows.filter((row) => row.status === 'open').length,
    investigating: rows.filter((row) => row.status === 'investigating').length,
    resolved_24h: rows.length - open.length,
    by_severity: Object.fromEntries(
      ['1', '2', '3', '4', '5'].map((level) => [
        `SEV${level}`,
        open.filter((row) => String(row.severity) === level).length,
      ]),
    ),
    mttd_ms: rows.length === 0 ? null : 92_000,
    mtta_ms: rows.length === 0 ? null : 240_000,
    mttr_ms: rows.length === 0 ? null : 1_860_000,
  }
}

export function issueRows(world: World, { params }: Asked): readonly IssueRow[] {
  const text = (params.get('q') ?? '').toLowerCase()
  const wanted = params.getAll('service')
  const sort = params.get('sort') as 'last_seen' | 'first_seen' | 'events' | 'users' | null
  const sign = params.get('order') === 'asc' ? 1 : -1
  return world.issues
    .filter((row) => row.title.toLowerCase().includes(text))
    .filter(
      (row) => wanted.length === 0 || row.services.some((service) => wanted.includes(service)),
    )
    .toSorted((a, b) => sign * (a[sort ?? 'last_seen'] - b[sort ?? 'last_seen']))
}

export function metricSeries(world: World, asked: Asked): MetricsView {
  const { from, to } = rangeOf(asked)
  const step = number(asked.params.get('step'), 60_000)
  const points = SERVICES.slice(0, 4).flatMap((name, place) =>
    rates(world, from, to, step)
      .filter((point) => point.series === '4')
      .map((point) => ({ ...point, series: name, value: Math.round(point.value / (place + 3)) })),
  )
  return { from, to, step_ms: step, points }
}
