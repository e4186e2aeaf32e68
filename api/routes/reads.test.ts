import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TEST_NOW_MS, createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { testDetail, testEvent, testIncident, testIssue } from '#/api/test-views.ts'
import { FaultlineError } from '#/kernel/errors.ts'

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
})
afterEach(() => test.close())

const lastQuery = (): unknown => test.reads.calls.at(-1)?.query
const ids = (body: Record<string, unknown>): string[] =>
  (body['items'] as { event_id: string }[]).map((event) => event.event_id)

describe('events', () => {
  beforeEach(() => {
    test.reads.data.events = Array.from({ length: 25 }, (_, index) =>
      testEvent({
        event_id: `e-${String(index).padStart(2, '0')}`,
        occurred_at: TEST_NOW_MS - index * 1_000,
        service: index % 2 === 0 ? 'checkout' : 'search',
        severity: index % 5 === 0 ? 5 : 3,
        message: index === 7 ? 'Connection timeout after 30 s' : 'slow answer',
      }),
    )
  })

  it('[D1] pages through all events by cursor, each once, newest first', async () => {
    const seen: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 10; pages += 1) {
      const { body } = await test.get(`/api/events?limit=10&cursor=${cursor}`)
      seen.push(...ids(body))
      if (body['next'] === null) break
      cursor = body['next'] as string
    }
    expect(seen).toEqual(test.reads.data.events.map((event) => event.event_id))
  })

  it('filters by field, by exclusion and by words', async () => {
    const { body } = await test.get('/api/events?service=checkout&severity=fatal,4&q=slow')
    expect(ids(body)).toEqual(['e-00', 'e-10', 'e-20'])
    const excluded = await test.get('/api/events?service=!checkout&limit=3')
    expect(ids(excluded.body)).toEqual(['e-01', 'e-03', 'e-05'])
    expect(lastQuery()).toMatchObject({
      filters: [{ field: 'service', values: ['checkout'], exclude: true }],
    })
  })

  it('[D1] answers one event, counts and search; a missing one is 404', async () => {
    expect((await test.get('/api/events/e-07')).body).toMatchObject({ event_id: 'e-07' })
    expect((await test.get('/api/events/nope')).status).toBe(404)
    expect((await test.get('/api/events/stats')).body).toMatchObject({ total: 25, errors: 5 })
    const { body } = await test.get('/api/search?q=timeout&facets=service')
    expect(body).toMatchObject({
      total: 1,
      facets: [{ field: 'service', values: [{ value: 'search', events: 1 }] }],
    })
  })

  it('understands ages, RFC 3339 and epoch milliseconds as times', async () => {
    await test.get('/api/events?from=-5s')
    expect(lastQuery()).toMatchObject({ from: TEST_NOW_MS - 5_000 })
    await test.get('/api/events?from=2026-11-21T02:00:00+01:00&to=now')
    expect(lastQuery()).toMatchObject({
      from: Date.UTC(2026, 10, 21, 1),
      to: TEST_NOW_MS,
    })
    await test.get('/api/events?from=1000&to=2000')
    expect(lastQuery()).toMatchObject({ from: 1_000, to: 2_000 })
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['from=yesterday', 'from'],
    ['from=now&to=-1h', 'from'],
    ['severity=loud', 'severity'],
    ['status_code=5xx', 'status_code'],
    ['cursor=%00', 'cursor'],
    ['cursor=WzFd', 'cursor'],
    ['servise=checkout', 'servise'],
    ['format=xml', 'format'],
    [`q=${'a'.repeat(1_001)}`, 'q'],
    ['__proto__=1', '__proto__'],
  ])('a wrong parameter is named: %s', async (query, path) => {
    const { status, body } = await test.get(`/api/events?${query}`)
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'invalid_request', path })
  })

  it('[D5] answers CSV whose cells no spreadsheet takes for a formula', async () => {
    test.reads.data.events[0] = testEvent({
      event_id: 'e-00',
      occurred_at: TEST_NOW_MS,
      message: '=HYPERLINK("http://evil.example","x")',
      tags: ['a', 'b'],
    })
    const { text, headers } = await test.get('/api/events?format=csv&limit=1')
    expect(headers['content-type']).toMatch('text/csv')
    expect(headers['x-next-cursor']).toBeTruthy()
    const [head, line] = text.split('\r\n')
    expect(head).toMatch(/^occurred_at,received_at,event_id/)
    expect(line).toContain(`"'=HYPERLINK(""http://evil.example"",""x"")"`)
  })

  it('[B7] metrics take the width of their buckets or choose at most 360', async () => {
    await test.get('/api/metrics/query?metric=error_rate&group_by=route&from=-7d&event_type=error')
    expect(lastQuery()).toMatchObject({
      metric: 'error_rate',
      groupBy: 'route',
      stepMs: 1_800_000,
      filters: [{ field: 'event_type', values: ['error'], exclude: false }],
    })
    await test.get('/api/metrics/query?from=-1h&step=60000')
    expect(lastQuery()).toMatchObject({ stepMs: 60_000, groupBy: null })
    expect((await test.get('/api/metrics/query?from=-365d&step=1000')).body['path']).toBe('step')
  })
})

