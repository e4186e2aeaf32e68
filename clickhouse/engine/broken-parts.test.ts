import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { repairParts } from './broken-parts.ts'
import type { Ask } from './broken-parts.ts'
import { startTestEngine } from './test-engine.ts'

const ROWS = 100

async function insertBlock(clickhouse: ClickHouse, block: number): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, row) => `{"n":${block * ROWS + row}}\n`)
  await clickhouse.insertRaw({
    table: 'base',
    format: 'JSONEachRow',
    body: Buffer.from(rows.join('')),
    settings: { async_insert: 0, insert_deduplication_token: `t:${block}` },
  })
}

/** What a full disk leaves of a part, with nobody told. */
function cutShort(folder: string, part: RegExp): void {
  const name = readdirSync(folder).find((one) => part.test(one))
  if (name === undefined) throw new Error(`no part ${String(part)}`)
  truncateSync(join(folder, name, 'data.bin'), 0)
}

it('[CH28] a broken part is dropped with its token, or left to a new start with those it was made of', async () => {
  await using test = await startTestEngine()
  const { clickhouse, engine } = test
  const ask: Ask = async (sql) => {
    if (sql.startsWith('ALTER')) return clickhouse.command(sql).then(() => [])
    const rows = await clickhouse.query<Record<string, unknown>>(sql)
    return rows.map((row) => Object.values(row).map(String).join('\t'))
  }
  const count = async (): Promise<unknown> =>
    clickhouse.query('SELECT toUInt32(sum(n >= 0)) AS rows FROM base')
  await clickhouse.command(
    'CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100',
  )
  await clickhouse.command('SYSTEM STOP MERGES base')
  const [table] = await clickhouse.query<{ path: string }>(
    "SELECT arrayElement(data_paths, 1) AS path FROM system.tables WHERE name = 'base'",
  )
  const folder = table?.path ?? ''
  for (const block of [0, 1, 2]) await insertBlock(clickhouse, block)
  expect(await repairParts(ask, 0)).toBe('mended')
  expect(await count()).toEqual([{ rows: 3 * ROWS }])

  cutShort(folder, /^all_2_2_/)
  expect(await repairParts(ask, 0)).toBe('mended')
  expect(await count()).toEqual([{ rows: 2 * ROWS }])
  for (const block of [0, 1, 2]) await insertBlock(clickhouse, block)
  expect(await count()).toEqual([{ rows: 3 * ROWS }])

  await clickhouse.command('SYSTEM START MERGES base')
  await clickhouse.command('OPTIMIZE TABLE base FINAL')
  cutShort(folder, /^all_1_\d+_[1-9]/)
  expect(await repairParts(ask, 0)).toBe('restart')
  if (engine.pid !== undefined) process.kill(engine.pid, 'SIGKILL')
  await systemClock.sleep(100)
  for (let attempt = 0; attempt < 200 && engine.pid === undefined; attempt += 1)
    await systemClock.sleep(50)
  expect(await count()).toEqual([{ rows: 3 * ROWS }])
})
