import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { columnsOf, ORIGIN_COLUMNS } from '#/schemas/columns.ts'
import type { Event } from '#/schemas/records.ts'
import { startTestEngine, type TestEngine } from './engine/test-engine.ts'
import { migrate } from './migrate.ts'
import { createSinkTable, SINK_TABLES } from './sink-table.ts'
import { batchOf } from './test-events.ts'

let engine: TestEngine
beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
})
afterAll(() => engine.stop())

const plain = (type: string): string => type.replaceAll(/LowCardinality\((\w+)\)/g, '$1')

describe('sink tables', () => {
  it('[CS1] the columns of every sink table are those of its record and where it came from', async () => {
    for (const { record, table } of Object.values(SINK_TABLES)) {
      const rows = await engine.clickhouse.query<{ name: string; type: string }>(
        'SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position',
        { params: { table } },
      )
      const wanted = [...columnsOf(record), ...ORIGIN_COLUMNS]
      expect(
        rows.map((row) => row.name),
        table,
      ).toEqual(wanted.map((column) => column.name))
      expect(
        rows.map((row) => plain(row.type)),
        table,
      ).toEqual(wanted.map((column) => plain(column.type)))
    }
  })

  it('[B8] [CS2] rollups equal a recount of random events, also after every batch was sent twice', async () => {
    const table = createSinkTable(engine.clickhouse, SINK_TABLES.events)
    const all: Event[] = []
    for (let from = 0; from < 3000; from += 750) {
      const { events, batch } = batchOf(from, 750)
      all.push(...events)
      await table.insert(batch)
      await table.insert(batch)
    }
    const [base] = await engine.clickhouse.query<{ rows: string; offsets: string }>(
      'SELECT count() AS rows, uniqExact(_offset) AS offsets FROM events',
    )
    expect(base).toEqual({ rows: '3000', offsets: '3000' })
    for (const rollup of ['events_10s', 'events_1m', 'events_1h', 'volume_1m']) {
      const rows = await engine.clickhouse.query<{ key: string; events: string; failures: string }>(
        `SELECT concat(project, '/', service, '/', event_type, '/', toString(severity)) AS key, sum(events) AS events, sum(failures) AS failures FROM ${rollup} GROUP BY key ORDER BY key`,
      )
      const recount = new Map<string, { events: number; failures: number }>()
      for (const event of all) {
        const key = `${event.project}/${event.service}/${event.event_type}/${event.severity}`
        const row = recount.get(key) ?? { events: 0, failures: 0 }
        row.events += 1
        row.failures += event.status_code >= 500 ? 1 : 0
        recount.set(key, row)
      }
      expect(
        new Map(
          rows.map((row) => [
            row.key,
            { events: Number(row.events), failures: Number(row.failures) },
          ]),
        ),
      ).toEqual(recount)
    }
    const [issue] = await engine.clickhouse.query<{ events: string; users: string }>(
      `SELECT sum(events) AS events, uniqCombinedMerge(12)(users) AS users FROM issues WHERE fingerprint = repeat('4', 64) AND project = 'default'`,
    )
    const members = all.filter(
      (event) =>
        event.event_type === 'error' && event.severity === 4 && event.project === 'default',
    )
    expect(Number(issue?.events)).toBe(members.length)
    expect(Number(issue?.users)).toBe(new Set(members.map((event) => event.user_id)).size)
  })

  it('[CS3] every value arrives as it was sent', async () => {
    const { events, batch } = batchOf(10_000, 20)
    await createSinkTable(engine.clickhouse, SINK_TABLES.events).insert(batch)
    const rows = await engine.clickhouse.query<Record<string, unknown>>(
      'SELECT event_id, message, service, attributes, tags, duration_ms, toUnixTimestamp64Milli(occurred_at) AS at, params, _topic, _epoch FROM events WHERE _offset >= 10000 ORDER BY _offset',
    )
    expect(rows).toEqual(
      events.map((event) => ({
        event_id: event.event_id,
        message: event.message,
        service: event.service,
        attributes: event.attributes,
        tags: event.tags,
        duration_ms: event.duration_ms,
        at: String(event.occurred_at),
        params: { p1: '3' },
        _topic: 'signals.fingerprinted.v1',
        _epoch: 1,
      })),
    )
  })

  it('[B4] another retention takes hold at the next start', async () => {
    const ttl = async (): Promise<string> => {
      const [row] = await engine.clickhouse.query<{ ddl: string }>(
        "SELECT create_table_query AS ddl FROM system.tables WHERE name = 'events' AND database = currentDatabase()",
      )
      return /toIntervalDay\((\d+)\)/.exec(row?.ddl ?? '')?.[1] ?? ''
    }
    expect(await ttl()).toBe('3650')
    await migrate(engine.clickhouse, { retentionDays: 90 })
    expect(await ttl()).toBe('90')
    await migrate(engine.clickhouse, { retentionDays: 3650 })
    expect(await ttl()).toBe('3650')
  })

  it('[B12] migrations are idempotent and refuse a changed file', async () => {
    expect(await migrate(engine.clickhouse, { retentionDays: 3650 })).toEqual({
      applied: [],
      views: [],
      writtenMeanwhile: [],
    })
    await engine.clickhouse.command(
      `INSERT INTO schema_migrations (number, name, checksum, applied_at) SELECT 1, 'events', 'other', now64(3) + 10`,
    )
    await expect(migrate(engine.clickhouse, { retentionDays: 30 })).rejects.toMatchObject({
      code: 'data_dir_version',
    })
  })
})
