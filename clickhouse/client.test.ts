import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { clickHouseCodeOf, createClickHouse } from './client.ts'
import type { ClickHouse } from './client.ts'
import { startTestEngine } from './engine/test-engine.ts'
import type { TestEngine } from './engine/test-engine.ts'
import { isDataErrorCode } from './error-codes.ts'

let test: TestEngine
let clickhouse: ClickHouse
beforeAll(async () => {
  test = await startTestEngine()
  clickhouse = test.clickhouse
})
afterAll(() => test.stop())

async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

const ENDLESS = 'SELECT count() FROM numbers(100000000000) WHERE sin(number) > 2'

describe('the client', () => {
  it('[B16] [CH13] rows, columns and values as ClickHouse has them', async () => {
    const params = { text: `it's \\ "x"\n\t{}`, list: [1, 2], none: null }
    const sql = `SELECT {text:String} AS text, {list:Array(UInt8)} AS list, {none:Nullable(String)} AS none, 18446744073709551615 AS big`
    const expected = { text: params.text, list: [1, 2], none: null, big: '18446744073709551615' }
    expect(await clickhouse.query(sql, { params })).toEqual([expected])
    const table = await clickhouse.queryTable(
      'SELECT number AS n, toString(number) AS s FROM numbers(3) LIMIT 2',
    )
    expect(table.columns).toEqual([
      { name: 'n', type: 'UInt64' },
      { name: 's', type: 'String' },
    ])
    expect(table.rows).toEqual([
      ['0', '0'],
      ['1', '1'],
    ])
    expect(table.statistics.rowsRead).toBeGreaterThan(0)
  })

  it('[B16] [CH13] a large answer comes in blocks, and can be left early', async () => {
    let rows = 0
    let blocks = 0
    for await (const block of clickhouse.queryStream('SELECT number FROM numbers(200000)')) {
      rows += block.length
      blocks += 1
    }
    expect(rows).toBe(200_000)
    expect(blocks).toBeGreaterThan(1)
    for await (const block of clickhouse.queryStream('SELECT number FROM numbers(200000)')) {
      expect(block.length).toBeGreaterThan(0)
      break
    }
    expect(await clickhouse.query('SELECT 9 AS n')).toEqual([{ n: 9 }])
  })

  it('[B16] [CH14] errors are of the catalogue and keep the code of ClickHouse', async () => {
    const unknown = await failure(clickhouse.query('SELECT * FROM nowhere'))
    expect(unknown).toMatchObject({ code: 'invalid_sql' })
    expect(clickHouseCodeOf(unknown)).toBe(60)
    expect(await failure(clickhouse.query(ENDLESS, { limits: { timeMsMax: 200 } }))).toMatchObject({
      code: 'query_timeout',
    })
    expect(
      await failure(
        clickhouse.query('SELECT number FROM numbers(1000)', { limits: { resultRowsMax: 10 } }),
      ),
    ).toMatchObject({ code: 'query_too_heavy' })
    const nobody = createClickHouse({
      url: 'http://127.0.0.1:1',
      username: 'a',
      password: 'b',
      database: 'c',
    })
    expect(await failure(nobody.query('SELECT 1'))).toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
    })
    expect(await failure(nobody.ping())).toMatchObject({ code: 'storage_unavailable' })
    await nobody.close()
    const wrong = createClickHouse({
      url: test.engine.url,
      username: 'faultline',
      password: 'no',
      database: 'c',
    })
    expect(await failure(wrong.query('SELECT 1'))).toMatchObject({ code: 'storage_refused' })
    await wrong.close()
  })

  it('[B16] [CH15] an abort ends the query in the engine and surfaces as its reason', async () => {
    const reason = new Error('no longer needed')
    const abort = new AbortController()
    const startedMs = systemClock.monotonicMs()
    const query = clickhouse.query(ENDLESS, { signal: abort.signal })
    await systemClock.sleep(150)
    abort.abort(reason)
    await expect(query).rejects.toBe(reason)
    const running = () =>
      clickhouse.query(
        `SELECT query FROM system.processes WHERE query LIKE '%sin(number)%' AND query NOT LIKE '%processes%'`,
      )
    while ((await running()).length > 0) await systemClock.sleep(20)
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(5000)
  })

  it('[B16] [CH15] more aborted queries than sessions leave all sessions usable', async () => {
    const abort = new AbortController()
    const queries = Array.from({ length: 12 }, () =>
      clickhouse.query(ENDLESS, { signal: abort.signal }),
    )
    const settled = Promise.allSettled(queries)
    await systemClock.sleep(200)
    abort.abort()
    expect((await settled).every((query) => query.status === 'rejected')).toBe(true)
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => clickhouse.query('SELECT 9 AS n')),
    )
    expect(answers).toEqual(Array.from({ length: 12 }, () => [{ n: 9 }]))
  })

  it('[B16] [CH16] inserts bodies with their settings in the statement', async () => {
    await clickhouse.command(
      'CREATE TABLE bodies (`a b` UInt32, s String) ENGINE = MergeTree ORDER BY s SETTINGS non_replicated_deduplication_window = 10',
    )
    const insert = (token: string, body: Buffer | Readable) =>
      clickhouse.insertRaw({
        table: 'faultline.bodies',
        columns: ['a b', 's'],
        format: 'JSONEachRow',
        body,
        settings: { async_insert: 0, insert_deduplication_token: token },
      })
    await insert(
      'one',
      Buffer.from(`{"a b":1,"s":"it's"}\n\n{"a b":2,"s":"\\ud800"}\n`.replace('\\ud800', '?')),
    )
    await insert('one', Buffer.from('{"a b":9,"s":"swallowed: the token is known"}\n'))
    await insert(
      'two',
      Readable.from([Buffer.from('{"a b":3,'), Buffer.from('"s":"in two chunks"}\n')]),
    )
    expect(await clickhouse.query('SELECT `a b` AS a, s FROM bodies ORDER BY a')).toEqual([
      { a: 1, s: "it's" },
      { a: 2, s: '?' },
      { a: 3, s: 'in two chunks' },
    ])
    const refused = await insert('three', Buffer.from('{"a b":"no"}\n')).catch(
      (error: unknown) => error,
    )
    expect(isDataErrorCode(clickHouseCodeOf(refused))).toBe(true)
  })
})
