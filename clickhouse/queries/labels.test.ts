import { afterAll, beforeAll, expect, it } from 'vitest'
import { labelledIncidents } from '#/cli/sweep-desk.ts'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createSinkTable, SINK_TABLES } from '#/clickhouse/sink-table.ts'
import { encode } from '#/schemas/codec.ts'
import { createReads } from './reads.ts'

const OPENED_MS = Date.UTC(2026, 0, 5, 8)
const range = { project: 'default', fromMs: OPENED_MS - 1, toMs: OPENED_MS + 1 }

let engine: TestEngine
beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
  await engine.clickhouse.command(
    "INSERT INTO incidents (project, incident_id, number, seq, opened_at, services) VALUES ('default', 'inc-1', 1, 1, '2026-01-05 08:00:00', ['payment'])",
  )
})
afterAll(() => engine.stop())

function action(seq: number, kind: string, payload: object, result = ''): Buffer {
  return encode('Action', 1, {
    project: 'default',
    incident_id: 'inc-1',
    seq,
    command_id: `c:${seq}`,
    kind,
    actor: 'ann',
    at: OPENED_MS,
    payload: JSON.stringify(payload),
    actor_name: 'Ann',
    role: 'responder',
    result,
    previous: '{ }',
    context: '{ }',
  })
}

const insert = (token: string, values: readonly Buffer[]) =>
  createSinkTable(engine.clickhouse, SINK_TABLES.actions).insert({
    topic: 'investigation.actions.v1',
    partition: 0,
    epoch: 1,
    token,
    records: values.map((value, offset) => ({ offset, value })),
  })

it('[N6] the last label of an incident stands, whichever command gave it; rejected ones do not count', async () => {
  const reads = createReads(engine.clickhouse)
  expect(await labelledIncidents(reads, range)).toEqual([])
  await insert('a:1', [
    action(1, 'label', { label: 'real' }),
    action(2, 'status_change', { status: 'resolved', label: 'noise' }),
    action(3, 'status_change', { status: 'open' }),
    action(4, 'label', { label: 'duplicate' }, 'forbidden'),
  ])
  expect(await labelledIncidents(reads, range)).toEqual([
    { id: 'inc-1', label: 'noise', openedAt: OPENED_MS, services: ['payment'] },
  ])
  expect(await labelledIncidents(reads, { ...range, project: 'other' })).toEqual([])
  expect(await labelledIncidents(reads, { ...range, toMs: OPENED_MS })).toEqual([])
  await insert('a:2', [action(5, 'label', { label: null })])
  expect(await labelledIncidents(reads, range)).toEqual([])
})
