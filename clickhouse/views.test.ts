import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '#/kernel/clock.ts'
import type { ClickHouse } from './client.ts'
import { loadViews } from './ddl.ts'
import { startTestEngine, type TestEngine } from './engine/test-engine.ts'
import { migrate } from './migrate.ts'
import { createSinkTable, SINK_TABLES, type SinkBatch } from './sink-table.ts'
import { batchOf } from './test-events.ts'

const OPTIONS = { retentionDays: 3650 }
/** What a version before this one may have counted. */
const OLDER = `SELECT project, toDateTime(toStartOfInterval(occurred_at, INTERVAL 10 SECOND), 'UTC') AS bucket, service, environment,
  event_type, severity, count() AS events, max(toDate(received_at)) AS received_on FROM events
  GROUP BY project, bucket, service, environment, event_type, severity`
const BATCH = 20

let engine: TestEngine
let insert: (batch: SinkBatch) => Promise<void>
let offset = 0
const nextBatch = (count = BATCH): SinkBatch => {
  const { batch } = batchOf(offset, count)
  offset += count
  return batch
}
beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, OPTIONS)
  insert = (batch) => createSinkTable(engine.clickhouse, SINK_TABLES.events).insert(batch)
})
afterAll(() => engine.stop())
beforeEach(async () => {
  for (const table of ['events', 'events_10s', 'volume_1m'])
    await engine.clickhouse.command(`TRUNCATE TABLE ${table}`)
})

const older = () => engine.clickhouse.command(`ALTER TABLE events_10s_view MODIFY QUERY ${OLDER}`)

async function counted(): Promise<{ rows: number; rollup: number }> {
  const [row] = await engine.clickhouse.query<{ rows: number; rollup: number }>(
    'SELECT toUInt32(count()) AS rows, (SELECT toUInt32(sum(events)) FROM events_10s) AS rollup FROM events',
  )
  return row ?? { rows: 0, rollup: 0 }
}

async function identityOf(view: string): Promise<unknown> {
  const [row] = await engine.clickhouse.query(
    `SELECT uuid, metadata_modification_time AS changed FROM system.tables WHERE name = {view:String} AND database = currentDatabase()`,
    { params: { view } },
  )
  return row
}

describe('views of another version', () => {
  it('[CH29] what is as it should be is not touched', async () => {
    const before = await identityOf('events_1m_view')
    await older()
    expect((await migrate(engine.clickhouse, OPTIONS)).views).toEqual(['events_10s_view'])
    expect((await migrate(engine.clickhouse, OPTIONS)).views).toEqual([])
    expect(await identityOf('events_1m_view')).toEqual(before)
  })

  it('[CH29] are changed while a sink goes on inserting: nothing misses a rollup, new columns included', async () => {
    const done = new AbortController()
    const seen = { inserts: 0 }
    const writer = (async () => {
      for (; !done.signal.aborted; seen.inserts += 1) await insert(nextBatch())
    })()
    for (let round = 0; round < 3 || seen.inserts < 3; round += 1) {
      await older()
      await migrate(engine.clickhouse, OPTIONS)
    }
    done.abort()
    await writer
    const { rows, rollup } = await counted()
    expect(rows).toBe(seen.inserts * BATCH)
    expect(rollup).toBe(rows)
    const failures = async () => {
      const [row] = await engine.clickhouse.query<{ n: string }>(
        'SELECT sum(failures) AS n FROM events_10s',
      )
      return Number(row?.n)
    }
    const before = await failures()
    await insert(nextBatch(100))
    expect(await failures()).toBeGreaterThan(before)
  })

  it('[CH29] a block that is inserted again after the change counts once', async () => {
    await older()
    const batch = nextBatch()
    await insert(batch)
    await migrate(engine.clickhouse, OPTIONS)
    await insert(batch)
    expect(await counted()).toEqual({ rows: BATCH, rollup: BATCH })
  })

  it('the control: a view that is dropped and made again misses what comes meanwhile, and counts a block twice', async () => {
    const view = loadViews(OPTIONS).views.find(({ name }) => name === 'events_10s_view')
    const [repeated, missed] = [nextBatch(), nextBatch()]
    await insert(repeated)
    await engine.clickhouse.command('DROP VIEW events_10s_view')
    await insert(missed)
    await engine.clickhouse.command(view?.statement ?? '')
    expect(await counted()).toEqual({ rows: 2 * BATCH, rollup: BATCH })
    await insert(repeated)
    expect(await counted()).toEqual({ rows: 2 * BATCH, rollup: 2 * BATCH })
  })
})

/** Time passes only in sleeps, and something happens in each. */
function clockWith(onSleep: () => Promise<void>): Clock {
  let nowMs = 0
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(durationMs) {
      nowMs += durationMs
      await onSleep()
    },
  }
}

const nothing = async (): Promise<void> => undefined

describe('rollups that are made while others may write', () => {
  const missing = () => engine.clickhouse.command('DROP VIEW IF EXISTS volume_1m_view')
  const isThere = async () => (await identityOf('volume_1m_view')) !== undefined

  it('[CH30] are refused while somebody writes, and nothing is changed', async () => {
    await missing()
    const clock = clockWith(() => insert(nextBatch()))
    const refused = migrate(engine.clickhouse, OPTIONS, { othersMayWrite: { clock } })
    await expect(refused).rejects.toMatchObject({
      code: 'tables_in_use',
      message: expect.stringContaining('events') as string,
      remedy: expect.stringContaining('Stop every sink') as string,
    })
    expect(await isThere()).toBe(false)
  })

  it('[CH30] are made when nobody writes', async () => {
    await missing()
    await insert(nextBatch())
    const clock = clockWith(nothing)
    const report = await migrate(engine.clickhouse, OPTIONS, { othersMayWrite: { clock } })
    expect(report).toMatchObject({ views: ['volume_1m_view'], writtenMeanwhile: [] })
  })

  it('[CH30] who begins to write in between is told of', async () => {
    await missing()
    const { clickhouse } = engine
    const disturbed: ClickHouse = {
      ...clickhouse,
      async command(sql, options) {
        if (sql.startsWith('CREATE MATERIALIZED VIEW')) await insert(nextBatch())
        return clickhouse.command(sql, options)
      },
    }
    const clock = clockWith(nothing)
    const report = await migrate(disturbed, OPTIONS, { othersMayWrite: { clock } })
    expect(report.writtenMeanwhile).toEqual(['events'])
  })

  it('[CH30] a change in place asks for no rest', async () => {
    await older()
    const clock = clockWith(() => insert(nextBatch()))
    const report = await migrate(engine.clickhouse, OPTIONS, { othersMayWrite: { clock } })
    expect(report).toMatchObject({ views: ['events_10s_view'], writtenMeanwhile: [] })
  })
})
