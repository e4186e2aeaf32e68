import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { startTestEngine } from './test-engine.ts'

const WINDOW = 'SETTINGS non_replicated_deduplication_window = 100'
const BLOCK_ROWS = 10

async function insertBlock(clickhouse: ClickHouse, block: number, table = 'base'): Promise<void> {
  const rows = Array.from({ length: BLOCK_ROWS }, (_, row) => `{"n":${block * BLOCK_ROWS + row}}\n`)
  await clickhouse.insertRaw({
    table,
    format: 'JSONEachRow',
    body: Buffer.from(rows.join('')),
    settings: {
      async_insert: 0,
      insert_deduplication_token: `t:${block}`,
      deduplicate_blocks_in_dependent_materialized_views: 1,
    },
  })
}

async function folderOf(clickhouse: ClickHouse, table: string): Promise<string> {
  const [found] = await clickhouse.query<{ path: string }>(
    `SELECT arrayElement(data_paths, 1) AS path FROM system.tables WHERE database = 'faultline' AND name = '${table}'`,
  )
  if (found === undefined) throw new Error(`there is no table ${table}`)
  return found.path
}

async function counts(clickhouse: ClickHouse): Promise<{ base: number; rollup: number }> {
  const [found] = await clickhouse.query<{ base: number; rollup: number }>(
    'SELECT toUInt32((SELECT count() FROM base)) AS base, toUInt32((SELECT sum(c) FROM rollup)) AS rollup',
  )
  return found ?? { base: 0, rollup: 0 }
}

/** What a kill between the log entry and the name of the part leaves behind. */
function unbear(folder: string): void {
  const parts = readdirSync(folder).filter((name) => /^all_\d+_\d+_\d+$/.test(name))
  const newest = parts.toSorted((a, b) => Number(a.split('_')[1]) - Number(b.split('_')[1])).at(-1)
  if (newest === undefined) throw new Error(`no part in ${folder}`)
  rmSync(join(folder, newest), { recursive: true })
}

/** What ClickHouse does eight minutes after a mutation; the number of parts that it made. */
function dropUnmutated(folder: string): number {
  const fields = (name: string): number => name.split('_').length
  const parts = readdirSync(folder).filter((name) => /_\d+_\d+_\d+$/.test(name))
  for (const part of parts.filter((name) => fields(name) < 5))
    rmSync(join(folder, part), { recursive: true })
  return parts.filter((name) => fields(name) === 5).length
}

