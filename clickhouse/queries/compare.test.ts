import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { IncidentRow } from '#/schemas/view.ts'
import type { Incident } from '#/schemas/incident.ts'
import { createReads } from './reads.ts'
import { familiarityOf, similarIncidents } from './similar.ts'
import { withCounts } from './incident-counts.ts'
import { rankChanges } from './changes.ts'

const NOW_MS = Math.floor(systemClock.nowMs() / 60_000) * 60_000
const OPENED_MS = NOW_MS - 600_000
const selection = { project: 'default', filters: [], text: '' }

let engine: TestEngine
const at = (ms: number): string => `fromUnixTimestamp64Milli(toInt64(${ms}))`

/** `count` events spread over a minute. */
async function insert(count: number, fromMs: number, values: Record<string, string>) {
  const names = Object.keys(values)
  await engine.clickhouse.command(
    `INSERT INTO events (project, event_id, occurred_at, received_at, ${names.join(', ')})
     SELECT 'default', concat('${fromMs}-', toString(cityHash64('${JSON.stringify(values).replaceAll("'", "''")}')), '-', toString(number)),
       ${at(fromMs)} + toIntervalMillisecond(number * 7 % 60000), now64(3), ${names.map((name) => values[name]).join(', ')}
     FROM numbers(${count})`,
  )
}

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 30 })
  const usual = { service: "'shop'", severity: '2', event_type: "'http_request'" }
  await insert(400, OPENED_MS - 1_200_000, { ...usual, release: "'v1'", host: "'a'" })
  await insert(100, OPENED_MS - 1_200_000, { ...usual, release: "'v1'", host: "'b'" })
  const error = { service: "'shop'", severity: '4', event_type: "'error'", fingerprint: "'f1'" }
  const region = { attributes: "map('region', 'eu''west')" }
  await insert(90, OPENED_MS, { ...error, ...region, release: "'v2'", host: "'b'" })
  await insert(10, OPENED_MS + 120_000, { ...error, release: "'v1'", host: "'a'" })
  const span = { trace_id: "'t1'", severity: '2', event_type: "'http_request'" }
  await insert(1, OPENED_MS, { ...span, service: "'shop'", span_id: "'s1'" })
  await insert(1, OPENED_MS, {
    ...span,
    service: "'ledger'",
    severity: '4',
    span_id: "'s2'",
    parent_span_id: "'s1'",
  })
  // What failed inside the call is no second one.
  await insert(1, OPENED_MS, {
    ...span,
    service: "'ledger'",
    event_type: "'error'",
    severity: '5',
    span_id: "'s2'",
    parent_span_id: "'s1'",
  })
})
afterAll(() => engine.stop())

describe('what changed', () => {
  it('names the values that are more frequent than before, attributes too, by how telling they are', async () => {
    const view = await createReads(engine.clickhouse).changes({
      inside: {
        ...selection,
        from: OPENED_MS,
        to: NOW_MS,
        filters: [{ field: 'fingerprint', values: ['f1'], exclude: false }],
      },
      before: { ...selection, from: OPENED_MS - 3_600_000, to: OPENED_MS },
      ignored: ['title'],
    })
    expect(view).toMatchObject({ events: 100, events_before: 500 })
    const found = new Map(view.changes.map((one) => [`${one.field}=${one.value}`, one]))
    expect(found.get('release=v2')).toMatchObject({ events: 90, events_before: 0, lift: null })
    expect(found.get("attributes.region=eu'west")?.share).toBeCloseTo(0.9)
    expect(found.get('host=b')).toMatchObject({ events: 90, events_before: 100 })
    expect(found.get('host=b')?.lift).toBeCloseTo(4.5)
    // Always there, or rarer now: no news.
    expect([...found.keys()].filter((key) => /service=shop|release=v1|host=a/.test(key))).toEqual(
      [],
    )
    const scores = view.changes.map((one) => one.share)
    expect(scores[0]).toBeGreaterThanOrEqual(0.9)
  })

  it('finds nothing between two halves of the same', () => {
    const counts = new Map([
      ['host a', 50],
      ['host b', 50],
    ])
    expect(rankChanges({ total: 100, counts }, { total: 100, counts })).toEqual([])
  })
})

it('[E10] a call in a trace is an edge of the service graph', async () => {
  const graph = await createReads(engine.clickhouse).serviceGraph({
    project: 'default',
    from: OPENED_MS - 3_600_000,
    to: NOW_MS,
  })
  expect(graph.edges).toEqual([
    { caller: 'shop', callee: 'ledger', calls: 1, errors: 1, declared: false },
  ])
  expect(graph.nodes.map((node) => node.service).toSorted()).toEqual(['ledger', 'shop'])
})

