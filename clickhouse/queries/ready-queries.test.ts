/** The ready-made queries of the SQL page, on real tables and through the guard. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { READY_QUERIES } from '#/dashboard/src/lib/sql/ready-queries.ts'
import { TABLES } from '#/dashboard/src/lib/sql/schema.ts'
import type { Reads } from '#/schemas/reads.ts'
import { createReads } from './reads.ts'

let engine: TestEngine
let reads: Reads
beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 30 })
  const columns =
    'project, event_id, event_type, occurred_at, received_at, service, route, severity, message, status_code, duration_ms'
  const row = (id: string, type: string, minutesAgo: number, rest: string): string =>
    `('default', '${id}', '${type}', now64(3) - toIntervalMinute(${minutesAgo}), now64(3), 'shop', ${rest})`
  await engine.clickhouse.command(
    `INSERT INTO events (${columns}) VALUES
      ${row('a', 'error', 5, "'/api/checkout', 4, 'Timeout after 3 s', 500, NULL")},
      ${row('b', 'error', 5, "'/api/checkout', 4, 'connection timeout: pool', 500, NULL")},
      ${row('c', 'error', 65, "'/api/cart', 4, 'null pointer', 500, NULL")},
      ${row('d', 'http_request', 10, "'/api/checkout', 2, '', 200, 12")},
      ${row('e', 'http_request', 90, "'/api/checkout', 2, 'timeout is a word here too', 200, 15")}`,
  )
  reads = createReads(engine.clickhouse)
})
afterAll(() => engine.stop())

const ask = (sql: string) =>
  reads.guardedSql({ project: 'default', sql, rowsMax: 1000, timeMsMax: 10_000 })
const named = (title: string): string =>
  READY_QUERIES.find((query) => query.title === title)?.sql ?? ''

describe('ready-made queries', () => {
  it('are at least twenty, and each has its own name', () => {
    expect(READY_QUERIES.length).toBeGreaterThanOrEqual(20)
    expect(new Set(READY_QUERIES.map(({ title }) => title)).size).toBe(READY_QUERIES.length)
  })

  it.each(READY_QUERIES)('[B13] run under the guard: $title', async ({ sql }) => {
    expect((await ask(sql)).columns.length).toBeGreaterThan(0)
  })

  it('[B7] all errors containing "timeout", any case, and errors only', async () => {
    const { rows } = await ask(named('All errors containing “timeout”'))
    expect(new Set(rows.map((row) => row.at(-1)))).toEqual(
      new Set(['Timeout after 3 s', 'connection timeout: pool']),
    )
  })

  it('[B7] events from /api/checkout in the last hour, of every type', async () => {
    const { rows } = await ask(named('Events from /api/checkout in the last hour'))
    expect(rows.map((row) => row[1])).toEqual(['error', 'error', 'http_request'])
  })

  it('[B7] error trends by route: errors a minute of each', async () => {
    const { rows } = await ask(named('Error trends by route'))
    expect(rows.map((row) => [row[1], Number(row[2])])).toEqual([
      ['/api/cart', 1],
      ['/api/checkout', 2],
    ])
  })

  it('the schema beside the editor names columns that exist', async () => {
    for (const table of TABLES) {
      const { columns } = await ask(`SELECT * FROM ${table.name} LIMIT 0`)
      const known = new Set(columns.map(({ name }) => name))
      const missing = table.columns.split(' ').filter((name) => !known.has(name))
      expect([table.name, missing]).toEqual([table.name, []])
    }
  })
})
