import { describe, expect, it } from 'vitest'
import type { ClickHouse } from './client.ts'
import { loadMigrations, loadViews } from './ddl.ts'
import { migrate } from './migrate.ts'
import { createShadow } from './shadow.ts'

// The embedded engine has no replicated tables: here the text of the statements is looked at, not their effect.
const options = { retentionDays: 30, cluster: 'main' }
const ON = "ON CLUSTER 'main'"

/** A server that takes every statement and knows nothing. */
function recorder(): { clickhouse: ClickHouse; statements: string[] } {
  const statements: string[] = []
  const clickhouse = {
    database: 'faultline',
    command: async (sql: string) => void statements.push(sql),
    query: async () => [],
  } as unknown as ClickHouse
  return { clickhouse, statements }
}

describe('statements for a cluster', () => {
  const statements = loadMigrations(options).flatMap((migration) => migration.statements)

  it('[K5] every table is made on the cluster, replicated, and remembers tokens for a week', () => {
    const tables = statements.filter((sql) => sql.startsWith('CREATE TABLE'))
    expect(tables.length).toBeGreaterThan(10)
    for (const sql of tables) {
      expect(sql).toMatch(/^CREATE TABLE IF NOT EXISTS \w+ ON CLUSTER 'main' \(/)
      expect(sql).toMatch(/ENGINE = Replicated(Aggregating|Replacing)?MergeTree\(/)
      expect(sql).not.toContain('non_replicated_deduplication_window')
    }
    const windows = tables.filter((sql) => sql.includes('replicated_deduplication_window = 10000'))
    const single = loadMigrations({ retentionDays: 30 }).flatMap((one) => one.statements)
    const wanted = single.filter((sql) => sql.includes('non_replicated_deduplication_window'))
    expect(windows).toHaveLength(wanted.length)
    for (const sql of windows) expect(sql).toContain('deduplication_window_seconds = 604800')
  })

  it('[K5] every view is made on the cluster', () => {
    for (const { statement } of loadViews(options).views)
      expect(statement).toMatch(/^CREATE MATERIALIZED VIEW \w+ ON CLUSTER 'main' TO /)
  })

  it('[K5] nothing of a migration or of a replay is done on one node alone', async () => {
    const { clickhouse, statements: done } = recorder()
    await migrate(clickhouse, options)
    const shadow = createShadow(clickhouse, 'events', options)
    await shadow.create(2, [])
    await shadow.exchange(2)
    await shadow.drop(2)
    const ddl = done.filter((sql) => /^(CREATE|DROP|ALTER|EXCHANGE)/.test(sql))
    expect(ddl.length).toBeGreaterThan(50)
    expect(ddl.filter((sql) => !sql.includes(ON))).toEqual([])
  })

  it('a single server gets none of it', () => {
    const plain = loadMigrations({ retentionDays: 30 }).flatMap((one) => one.statements)
    expect(plain.join('\n')).not.toMatch(/ON CLUSTER|Replicated(?!\w*_)|[^_]replicated_/)
  })
})
