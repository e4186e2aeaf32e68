import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from './engine/test-engine.ts'
import { migrate } from './migrate.ts'
import { createShadow } from './shadow.ts'
import { createSinkTable, SINK_TABLES } from './sink-table.ts'
import { batchOf } from './test-events.ts'

const DDL = { retentionDays: 3650 }
let engine: TestEngine
beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, DDL)
})
afterAll(() => engine.stop())

const count = async (table: string): Promise<number> => {
  const [row] = await engine.clickhouse.query<{ n: string }>(`SELECT count() AS n FROM ${table}`)
  return Number(row?.n)
}

describe('shadow tables of a replay', () => {
  it('[CS4] the same rows in another order and other batches give the same hash; a changed one does not', async () => {
    const shadow = createShadow(engine.clickhouse, 'events', DDL)
    const { batch } = batchOf(0, 900)
    const live = createSinkTable(engine.clickhouse, SINK_TABLES.events)
    await live.insert(batch)
    await shadow.create(2, [])
    const twin = createSinkTable(engine.clickhouse, SINK_TABLES.events, '__e2')
    for (const [part, from] of [600, 0, 300].entries()) {
      await twin.insert({
        ...batch,
        epoch: 2,
        token: `r:${part}`,
        records: batch.records.slice(from, from + 300),
      })
    }
    const before = await shadow.hash()
    expect(before.rows).toBe(900)
    expect(await shadow.hash(2)).toEqual(before)
    // As many rows, one of them another one.
    await shadow.create(2, [])
    const other = [...batch.records.slice(1), ...batchOf(5000, 1).batch.records]
    await twin.insert({ ...batch, epoch: 2, token: 'r:other', records: other })
    expect((await shadow.hash(2)).rows).toBe(900)
    expect(await shadow.hash(2)).not.toEqual(before)
    await shadow.drop(2)
    expect(await count(`system.tables WHERE name LIKE '%__e2'`)).toBe(0)
  })

  it('[CS5] after an exchange new rows reach the rollups of the new tables, and it may run twice', async () => {
    const shadow = createShadow(engine.clickhouse, 'events', DDL)
    const topic = 'signals.fingerprinted.v1'
    await shadow.create(3, [{ topic, partition: 0, offset: 100 }])
    expect(await count('events__e3')).toBe(100)
    const { rows, hash: derived } = await shadow.measure(3)
    expect(rows).toBe(100)
    const whole = await shadow.hash(3)
    await shadow.exchange(3)
    await shadow.exchange(3)
    expect(await count('events')).toBe(100)
    expect(await count('events__e3')).toBe(900)
    await shadow.drop(3)
    await createSinkTable(engine.clickhouse, SINK_TABLES.events).insert({
      ...batchOf(900, 50).batch,
      epoch: 4,
    })
    expect(await count('events')).toBe(150)
    // Those fifty have a later epoch: what was exchanged can still be told.
    const own = await shadow.hashUpTo(3)
    expect({ rows: own.rows, hash: `${own.hash} ${derived}` }).toEqual(whole)
    expect(await shadow.hash()).not.toEqual(whole)
    const [row] = await engine.clickhouse.query<{ n: string }>(
      'SELECT sum(events) AS n FROM events_1h',
    )
    expect(Number(row?.n)).toBe(150)
  })
})
