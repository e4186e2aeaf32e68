import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { MetricsQuery, MomentOf, Reads } from '#/schemas/reads.ts'
import { createReads } from './reads.ts'
import { ALL_INCIDENTS } from './test-queries.ts'

const MINUTE_MS = 60_000
const HOUR_AGO_MS = Math.floor(systemClock.nowMs() / MINUTE_MS) * MINUTE_MS - 60 * MINUTE_MS
/** The moment: thirty and a half minutes after everything began. */
const AT_MS = HOUR_AGO_MS + 30 * MINUTE_MS + 30_000
const IN_TIME = 40
const LATE = 7
const AFTER = 11

let engine: TestEngine
let reads: Reads
const at = (ms: number): string => `fromUnixTimestamp64Milli(toInt64(${ms}))`

/** Errors of one issue, a second apart. */
async function insertErrors(
  name: string,
  count: number,
  times: { fromMs: number; lateMs: number },
) {
  const occurred = `${at(times.fromMs)} + toIntervalSecond(number)`
  await engine.clickhouse.command(
    `INSERT INTO events (project, event_id, event_type, service, severity, fingerprint, occurred_at, received_at)
     SELECT 'default', concat('${name}-', toString(number)), 'error', 'shop', 4, 'f1', ${occurred},
       ${occurred} + toIntervalMillisecond(${times.lateMs}) FROM numbers(${count})`,
  )
}

interface Step {
  id: string
  seq: number
  status: string
  atMs: number
  recordedMs: number
  redirectTo?: string
}

async function insertStep({ id, seq, status, atMs, recordedMs, redirectTo = '' }: Step) {
  const number = id === 'early' ? 1 : 2
  const times = { openedAt: HOUR_AGO_MS, updatedAt: atMs, lastActivityAt: atMs, resolvedAt: null }
  const members = [{ key: 'f1', fingerprint: 'f1', title: 'f1', firstAt: HOUR_AGO_MS }]
  const rest = { title: id, services: ['shop'], redirectTo, causes: [], timeline: [] }
  const incident = { id, number, project: 'default', seq, status, ...times, members, ...rest }
  const detail = JSON.stringify(incident).replaceAll("'", "''")
  await engine.clickhouse.command(
    `INSERT INTO incident_events (project, incident_id, number, seq, kind, at, sentence, status, title, severity,
       opened_at, updated_at, services, fingerprints, redirect_to, detail, recorded_at)
     VALUES ('default', '${id}', ${number}, ${seq}, '${seq === 1 ? 'opened' : 'status'}', ${at(atMs)}, 'step ${seq}',
       '${status}', '${id}', 2, ${at(HOUR_AGO_MS)}, ${at(atMs)}, ['shop'], ['f1'], '${redirectTo}', '${detail}', ${at(recordedMs)})`,
  )
}

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 30 })
  await insertErrors('in-time', IN_TIME, { fromMs: AT_MS - 60_000, lateMs: 200 })
  // They happened before the moment and came twenty minutes later.
  await insertErrors('late', LATE, { fromMs: AT_MS - 60_000, lateMs: 20 * MINUTE_MS })
  await insertErrors('after', AFTER, { fromMs: AT_MS + 1, lateMs: 200 })
  const inTime = (ms: number) => ({ atMs: ms, recordedMs: ms + 1_000 })
  await insertStep({ id: 'early', seq: 1, status: 'open', ...inTime(AT_MS - 10 * MINUTE_MS) })
  await insertStep({ id: 'early', seq: 2, status: 'investigating', ...inTime(AT_MS - 60_000) })
  const gone = { status: 'resolved', redirectTo: 'elsewhere' }
  await insertStep({ id: 'early', seq: 3, ...gone, ...inTime(AT_MS + 60_000) })
  // What came late was found out late, about the time it happened.
  const late = { atMs: AT_MS - 60_000, recordedMs: AT_MS + 20 * MINUTE_MS }
  await insertStep({ id: 'found-late', seq: 1, status: 'open', ...late })
  reads = createReads(engine.clickhouse)
})
afterAll(() => engine.stop())

const known: MomentOf = { atMs: AT_MS, knowledge: 'known' }
const happened: MomentOf = { atMs: AT_MS, knowledge: 'true' }

async function errors(moment: MomentOf | undefined): Promise<number> {
  const query: MetricsQuery = {
    project: 'default',
    from: HOUR_AGO_MS,
    to: systemClock.nowMs(),
    filters: [],
    text: '',
    metric: 'errors',
    stepMs: MINUTE_MS,
    groupBy: 'service',
    limit: 10,
    moment,
  }
  const { points } = await reads.metrics(query)
  return points.reduce((sum, { value }) => sum + value, 0)
}

async function list(moment: MomentOf | undefined) {
  const query = { ...ALL_INCIDENTS, status: ['open' as const, 'investigating' as const], moment }
  const { items } = await reads.incidents(query)
  expect(items.every(({ silenced }) => typeof silenced === 'boolean')).toBe(true)
  return items.map(({ id, status, errors: count }) => `${id} ${status} ${count}`).toSorted()
}

describe('[N2] a moment of the past', () => {
  it('counts for a chart what was received by then, or what had happened, and they differ by what came late', async () => {
    expect(await errors(undefined)).toBe(IN_TIME + LATE + AFTER)
    expect(await errors(known)).toBe(IN_TIME)
    expect(await errors(happened)).toBe(IN_TIME + LATE)
    // Once the late ones are there, nothing differs any more.
    const later = AT_MS + 25 * MINUTE_MS
    expect(await errors({ ...known, atMs: later })).toBe(await errors({ ...happened, atMs: later }))
  })

  it('shows incidents as they were: before a merge, before they were found, with the counts of then', async () => {
    expect(await list(undefined)).toEqual([`found-late open ${IN_TIME + LATE + AFTER}`])
    expect(await list(known)).toEqual([`early investigating ${IN_TIME}`])
    expect(await list(happened)).toEqual([
      `early investigating ${IN_TIME + LATE}`,
      `found-late open ${IN_TIME + LATE}`,
    ])
    expect(await list({ ...known, atMs: AT_MS - 5 * MINUTE_MS })).toEqual(['early open 0'])
    expect(await list({ ...known, atMs: HOUR_AGO_MS })).toEqual([])
  })

  it('shows one incident as it was, with chart, timeline and counts; one that was not there is not found', async () => {
    const read = (id: string, moment: MomentOf) =>
      reads.incident({ project: 'default', id, moment })
    const then = await read('early', known)
    expect(then?.incident).toMatchObject({ status: 'investigating', redirectTo: '' })
    expect(then?.incident.timeline.map(({ sentence }) => sentence)).toEqual(['step 1', 'step 2'])
    expect(then?.errors).toBe(IN_TIME)
    expect(then?.chart.reduce((sum, { value }) => sum + value, 0)).toBe(IN_TIME)
    expect((await read('early', happened))?.errors).toBe(IN_TIME + LATE)
    expect(await read('2', known)).toBeNull()
    expect((await read('2', happened))?.incident.id).toBe('found-late')
  })
})
