import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ERROR_CATALOGUE, FaultlineError } from '#/kernel/errors.ts'
import type { StageView } from '#/schemas/view.ts'
import { openApiPath } from './openapi.ts'
import { createDoor } from './ingest/door.ts'
import { createHub } from './live/hub.ts'
import { createRateLimit } from './rate-limit.ts'
import { allRoutes } from './routes/all.ts'
import type { Route } from './route.ts'
import { problemsOf } from '#/test/prometheus-text.ts'
import { createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'

let test: TestApp
let routes: readonly Route[]
beforeEach(async () => {
  test = await createTestApp()
  const { deps } = test
  const rate = createRateLimit(deps.clock, { perSecond: 1, burst: 1 })
  routes = allRoutes(deps, {
    door: createDoor(deps),
    rate,
    hub: createHub({ ...deps, onProblem: undefined }),
  })
})
afterEach(() => test.close())

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown>; operationId: string }>>
  components: { schemas: Record<string, unknown> }
}

const STAGE: StageView = { stage: 'cluster', partitions: [], lag: 0, status: 'running', error: '' }

describe('the description', () => {
  it('[D1] holds every route, and nothing that is not one', async () => {
    const document = (await test.get('/openapi.json')).body as unknown as Document
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const known = routes.map(({ method, path }) => `${method} ${openApiPath(path)}`)
    expect(new Set(described)).toEqual(new Set(known))
    expect(described).toHaveLength(known.length)
    for (const path of [
      '/v1/events',
      '/api/events',
      '/api/incidents/active',
      '/api/sql',
      '/metrics',
    ])
      expect(document.paths).toHaveProperty([path])
  })

  it('every reference leads somewhere, every shape is used, every operation has its own name', async () => {
    const { text, body } = await test.get('/openapi.json')
    const { paths, components } = body as unknown as Document
    const wanted = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name)
    expect(new Set(wanted)).toEqual(new Set(Object.keys(components.schemas)))
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('[D1] every GET without parts answers, and every address refuses other methods by name', async () => {
    for (const { method, path, isStream } of routes) {
      if (method !== 'GET' || path.includes(':') || isStream === true) continue
      const { status } = await test.get(path, { 'x-api-key': test.adminKey })
      expect([200, 401, 403], path).toContain(status)
    }
    for (const path of new Set(routes.map((route) => route.path))) {
      const url = path.replaceAll(/:\w+/g, 'x')
      const response = await test.app.inject({ method: 'PATCH', url })
      expect(response.statusCode, path).toBe(405)
      expect(response.headers['allow'], path).toBeTruthy()
      expect(response.json()).toMatchObject({ code: 'method_not_allowed' })
    }
  })

  it('the page needs no script, explains every error, and nothing in it is of a third party', async () => {
    const { text, headers } = await test.get('/docs')
    expect(headers['content-security-policy']).toMatch(/default-src 'none'/)
    expect(text).not.toMatch(/<script|https?:\/\//)
    for (const code of Object.keys(ERROR_CATALOGUE)) expect(text).toContain(`id="${code}"`)
    const { body } = await test.get('/nowhere')
    expect(body).toMatchObject({ type: '/docs#not_found', code: 'not_found', status: 404 })
  })
})

describe('health', () => {
  it('[K1] live always; ready while everything answers', async () => {
    expect((await test.get('/health/live')).body).toEqual({ status: 'ok' })
    expect((await test.get('/health/ready')).body).toMatchObject({ ready: true })
    expect((await test.get('/health')).body).toMatchObject({ status: 'ok', version: '0.0.0-test' })
  })

  it('[K1] not ready while ClickHouse is away, and says which', async () => {
    test.reads.failure = new FaultlineError('storage_unavailable', 'connect ECONNREFUSED')
    const { status, body } = await test.get('/health/ready')
    expect(status).toBe(503)
    expect(body['checks']).toContainEqual({
      name: 'clickhouse',
      ok: false,
      detail: 'connect ECONNREFUSED',
    })
    expect((await test.get('/health')).body).toMatchObject({ status: 'degraded' })
    expect((await test.get('/health/live')).status).toBe(200)
    test.reads.failure = undefined
    expect((await test.get('/health/ready')).status).toBe(200)
  })

  it('[K1] not ready while a stage is too far behind or failed, and says which', async () => {
    test.stages.push({ ...STAGE, lag: test.deps.config.readyLagRecordsMax + 1 })
    const behind = await test.get('/health/ready')
    expect(behind.status).toBe(503)
    expect(behind.text).toContain('cluster is 500001 records behind')
    test.stages[0] = { ...STAGE, status: 'failed', error: 'boom' }
    expect((await test.get('/health/ready')).text).toContain('cluster has failed: boom')
  })

  it('[K1] not ready while a dependency does not answer at all', async () => {
    test.reads.ping = () => new Promise(() => undefined)
    const asking = test.get('/health/ready')
    for (let tries = 0; tries < 5; tries += 1) await test.clock.advance(1_000)
    expect((await asking).text).toContain('no answer within 2000 ms')
  })

  it('[B1] detailed health shows the lag per group', async () => {
    test.stages.push({ ...STAGE, lag: 12 })
    expect((await test.get('/health/detailed')).body).toMatchObject({
      stages: [{ stage: 'cluster', lag: 12 }],
    })
  })

  it('[K2] metrics are in Prometheus’ text format', async () => {
    await test.post({ event_type: 'error', service: 'a' })
    test.stages.push({
      ...STAGE,
      partitions: [{ topic: 'detections.v1', partition: 0, committed: 3, end: 8, lag: 5 }],
    })
    const { text, headers } = await test.get('/metrics')
    expect(headers['content-type']).toMatch('version=0.0.4')
    expect(text).toContain('faultline_ingest_events_total{result="accepted"} 1')
    expect(text).toContain('faultline_stage_lag_records{stage="cluster",partition="0"} 5')
    expect(text).toMatch(/faultline_http_requests_total\{route="\/v1\/events",status="202"\} 1/)
    expect(problemsOf(text)).toEqual([])
  })

  it('[K2] the lag of a partition that has gone to another process is told no more', async () => {
    const partitions = [{ topic: 'detections.v1', partition: 1, committed: 3, end: 8, lag: 5 }]
    test.stages.push({ ...STAGE, partitions })
    const before = await test.get('/metrics')
    expect(before.text).toContain('faultline_stage_lag_records{stage="cluster",partition="1"} 5')
    test.stages.splice(0)
    expect((await test.get('/metrics')).text).not.toContain('partition="1"')
  })
})