describe('a block that a kill cut short', () => {
  it.each([
    { unborn: ['base', 'rollup'], before: { base: 20, rollup: 20 } },
    { unborn: ['base'], before: { base: 20, rollup: 30 } },
    { unborn: ['rollup'], before: { base: 30, rollup: 20 } },
  ])(
    '[CH26] counts when it is sent again, though its token is in the log of $unborn',
    async ({ unborn, before }) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'faultline-unborn-'))
      const first = await startTestEngine({ dataDir })
      await first.clickhouse.command(
        `CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n ${WINDOW}`,
      )
      await first.clickhouse.command(
        `CREATE TABLE rollup (c UInt64) ENGINE = SummingMergeTree ORDER BY tuple() ${WINDOW}`,
      )
      await first.clickhouse.command(
        'CREATE MATERIALIZED VIEW to_rollup TO rollup AS SELECT count() AS c FROM base',
      )
      for (const table of ['base', 'rollup'])
        await first.clickhouse.command(`SYSTEM STOP MERGES ${table}`)
      for (const block of [0, 1, 2]) await insertBlock(first.clickhouse, block)
      const folders = await Promise.all(unborn.map((table) => folderOf(first.clickhouse, table)))
      await first.stop()
      for (const folder of folders) unbear(folder)

      const told: string[] = []
      await using second = await startTestEngine({
        dataDir,
        onUnbornParts: (parts) => told.push(...parts),
      })
      expect(told).toHaveLength(unborn.length)
      expect(await counts(second.clickhouse)).toEqual(before)
      // The control: the tokens of blocks that have their parts are still known, and nothing is doubled.
      for (const block of [0, 1, 2, 2]) await insertBlock(second.clickhouse, block)
      expect(await counts(second.clickhouse)).toEqual({ base: 30, rollup: 30 })
      rmSync(dataDir, { recursive: true, force: true })
    },
  )

  it('[CH26] an entry that a full disk cut short keeps no table closed', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'faultline-unborn-'))
    const first = await startTestEngine({ dataDir })
    await first.clickhouse.command(
      `CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n ${WINDOW}`,
    )
    for (const block of [0, 1]) await insertBlock(first.clickhouse, block)
    const folder = await folderOf(first.clickhouse, 'base')
    await first.stop()
    appendFileSync(join(folder, 'deduplication_logs', 'deduplication_log_1.txt'), '1\tall_3_')
    await using second = await startTestEngine({ dataDir })
    for (const block of [0, 1, 2]) await insertBlock(second.clickhouse, block)
    expect(await second.clickhouse.query('SELECT toUInt32(count()) AS n FROM base')).toEqual([
      { n: 30 },
    ])
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('[CH26] parts merged, and parts dropped on purpose, keep their entries', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'faultline-unborn-'))
    const first = await startTestEngine({ dataDir })
    await first.clickhouse.command(
      `CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n PARTITION BY intDiv(n, 20) ${WINDOW}`,
    )
    for (const block of [0, 1, 2, 3]) await insertBlock(first.clickhouse, block)
    await first.clickhouse.command('OPTIMIZE TABLE base PARTITION 0 FINAL')
    await first.clickhouse.command('ALTER TABLE base DROP PARTITION 1')
    const folder = await folderOf(first.clickhouse, 'base')
    await first.stop()
    const log = join(folder, 'deduplication_logs', 'deduplication_log_1.txt')
    const before = readFileSync(log, 'utf8')
    const told: string[] = []
    await using second = await startTestEngine({
      dataDir,
      onUnbornParts: (parts) => told.push(...parts),
    })
    for (const block of [0, 1]) await insertBlock(second.clickhouse, block)
    expect(await second.clickhouse.query('SELECT toUInt32(count()) AS n FROM base')).toEqual([
      { n: 20 },
    ])
    expect(told).toEqual([])
    expect(readFileSync(log, 'utf8')).toBe(before)
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('[CH26] parts mutated keep their entries, whatever the id of their partition looks like', async () => {
    const partitions = [
      'tuple()',
      'toDate(intDiv(n, 10))',
      'toYYYYMM(toDate(n))',
      '(intDiv(n, 10), toInt32(intDiv(n, 10)) - 5, toDate(intDiv(n, 10)))',
      "concat('a_1_2_3_', toString(intDiv(n, 10)))",
    ]
    const tables = partitions.map((partition, at) => ({ table: `base_${at}`, partition }))
    const dataDir = mkdtempSync(join(tmpdir(), 'faultline-unborn-'))
    const first = await startTestEngine({ dataDir })
    const folders: string[] = []
    for (const { table, partition } of tables) {
      await first.clickhouse.command(
        `CREATE TABLE ${table} (n UInt32) ENGINE = MergeTree ORDER BY n PARTITION BY ${partition} ${WINDOW}`,
      )
      for (const block of [0, 1]) await insertBlock(first.clickhouse, block, table)
      await first.clickhouse.command(`ALTER TABLE ${table} DELETE WHERE n = 1000`, {
        settings: { mutations_sync: '1' },
      })
      folders.push(await folderOf(first.clickhouse, table))
    }
    await first.stop()
    for (const folder of folders) expect(dropUnmutated(folder)).toBeGreaterThan(0)
    const told: string[] = []
    await using second = await startTestEngine({
      dataDir,
      onUnbornParts: (parts) => told.push(...parts),
    })
    expect(told).toEqual([])
    for (const { table } of tables) {
      for (const block of [0, 1]) await insertBlock(second.clickhouse, block, table)
      const rows = await second.clickhouse.query(`SELECT toUInt32(count()) AS n FROM ${table}`)
      expect(rows).toEqual([{ n: 20 }])
    }
    rmSync(dataDir, { recursive: true, force: true })
  })
})
