import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createSinkTable, SINK_TABLES } from '#/clickhouse/sink-table.ts'
import { batchOf } from '#/clickhouse/test-events.ts'
import { systemClock } from '#/kernel/clock.ts'
import { encode } from '#/schemas/codec.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Event } from '#/schemas/records.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { SqlView } from '#/schemas/view.ts'
import { createReads } from './reads.ts'
import { ALL_INCIDENTS } from './test-queries.ts'

let engine: TestEngine
let reads: Reads
let all: Event[] = []
const nowMs = systemClock.nowMs()
const range = {
  stepMs: 60_000,
  project: 'default',
  from: nowMs - 2 * 3_600_000,
  to: nowMs + 3_600_000,
}
const openSelection = { ...range, filters: [], text: '' }
const PAYMENT = '4'.repeat(64)

function incidentOf(seq: number, status: Incident['status']): Buffer {
  const base = { id: 'inc-1', number: 1, project: 'default', seq, status, title: 'PoolExhausted' }
  const times = {
    openedAt: nowMs - 600_000,
    updatedAt: nowMs - 60_000 + seq,
    resolvedAt: null,
    lastActivityAt: nowMs - 60_000,
  }
  const member = {
    key: PAYMENT,
    fingerprint: PAYMENT,
    firstAt: nowMs - 660_000,
    lastAt: nowMs,
    service: 'payment',
    title: 'PoolExhausted',
    kind: 'novel',
  }
  const incident = {
    ...base,
    ...times,
    services: ['payment'],
    members: [member],
    timeline: [{ seq: 2, at: nowMs - 570_000, kind: 'status', sentence: 'x', actor: 'Ann' }],
    causes: [],
    // Muted from its last step on.
    ...(seq === 3 ? { silenced: { id: 's-1', until: nowMs, kind: 'silence', reason: '' } } : {}),
  }
  return encode('IncidentEvent', 1, {
    project: 'default',
    incident_id: 'inc-1',
    number: 1,
    seq,
    kind: seq === 1 ? 'opened' : 'severity',
    at: times.openedAt + seq * 1000,
    sentence: `step ${seq}`,
    status,
    title: base.title,
    severity: 2,
    severity_score: 55,
    opened_at: times.openedAt,
    updated_at: times.updatedAt,
    resolved_at: null,
    services: ['payment'],
    fingerprints: [PAYMENT],
    events: 10 * seq,
    users: 3,
    root: 'payment',
    suspect_deploy: '',
    redirect_to: '',
    regressed: false,
    flapping: false,
    detail: JSON.stringify(incident),
    recorded_at: times.openedAt + seq * 1000,
  })
}

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
  const { events, batch } = batchOf(0, 2500)
  all = events.filter((event) => event.project === 'default')
  await createSinkTable(engine.clickhouse, SINK_TABLES.events).insert(batch)
  const records = [1, 2, 3].map((seq) => ({ offset: seq, value: incidentOf(seq, 'open') }))
  const lifecycle = {
    topic: 'incidents.lifecycle.v1',
    partition: 0,
    epoch: 1,
    token: 'l:1',
    records,
  }
  await createSinkTable(engine.clickhouse, SINK_TABLES.lifecycle).insert(lifecycle)
  reads = createReads(engine.clickhouse)
})
afterAll(() => engine.stop())

const ask = (project: string, sql: string): Promise<SqlView> =>
  reads.guardedSql({ project, sql, rowsMax: 10, timeMsMax: 5000 })

