import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createSinkTable, SINK_TABLES } from '#/clickhouse/sink-table.ts'
import { batchOf } from '#/clickhouse/test-events.ts'
import { createManualClock, systemClock } from '#/kernel/clock.ts'
import type { Event } from '#/schemas/records.ts'
import type { EventFilter, MetricsQuery, Reads } from '#/schemas/reads.ts'
import { createReads } from './reads.ts'

const options = { retentionDays: 3650 }
const HOUR_MS = 3_600_000
const nowMs = systemClock.nowMs()
let engine: TestEngine
let reads: Reads
let all: Event[] = []

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, options)
  const { events, batch } = batchOf(0, 2000)
  all = events.filter((event) => event.project === 'default')
  await createSinkTable(engine.clickhouse, SINK_TABLES.events).insert(batch)
  reads = createReads(engine.clickhouse)
})
afterAll(() => engine.stop())

const service: EventFilter = { field: 'service', values: ['payment'], exclude: false }
/** Ends that fall between two minutes, right at an event, and where there is nothing. */
const ragged = (): [from: number, to: number][] => {
  const times = all.map(({ occurred_at }) => occurred_at).toSorted((a, b) => a - b)
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0
  return [
    [nowMs - 30 * HOUR_MS + 1, nowMs + HOUR_MS + 1],
    [at(0.3), Math.max(at(0.9), at(0.3) + HOUR_MS)],
    [at(0.5) - HOUR_MS, at(0.5)],
  ]
}

const textOf = (event: Event, field: string): string => {
  const value = event[field as keyof Event]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function recount(chosen: readonly Event[], field: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const event of chosen) {
    const value = textOf(event, field)
    if (value !== '' && value !== '0') counts[value] = (counts[value] ?? 0) + 1
  }
  return counts
}

describe('counts of a selection', () => {
  const facets = ['event_type', 'severity', 'service', 'release', 'error_type', 'host'] as const
  const filterSets: EventFilter[][] = [
    [],
    [service],
    [{ field: 'method', values: ['GET'], exclude: false }],
  ]

  it('[B6] [B8] facets, histogram and statistics are a recount, from rollups with the events at both ends', async () => {
    for (const [from, to] of ragged()) {
      for (const filters of filterSets) {
        const selection = { project: 'default', from, to, filters, text: '' }
        const chosen = all.filter(
          (event) =>
            event.occurred_at >= from &&
            event.occurred_at < to &&
            filters.every(({ field, values }) => values.includes(textOf(event, field))),
        )
        const asked = { ...selection, cursor: null, limit: 5, facets, stepMs: 600_000 }
        const view = await reads.search(asked)
        expect(view.total).toBe(chosen.length)
        for (const { field, values } of view.facets) {
          const counted = recount(chosen, field)
          expect(values.length, field).toBe(Math.min(12, Object.keys(counted).length))
          for (const { value, events } of values) expect(events, field).toBe(counted[value])
        }
        const stats = await reads.eventStats(selection)
        const times = chosen.map(({ occurred_at }) => occurred_at)
        expect(stats).toMatchObject({
          total: chosen.length,
          first_at: times.length === 0 ? null : Math.min(...times),
          last_at: times.length === 0 ? null : Math.max(...times),
        })
      }
    }
  }, 120_000)
})