it('an incident counts what its chart shows: errors of its issues since the minute it opened', async () => {
  const row = {
    id: 'i',
    opened_at: OPENED_MS + 20_000,
    updated_at: OPENED_MS + 60_000,
    resolved_at: null,
    fingerprints: ['f1'],
  } as unknown as IncidentRow
  const [open] = await withCounts(engine.clickhouse, { project: 'default' }, [row])
  // Its last change knew of the first 90 only.
  expect(open?.errors).toBe(100)
  expect(open?.spark?.reduce((sum, value) => sum + value, 0)).toBe(100)
  const closed = { ...row, resolved_at: OPENED_MS + 60_000 }
  const [resolved] = await withCounts(engine.clickhouse, { project: 'default' }, [closed])
  expect(resolved?.errors).toBe(90)
})

it('similar incidents are the earlier ones with the same issues and services, the most alike first', async () => {
  const step = (id: string, fingerprints: string, services: string, hours: number): string =>
    `('default', '${id}', 1, 1, 'resolved', now64(3), 'rolled back', 'resolved', '${id}', 2, 50, ${at(OPENED_MS - hours * 3_600_000)}, ${at(OPENED_MS)}, ${at(OPENED_MS)}, ${services}, ${fingerprints}, 1, 1, '', '', '', false, false, '{}')`
  await engine.clickhouse.command(
    `INSERT INTO incident_events (project, incident_id, number, seq, kind, at, sentence, status, title, severity, severity_score,
       opened_at, updated_at, resolved_at, services, fingerprints, events, users, root, suspect_deploy, redirect_to, regressed, flapping, detail) VALUES
       ${step('same', "['f1']", "['shop']", 48)}, ${step('half', "['f1','f9']", "['other']", 24)}, ${step('unlike', "['f9']", "['mailer']", 24)}`,
  )
  const incident = {
    id: 'me',
    project: 'default',
    openedAt: OPENED_MS,
    services: ['shop'],
    members: [{ fingerprint: 'f1', kind: 'novel', title: '' }],
    root: '',
    causes: [],
  } as unknown as Incident
  const found = await similarIncidents(engine.clickhouse, incident)
  expect(found.map(({ id }) => id)).toEqual(['same', 'half'])
  const [same, half] = found
  expect(same!.similarity).toBeLessThanOrEqual(1)
  expect(half!.similarity).toBeLessThan(same!.similarity)
  expect(found[0]).toMatchObject({ ended: 'rolled back', common_fingerprints: ['f1'] })
})

it('[C17] an incident is frequent above 20 % of 30 days, rare below 5 %, new without any', () => {
  const label = (alike: number): string => familiarityOf({ alike, incidents: 100 }).label
  expect([0, 4, 5, 20, 21].map(label)).toEqual([
    'new',
    'rare',
    'occasional',
    'occasional',
    'frequent',
  ])
  expect(familiarityOf({ alike: 0, incidents: 0 }).label).toBe('new')
})

it('[E8] each release answers for its own time: up to the deploys next to it, with its kind', async () => {
  const deploy = { event_type: "'deploy'", service: "'shop'", severity: '2' }
  await insert(1, OPENED_MS + 5_000, { ...deploy, release: "'v2'" })
  await insert(1, OPENED_MS + 125_000, {
    ...deploy,
    release: "'v3'",
    attributes: "map('change_kind', 'migration')",
  })
  const { items } = await createReads(engine.clickhouse).deploys({
    project: 'default',
    from: OPENED_MS,
    to: NOW_MS,
    services: [],
    cursor: null,
    limit: 10,
  })
  expect(items.map((one) => [one.release, one.change_kind])).toEqual([
    ['v3', 'migration'],
    ['v2', 'code'],
  ])
  // 90 errors in the two minutes of v2, 10 in the eight of v3 so far.
  expect(items[1]).toMatchObject({ errors_before: 0, errors_after: 45 })
  expect(items[0]).toMatchObject({ errors_before: 45 })
  expect(items[0]?.errors_after).toBeGreaterThan(0.5)
  expect(items[0]?.errors_after).toBeLessThan(1.3)
})

it('tables are told with rows and parts', async () => {
  const tables = await createReads(engine.clickhouse).storage()
  const events = tables.find(({ table }) => table === 'events')
  expect(events?.rows).toBe(605)
  expect(events?.parts).toBeGreaterThan(0)
})

it('[E8] a release that was rolled back within the minute answers for its errors, not the rollback', async () => {
  const bad = Math.floor((NOW_MS - 1_200_000) / 60_000) * 60_000 + 2_000
  const deploy = { event_type: "'deploy'", service: "'till'", severity: '2' }
  await insert(1, bad, { ...deploy, release: "'v8'" })
  await insert(1, bad + 38_000, { ...deploy, release: "'v7'" })
  for (let second = 8; second < 38; second += 10)
    await insert(20, bad + second * 1000, {
      service: "'till'",
      event_type: "'error'",
      severity: '4',
    })
  const { items } = await createReads(engine.clickhouse).deploys({
    project: 'default',
    from: bad - 1000,
    to: NOW_MS,
    services: ['till'],
    cursor: null,
    limit: 10,
  })
  // 60 errors in 40 s; the step of ten seconds in which a deploy lies is its own.
  expect(items).toMatchObject([
    { release: 'v7', errors_before: 90, errors_after: 0 },
    { release: 'v8', errors_before: 0, errors_after: 90 },
  ])
})
