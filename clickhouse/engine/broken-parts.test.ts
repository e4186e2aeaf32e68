import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { repairParts } from './broken-parts.ts'
import type { Ask } from './broken-parts.ts'
import type { Engine } from './start-engine.ts'
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

const WINDOW = 'SETTINGS non_replicated_deduplication_window = 100'

async function folderOf(clickhouse: ClickHouse): Promise<string> {
  const [table] = await clickhouse.query<{ path: string }>(
    "SELECT arrayElement(data_paths, 1) AS path FROM system.tables WHERE name = 'base'",
  )
  return table?.path ?? ''
}

const count = (clickhouse: ClickHouse): Promise<unknown> =>
  clickhouse.query('SELECT toUInt32(sum(n >= 0)) AS rows FROM base')

/** Without a word, and until the next one serves. */
async function killEngine(engine: Engine): Promise<void> {
  const { restarts } = engine
  if (engine.pid !== undefined) process.kill(engine.pid, 'SIGKILL')
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (engine.restarts > restarts && engine.pid !== undefined) return
    await systemClock.sleep(50)
  }
  throw new Error('the engine did not come back')
}

it('[CH28] a broken part is dropped with its token, or left to a new start with those it was made of', async () => {
  await using test = await startTestEngine()
  const { clickhouse, engine } = test
  const ask: Ask = async (sql) => {
    if (sql.startsWith('ALTER')) return clickhouse.command(sql).then(() => [])
    const rows = await clickhouse.query<Record<string, unknown>>(sql)
    return rows.map((row) => Object.values(row).map(String).join('\t'))
  }
  await clickhouse.command(`CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n ${WINDOW}`)
  await clickhouse.command('SYSTEM STOP MERGES base')
  const folder = await folderOf(clickhouse)
  for (const block of [0, 1, 2]) await insertBlock(clickhouse, block)
  expect(await repairParts(ask, 0)).toBe('mended')
  expect(await count(clickhouse)).toEqual([{ rows: 3 * ROWS }])

  cutShort(folder, /^all_2_2_/)
  expect(await repairParts(ask, 0)).toBe('mended')
  expect(await count(clickhouse)).toEqual([{ rows: 2 * ROWS }])
  for (const block of [0, 1, 2]) await insertBlock(clickhouse, block)
  expect(await count(clickhouse)).toEqual([{ rows: 3 * ROWS }])

  await clickhouse.command('SYSTEM START MERGES base')
  await clickhouse.command('OPTIMIZE TABLE base FINAL')
  cutShort(folder, /^all_1_\d+_[1-9]/)
  expect(await repairParts(ask, 0)).toBe('restart')
  await killEngine(engine)
  expect(await count(clickhouse)).toEqual([{ rows: 3 * ROWS }])
})

it('[CH28] a process that ended before it mended leaves no token of a broken part behind', async () => {
  const told: string[] = []
  await using test = await startTestEngine({ onUnbornParts: (parts) => told.push(...parts) })
  const { clickhouse, engine } = test
  await clickhouse.command(`CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n ${WINDOW}`)
  await clickhouse.command('SYSTEM STOP MERGES base')
  for (const block of [0, 1, 2]) await insertBlock(clickhouse, block)
  cutShort(await folderOf(clickhouse), /^all_3_3_/)
  await killEngine(engine)
  expect(told).toEqual(['all_3_3_0'])
  expect(await count(clickhouse)).toEqual([{ rows: 2 * ROWS }])
  for (const block of [0, 1, 2]) await insertBlock(clickhouse, block)
  expect(await count(clickhouse)).toEqual([{ rows: 3 * ROWS }])
})