describe('counts and users by the minute', () => {
  const range = { project: 'default', from: nowMs - 30 * HOUR_MS, to: nowMs + HOUR_MS }
  const base = { ...range, text: '', stepMs: 600_000, limit: 2 }
  /** A filter no rollup knows and every event passes: the answer comes from the events. */
  const raw: EventFilter = { field: 'method', values: ['nothing'], exclude: true }
  const lines = async (query: MetricsQuery) => {
    const { points } = await reads.metrics(query)
    return points.map(({ at, series, value }) => `${at} ${series} ${value.toFixed(9)}`)
  }

  it('[B8] series of the largest values and of all others are those of the events', async () => {
    for (const metric of ['events', 'errors', 'error_rate'] as const)
      for (const groupBy of ['service', 'release', 'route', 'severity'] as const)
        for (const filters of [[], [service]]) {
          const found = await lines({ ...base, metric, groupBy, filters })
          expect(found.length).toBeGreaterThan(3)
          expect(found).toEqual(
            await lines({ ...base, metric, groupBy, filters: [...filters, raw] }),
          )
        }
  }, 120_000)

  it('[B8] steps shorter than a minute, of rollups and past what they keep, are those of the events', async () => {
    const query = { ...base, stepMs: 30_000, metric: 'events', groupBy: 'service' } as const
    const wanted = await lines({ ...query, filters: [raw] })
    expect(wanted.length).toBeGreaterThan(10)
    expect(await lines({ ...query, filters: [] })).toEqual(wanted)
    // Three days on, what is finer than a minute is gone from the rollups, or about to go.
    const later = createReads(engine.clickhouse, createManualClock(nowMs + 72 * HOUR_MS))
    const asked = { ...range, ...query, filters: [] }
    expect((await later.metrics(asked)).points).toEqual((await reads.metrics(asked)).points)
    const search = { ...asked, cursor: null, facets: ['service'] as const }
    const [now, then] = [await reads.search(search), await later.search(search)]
    expect(then.histogram).toEqual(now.histogram)
    expect(then.total).toBe(all.length)
    const one = { ...range, stepMs: 30_000, service: 'payment' }
    expect((await later.service(one))?.rates).toEqual((await reads.service(one))?.rates)
  }, 60_000)

  it('[B8] users are those of the events, in all and of one service', async () => {
    for (const filters of [
      [],
      [service],
      [{ field: 'event_type', values: ['error'], exclude: false }],
    ] satisfies EventFilter[][]) {
      const query = {
        ...base,
        from: nowMs - 9 * HOUR_MS,
        metric: 'users',
        groupBy: null,
        filters,
      } as const
      expect(await lines(query)).toEqual(await lines({ ...query, filters: [...filters, raw] }))
      const stats = await reads.eventStats({ ...range, filters, text: '' })
      const users = all.filter((event) =>
        filters.every(({ field, values }) => values.includes(textOf(event, field))),
      )
      expect(stats.users).toBe(new Set(users.map(({ user_id }) => user_id)).size)
    }
  }, 60_000)

  it('statistics of a release, which hours do not know', async () => {
    const filters: EventFilter[] = [{ field: 'release', values: ['v1'], exclude: false }]
    const stats = await reads.eventStats({ ...range, filters, text: '' })
    expect(stats.total).toBe(all.filter(({ release }) => release === 'v1').length)
  })

  it('[B8] tables that were filled before there were any are filled from the events', async () => {
    const { clickhouse } = engine
    const content = async (): Promise<unknown> =>
      clickhouse.query(
        `SELECT bucket, service, severity, release, error_type, sum(events) AS n, sum(failures) AS f,
           (SELECT groupArray((bucket, event_type, u)) FROM (SELECT bucket, event_type, uniqCombinedMerge(12)(users) AS u FROM users_1m GROUP BY ALL ORDER BY ALL)) AS users
         FROM volume_1m GROUP BY ALL ORDER BY ALL`,
      )
    const before = await content()
    for (const table of ['volume_1m', 'users_1m']) {
      await clickhouse.command(`DROP VIEW ${table}_view`)
      await clickhouse.command(`DROP TABLE ${table} SYNC`)
    }
    const again = async (): Promise<void> => {
      await clickhouse.command(
        'ALTER TABLE schema_migrations DELETE WHERE number = 10 SETTINGS mutations_sync = 1',
      )
      expect((await migrate(clickhouse, options)).applied).toEqual(['0010 volume'])
    }
    await again()
    expect(await content()).toEqual(before)
    // A start that ended half way does it again, and nothing is counted twice.
    await again()
    expect(await content()).toEqual(before)
  }, 60_000)
})

describe('durations by the minute', () => {
  const range = { project: 'default', from: nowMs - 6 * HOUR_MS, to: nowMs + HOUR_MS }
  const base = { ...range, text: '', stepMs: 60_000, limit: 5, metric: 'latency_p95' } as const
  const raw: EventFilter = { field: 'method', values: ['nothing'], exclude: true }
  const of = async (filters: EventFilter[], groupBy: 'service' | null) => {
    const { points } = await reads.metrics({ ...base, filters, groupBy })
    return points.map(({ at, series, value }) => `${at} ${series} ${value.toFixed(6)}`)
  }

  it('[B8] in all, of one service and by service they are those of the events', async () => {
    for (const groupBy of [null, 'service'] as const)
      for (const filters of [[], [service]])
        expect(await of(filters, groupBy)).toEqual(await of([...filters, raw], groupBy))
    expect((await of([], null)).length).toBeGreaterThan(10)
  }, 60_000)

  it('tables that were filled before there were any are filled from the minutes of events', async () => {
    const before = await of([], null)
    const { clickhouse } = engine
    await clickhouse.command('DROP VIEW durations_1m_view')
    await clickhouse.command('DROP TABLE durations_1m SYNC')
    await clickhouse.command(
      'ALTER TABLE schema_migrations DELETE WHERE number = 9 SETTINGS mutations_sync = 1',
    )
    const report = await migrate(clickhouse, options)
    expect(report).toMatchObject({
      applied: ['0009 durations'],
      views: ['durations_1m_view'],
    })
    expect(await of([], null)).toEqual(before)
    // A start that ended half way does it again, and nothing is counted twice.
    await clickhouse.command('DROP VIEW durations_1m_view')
    await clickhouse.command(
      'ALTER TABLE schema_migrations DELETE WHERE number = 9 SETTINGS mutations_sync = 1',
    )
    await migrate(clickhouse, options)
    expect(await of([], null)).toEqual(before)
  }, 60_000)

  it('what is older than they are comes from where it came from', async () => {
    const { clickhouse } = engine
    const old = { ...base, from: nowMs - 5 * 24 * HOUR_MS, to: nowMs - 4 * 24 * HOUR_MS }
    const asked: string[] = []
    const spy = createReads({
      ...clickhouse,
      query: (sql, given) => {
        asked.push(sql)
        return clickhouse.query(sql, given)
      },
    })
    await spy.metrics({ ...old, filters: [service], groupBy: null })
    await spy.service({ ...old, service: 'payment' })
    await spy.services({ ...old, to: old.from + HOUR_MS })
    expect(asked.filter((sql) => sql.includes('durations_1m'))).toEqual([])
    await spy.metrics({ ...base, filters: [service], groupBy: null })
    expect(asked.filter((sql) => sql.includes('FROM durations_1m'))).toHaveLength(1)
  })
})