describe('reads', () => {
  it('[A13] pages of events hold every event once, newest first', async () => {
    const seen: string[] = []
    const times: number[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<Reads['events']>> = await reads.events({
        ...openSelection,
        cursor,
        limit: 300,
      })
      seen.push(...page.items.map((event) => event.event_id))
      times.push(...page.items.map((event) => event.occurred_at))
      cursor = page.next
    } while (cursor !== null)
    expect(seen.toSorted()).toEqual(all.map((event) => event.event_id).toSorted())
    expect(times).toEqual(times.toSorted((a, b) => b - a))
  })

  it('[B5] [B6] [B7] search finds words in any case, facets and histogram count the same events', async () => {
    const query = {
      ...openSelection,
      text: 'TIMEOUT after',
      cursor: null,
      limit: 10,
      facets: ['severity' as const, 'service' as const],
      stepMs: 60_000,
    }
    const answer = await reads.search(query)
    const matching = all.filter((event) => event.message.includes('timeout after'))
    expect(answer.total).toBe(matching.length)
    for (const facet of answer.facets) {
      expect(facet.values.reduce((sum, value) => sum + value.events, 0)).toBe(matching.length)
    }
    const filtered = await reads.search({
      ...query,
      filters: [{ field: 'severity', values: ['4'], exclude: false }],
    })
    expect(filtered.total).toBe(matching.filter((event) => event.severity === 4).length)
    expect((await reads.search({ ...query, text: 'nowhere' })).total).toBe(0)
  })

  it('statistics equal a recount', async () => {
    const stats = await reads.eventStats(openSelection)
    expect(stats.total).toBe(all.length)
    expect(stats.errors).toBe(all.filter((event) => event.event_type === 'error').length)
    expect(stats.first_at).toBe(Math.min(...all.map((event) => event.occurred_at)))
    expect((await reads.eventStats({ ...openSelection, project: 'nobody' })).first_at).toBeNull()
  })

  it('[B8] every metric answers from rollups and from raw events alike', async () => {
    const base = { ...openSelection, groupBy: null, limit: 5 }
    for (const metric of [
      'events',
      'errors',
      'requests',
      'error_rate',
      'latency_p95',
      'users',
      'signups',
    ] as const) {
      const rollup = await reads.metrics({ ...base, metric, stepMs: 3_600_000 })
      const raw = await reads.metrics({
        ...base,
        metric,
        stepMs: 3_600_000,
        filters: [{ field: 'method', values: ['GET'], exclude: false }],
      })
      const close = (value: number) => Math.round(value * 50)
      expect(
        rollup.points.map((point) => close(point.value)),
        metric,
      ).toEqual(raw.points.map((point) => close(point.value)))
    }
    const grouped = await reads.metrics({
      ...base,
      metric: 'events',
      stepMs: 60_000,
      groupBy: 'service',
      limit: 1,
    })
    expect(new Set(grouped.points.map((point) => point.series)).has('other')).toBe(true)
    expect(grouped.points.reduce((sum, point) => sum + point.value, 0)).toBe(all.length)
  })

  it('[D4] an incident row says what it is about, since when, how much and for whom', async () => {
    const { items } = await reads.incidents(ALL_INCIDENTS)
    expect(items[0]).toMatchObject({
      id: 'inc-1',
      number: 1,
      project: 'default',
      status: 'open',
      title: 'PoolExhausted',
      severity: 2,
      severity_score: 55,
      fingerprints: [PAYMENT],
      services: ['payment'],
      events: 30,
      users: 3,
      root: 'payment',
      suspect_deploy: '',
      opened_at: nowMs - 600_000,
      resolved_at: null,
      regressed: false,
      flapping: false,
      silenced: true,
    })
  })

  it('[D2] an incident is its latest state with the fold of all its steps', async () => {
    const page = await reads.incidents({
      ...ALL_INCIDENTS,
      status: ['open'],
      severity: [2],
      services: ['payment'],
      text: '#1',
      sort: 'severity',
    })
    expect(page.items).toHaveLength(1)
    expect(page.items[0]).toMatchObject({
      id: 'inc-1',
      events: 30,
      severity: 2,
      spark: expect.any(Array),
    })
    for (const id of ['inc-1', '1']) {
      const detail = await reads.incident({ project: 'default', id })
      expect(detail?.incident.seq).toBe(3)
      expect(detail?.incident.timeline.map((entry) => entry.sentence)).toEqual([
        'step 1',
        'step 2',
        'step 3',
      ])
    }
    expect(await reads.incident({ project: 'other', id: 'inc-1' })).toBeNull()
    expect(await reads.incidentStats(range)).toMatchObject({
      open: 1,
      resolved_24h: 0,
      mttd_ms: 60_000,
      mtta_ms: 30_000,
      by_severity: { SEV2: 1 },
    })
  })

  it('issues, services, deploys and the overview answer with what the events say', async () => {
    const issues = await reads.issues({
      ...range,
      services: [],
      text: '',
      sort: 'events',
      order: 'desc',
      cursor: null,
      limit: 2,
    })
    expect(issues.items).toHaveLength(2)
    const rest = await reads.issues({
      ...range,
      services: [],
      text: '',
      sort: 'events',
      order: 'desc',
      cursor: issues.next,
      limit: 20,
    })
    const errors = all.filter((event) => event.event_type === 'error')
    expect([...issues.items, ...rest.items].reduce((sum, issue) => sum + issue.events, 0)).toBe(
      errors.length,
    )
    const issue = await reads.issue({ ...range, fingerprint: PAYMENT })
    expect(issue?.events).toBe(errors.filter((event) => event.severity === 4).length)
    expect(issue?.params[0]).toMatchObject({ name: 'p1', values: [{ value: '3' }] })
    // As the list tells them.
    const [listed] = (await reads.incidents(ALL_INCIDENTS)).items
    expect(issue?.incidents).toMatchObject([{ errors: listed?.errors, spark: listed?.spark }])
    const services = await reads.services(range)
    expect(services.map((row) => row.service).toSorted()).toEqual(['checkout', 'payment', 'søk'])
    expect(services[0]).toMatchObject({ service: 'payment', open_incidents: 1 })
    expect((await reads.service({ ...range, service: 'søk' }))?.rates.length).toBeGreaterThan(0)
    expect(await reads.service({ ...range, service: 'nope' })).toBeNull()
    expect((await reads.deploys({ ...range, services: [], cursor: null, limit: 5 })).items).toEqual(
      [],
    )
    const overview = await reads.overview({ ...range, nowMs })
    expect(overview).toMatchObject({ open_incidents: 1, has_data: true, users_affected: 3 })
    expect(overview.headline).toContain('SEV2')
    // The range ends an hour after now, as one without an end ends after now: what goes on does so now, not then.
    expect(overview.headline).not.toContain('quiet')
    expect(overview.rates.reduce((sum, point) => sum + point.value, 0)).toBe(all.length)
  })

  it('[B13] ad-hoc SQL sees the rows of its project and nothing else', async () => {
    expect((await ask('default', 'SELECT count() FROM events')).rows).toEqual([
      [String(all.length)],
    ])
    expect((await ask('nobody', 'SELECT count() FROM events')).rows).toEqual([['0']])
    expect((await ask('default', 'SELECT event_id FROM events')).truncated).toBe(true)
    await expect(ask('default', 'DROP TABLE events')).rejects.toMatchObject({ code: 'invalid_sql' })
  })

  it('hostile values in every parameter are values', async () => {
    const hostile = `'; DROP TABLE events; --\\' {x:String} "`
    const selection = {
      ...openSelection,
      text: hostile,
      filters: [{ field: 'service' as const, values: [hostile], exclude: false }],
    }
    expect((await reads.eventStats(selection)).total).toBe(0)
    expect(await reads.event({ project: hostile, eventId: hostile })).toBeNull()
    expect(await reads.incident({ project: 'default', id: hostile })).toBeNull()
    expect((await reads.eventStats(openSelection)).total).toBe(all.length)
  })
})
