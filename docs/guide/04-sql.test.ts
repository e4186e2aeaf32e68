import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { PUBLIC_TABLES } from '#/clickhouse/public-tables.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { SINK_TABLES, createSinkTable } from '#/clickhouse/sink-table.ts'
import { batchOf } from '#/clickhouse/test-events.ts'
import type { Reads } from '#/schemas/reads.ts'
import { PAGES, blocks, code, firstCells, read } from './pages.ts'

const page = read('docs/sql.md')
const queries = blocks(page, 'sql').map((sql) => sql.trim())
const commands = PAGES.flatMap((name) => code(read(name)))
let engine: TestEngine
let reads: Reads

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
  await createSinkTable(engine.clickhouse, SINK_TABLES.events).insert(batchOf(0, 500).batch)
  reads = createReads(engine.clickhouse)
})
afterAll(() => engine.stop())

const ask = (sql: string) =>
  reads.guardedSql({ project: 'default', sql, rowsMax: 100, timeMsMax: 10_000 })

/** The way of curl: over HTTP as the reader. */
async function post(sql: string): Promise<string> {
  const credentials = `${engine.engine.users.reader}:${engine.secrets.reader}`
  const answer = await fetch(engine.engine.url, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: sql,
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text
}

describe('docs/sql.md', () => {
  it('has queries, and a wrong one would be noticed (negative control)', async () => {
    expect(queries.length).toBeGreaterThan(10)
    await expect(ask('SELECT nothing FROM events')).rejects.toThrow('nothing')
    await expect(post('SELECT count() FROM system.tables')).rejects.toThrow('Not allowed')
  })

  it.each(queries)('[B13] runs for a project and for the reader: %s', async (sql) => {
    const { columns } = await ask(sql)
    expect(columns.length).toBeGreaterThan(1)
    await post(sql)
  })

  it('queries over what the test engine holds find rows', async () => {
    const [minutes, issues] = queries
    expect((await ask(minutes ?? '')).rows.length).toBeGreaterThan(0)
    expect((await ask(issues ?? '')).rows.length).toBeGreaterThan(0)
  })

  it('lists exactly the public tables', () => {
    const shown = firstCells(page, 'table').filter((name) => name !== '')
    expect(shown.toSorted()).toEqual(Object.keys(PUBLIC_TABLES).toSorted())
  })

  it('lists exactly the columns of events', async () => {
    const section = page.split('### Columns of `events`')[1]?.split('\n## ')[0] ?? ''
    const shown = [...(section.split('Columns that begin')[0] ?? '').matchAll(/`(\w+)`/g)]
    const { columns } = await ask('SELECT * FROM events LIMIT 1')
    const there = columns.map(({ name }) => name).filter((name) => !name.startsWith('_'))
    expect(shown.map((match) => match[1])).toEqual(there)
  })
})

describe('SQL in the commands of all pages', () => {
  it('runs the way curl sends it', async () => {
    const sent = commands.flatMap((line) => / --data '(SELECT [^']+)'/.exec(line)?.[1] ?? [])
    expect(sent.length).toBeGreaterThan(1)
    for (const sql of sent) await post(sql)
  })

  it('runs the way the API takes it', async () => {
    const bodies = commands.flatMap((line) => / -d '(\{"sql".+?\})'/.exec(line)?.[1] ?? [])
    expect(bodies.length).toBeGreaterThan(0)
    for (const body of bodies) await ask((JSON.parse(body) as { sql: string }).sql)
  })
})
