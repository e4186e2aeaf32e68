import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createSinkTable, SINK_TABLES } from '#/clickhouse/sink-table.ts'
import { encode } from '#/schemas/codec.ts'
import type { DeliveryReads } from '#/schemas/notify-view.ts'
import type { Delivery } from '#/schemas/records.ts'
import { createDeliveryReads } from './deliveries.ts'

const MONDAY = Date.parse('2026-11-23T00:00:00+01:00')
const HOUR = 3_600_000
const DAY = 24 * HOUR

let engine: TestEngine
let reads: DeliveryReads

const step = (id: string, change: Partial<Delivery>): Delivery => ({
  project: 'p',
  delivery_id: id,
  incident_id: id,
  incident_number: 3,
  incident_seq: 1,
  at: MONDAY,
  reason: 'opened',
  target: 'hook',
  target_kind: 'webhook',
  status: 'delivered',
  attempt: 1,
  next_at: null,
  status_code: 204,
  duration_ms: 12,
  detail: '',
  title: 'it fails',
  severity: 2,
  on_call: 'ada',
  is_page: true,
  is_night: false,
  content: '',
  ...change,
})

const STEPS: readonly Delivery[] = [
  step('a', {
    status: 'waiting',
    attempt: 0,
    next_at: MONDAY,
    status_code: 0,
    duration_ms: null,
    content: '{}',
  }),
  step('a', {
    at: MONDAY + 1,
    status: 'retrying',
    status_code: 500,
    detail: 'answered 500',
    next_at: MONDAY + 9,
  }),
  step('a', { at: MONDAY + 9, attempt: 2 }),
  // The same step of the same incident, told to another target: one page.
  step('a2', { incident_id: 'a', at: MONDAY + 5, target: 'team' }),
  // Before and after midnight is one night; the next is another.
  step('b', { at: MONDAY + 23 * HOUR, is_night: true }),
  step('c', { at: MONDAY + 25 * HOUR, is_night: true }),
  step('d', { at: MONDAY + 47 * HOUR, is_night: true, on_call: 'bob' }),
  step('e', { at: MONDAY + 8 * DAY }),
  // No pages: an end, one that failed, another project.
  step('f', { at: MONDAY + HOUR, reason: 'resolved', is_page: false }),
  step('g', { at: MONDAY + HOUR, status: 'failed', detail: 'answered 410' }),
  step('h', { project: 'q' }),
]

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
  reads = createDeliveryReads(engine.clickhouse)
  await createSinkTable(engine.clickhouse, SINK_TABLES.deliveries).insert({
    topic: 'deliveries',
    partition: 0,
    epoch: 1,
    token: 't',
    records: STEPS.map((value, offset) => ({ offset, value: encode('Delivery', 1, value) })),
  })
})
afterAll(() => engine.stop())

const base = { project: 'p', from: MONDAY - DAY, to: MONDAY + 30 * DAY }
const page = { ...base, status: [], targets: [], incidentId: '', cursor: null, limit: 100 }

describe('deliveries', () => {
  it('[J1] are listed with every attempt, newest first', async () => {
    const { items, next } = await reads.deliveries(page)
    expect(items.map(({ delivery_id: id }) => id)).toEqual([
      'e',
      'd',
      'c',
      'b',
      'g',
      'f',
      'a2',
      'a',
    ])
    expect(next).toBeNull()
    expect(items.at(-1)).toMatchObject({
      status: 'delivered',
      planned_at: MONDAY,
      next_at: null,
      steps: [
        { status: 'waiting', attempt: 0, duration_ms: null },
        { status: 'retrying', attempt: 1, status_code: 500, detail: 'answered 500' },
        { status: 'delivered', attempt: 2, status_code: 204, duration_ms: 12 },
      ],
    })
  })

  it('[J1] are found by state, target and incident, page by page', async () => {
    const ids = async (change: Partial<typeof page> | object) =>
      (await reads.deliveries({ ...page, ...change })).items.map(({ delivery_id: id }) => id)
    expect(await ids({ status: ['failed'] })).toEqual(['g'])
    expect(await ids({ targets: ['team'] })).toEqual(['a2'])
    expect(await ids({ incidentId: 'a' })).toEqual(['a2', 'a'])
    const first = await reads.deliveries({ ...page, limit: 5 })
    expect(await ids({ cursor: first.next, limit: 5 })).toEqual(['f', 'a2', 'a'])
  })

  it('[J8] pages and nights are counted for each person', async () => {
    const { people } = await reads.load({ ...base, timeZone: 'Europe/Berlin' })
    expect(people).toEqual([
      { person: 'ada', pages: 4, nights: 1, incidents: 4 },
      { person: 'bob', pages: 1, nights: 1, incidents: 1 },
    ])
  })

  it('[D6] pages are counted by the week', async () => {
    const { weeks } = await reads.load({ ...base, timeZone: 'Europe/Berlin' })
    expect(weeks).toEqual([
      { week: MONDAY, pages: 4, nights: 2, incidents: 4 },
      { week: MONDAY + 7 * DAY, pages: 1, nights: 0, incidents: 1 },
    ])
  })
})