describe('incidents, issues, services', () => {
  beforeEach(() => {
    const { data } = test.reads
    data.incidents = [
      testIncident({ id: 'inc-1', number: 1, status: 'open', severity: 1 }),
      testIncident({ id: 'inc-2', number: 2, status: 'resolved' }),
      testIncident({ id: 'inc-3', number: 3, status: 'investigating', services: ['search'] }),
    ]
    data.details = [
      testDetail({ id: 'inc-1', number: 1 }),
      testDetail({ id: 'inc-9', number: 9, redirectTo: 'inc-1' }),
    ]
    data.issues = [{ ...testIssue('f'.repeat(64)), project: 'default' }]
    data.events = [testEvent({ service: 'checkout' })]
  })

  const incidentIds = (body: Record<string, unknown>): string[] =>
    (body['items'] as { id: string }[]).map(({ id }) => id)

  it('[D1] lists, filters, tells the active ones and counts', async () => {
    expect(incidentIds((await test.get('/api/incidents')).body)).toHaveLength(3)
    expect(incidentIds((await test.get('/api/incidents?status=resolved')).body)).toEqual(['inc-2'])
    expect(incidentIds((await test.get('/api/incidents?service=search')).body)).toEqual(['inc-3'])
    const active = (await test.get('/api/incidents/active?sort=severity&order=asc')).body
    expect(incidentIds(active)).toEqual(['inc-1', 'inc-3'])
    expect((await test.get('/api/incidents/stats')).body).toMatchObject({
      open: 1,
      resolved_24h: 1,
    })
    expect((await test.get('/api/incidents?status=closed')).body['path']).toBe('status')
  })

  it('[D2] answers one incident with its history, by id and by number', async () => {
    const byId = (await test.get('/api/incidents/inc-1')).body
    expect(byId).toMatchObject({ incident: { id: 'inc-1', timeline: [{ kind: 'opened' }] } })
    expect((await test.get('/api/incidents/1')).body).toEqual(byId)
    expect((await test.get('/api/incidents/none')).status).toBe(404)
  })

  it('[D8] the link of a merged incident leads to the one it lives on in', async () => {
    const { status, headers } = await test.get('/api/incidents/9?project=default')
    expect(status).toBe(308)
    expect(headers['location']).toBe('/api/incidents/inc-1?project=default')
  })

  it('[D1] answers issues, services, deploys, overview and pipeline', async () => {
    expect((await test.get('/api/issues')).body).toMatchObject({ next: null })
    expect((await test.get(`/api/issues/${'f'.repeat(64)}`)).body).toMatchObject({ title: 'Boom' })
    expect((await test.get('/api/issues/unknown')).status).toBe(404)
    expect((await test.get('/api/services')).body).toMatchObject({
      items: [{ service: 'checkout' }],
    })
    expect((await test.get('/api/services/checkout')).body).toMatchObject({ service: 'checkout' })
    expect((await test.get('/api/services/nope')).status).toBe(404)
    expect((await test.get('/api/deploys')).body).toEqual({ items: [], next: null })
    test.stages.push({ stage: 'cluster', partitions: [], lag: 7, status: 'running', error: '' })
    expect((await test.get('/api/overview')).body).toMatchObject({
      now: TEST_NOW_MS,
      lag_records: 7,
    })
    expect((await test.get('/api/pipeline')).body).toMatchObject({
      dead_letters: 0,
      stages: [{ stage: 'cluster', lag: 7 }],
    })
  })

  it('says when ClickHouse is away, and that it may come back', async () => {
    test.reads.failure = new FaultlineError('storage_unavailable', 'connect ECONNREFUSED')
    const { status, headers, body } = await test.get('/api/incidents')
    expect(status).toBe(503)
    expect(headers['retry-after']).toBeTruthy()
    expect(body).toMatchObject({ code: 'storage_unavailable' })
  })
})

describe('POST /api/sql', () => {
  const sql = (body: unknown, headers = {}) =>
    test.post(body, { url: '/api/sql', key: null, headers })

  it('passes the query to the guard with its limits and answers rows', async () => {
    test.reads.sqlAnswer = {
      columns: [{ name: 'n', type: 'UInt64' }],
      rows: [['9']],
      rows_read: 1,
      bytes_read: 8,
      elapsed_ms: 1,
      truncated: false,
    }
    expect((await sql({ sql: 'SELECT 9 AS n', limit: 5 })).body).toMatchObject({ rows: [['9']] })
    expect(lastQuery()).toMatchObject({ project: 'default', sql: 'SELECT 9 AS n', rowsMax: 5 })
    const csv = await test.post({ sql: 'SELECT 9' }, { url: '/api/sql?format=csv', key: null })
    expect(csv.text).toBe('n\r\n9\r\n')
  })

  it('refuses what is no query', async () => {
    expect((await sql({ sql: 'DROP TABLE events' })).body['code']).toBe('invalid_sql')
    expect((await sql({ sql: '' })).body['path']).toBe('sql')
    expect((await sql({ sql: 'SELECT 1', limit: 1e9 })).body['path']).toBe('limit')
    expect((await sql('SELECT 1')).body['code']).toBe('invalid_json')
    expect((await sql('{}', { 'content-type': 'text/plain' })).status).toBe(415)
  })

  it('[H9] has a rate of its own', async () => {
    await test.close()
    test = await createTestApp({ config: { sqlPerMinuteMax: 2 } })
    const answers = []
    for (let index = 0; index < 3; index += 1) answers.push(await sql({ sql: 'SELECT 1' }))
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 429])
    expect(answers[2]?.headers['retry-after']).toBe('30')
  })
})
