import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { alertsOf } from './incident-alerts.ts'

const AT = Date.UTC(2026, 10, 21, 3)

let engine: TestEngine
beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
  const rows = [
    { id: 'of an issue', kind: 'spike', service: 'cart', fingerprint: 'f1' },
    { id: 'its end', kind: 'episode_end', service: 'cart', fingerprint: 'f1' },
    { id: 'of another issue', kind: 'spike', service: 'cart', fingerprint: 'f2' },
    { id: 'of a whole service', kind: 'latency', service: 'search', fingerprint: '' },
    { id: 'activity of it', kind: 'activity', service: 'search', fingerprint: '' },
    { id: 'of a service whose issue it is', kind: 'latency', service: 'cart', fingerprint: '' },
    { id: 'elsewhere', kind: 'latency', service: 'search', fingerprint: '', environment: 'test' },
    { id: 'too late', kind: 'latency', service: 'search', fingerprint: '', at: AT + 120_000 },
  ]
  for (const { id, kind, service, fingerprint, environment = 'prod', at = AT } of rows)
    await engine.clickhouse.command(
      'INSERT INTO detections (project, detection_id, kind, service, environment, fingerprint, at) VALUES ({project:String}, {id:String}, {kind:String}, {service:String}, {environment:String}, {fingerprint:String}, fromUnixTimestamp64Milli({at:Int64}))',
      { params: { project: 'default', id, kind, service, environment, fingerprint, at } },
    )
})
afterAll(() => engine.stop())

describe('detections an incident is made of', () => {
  it('[N8] are those of its issues, and alerts about services that are members as a whole', async () => {
    const { where, params } = alertsOf({
      openedAt: AT,
      lastActivityAt: AT + 60_000,
      members: [
        { fingerprint: 'f1', service: 'cart', environment: 'prod' },
        { fingerprint: '', service: 'search', environment: 'prod' },
      ],
    })
    const rows = await engine.clickhouse.query<{ detection_id: string }>(
      `SELECT detection_id FROM detections WHERE ${where} ORDER BY detection_id`,
      { params: { ...params, project: 'default' } },
    )
    expect(rows.map(({ detection_id }) => detection_id)).toEqual([
      'its end',
      'of a whole service',
      'of an issue',
    ])
  })
})
