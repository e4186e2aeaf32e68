import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gzipSync } from 'node:zlib'
import { startTestEngine } from './test-engine.ts'
import type { TestEngine } from './test-engine.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

interface Call {
  method?: string
  query?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  role?: 'internal' | 'reader' | 'nobody'
  path?: string
}

/** A request as curl would make it, without our client. */
async function http(call: Call): Promise<Response> {
  const { engine, secrets } = test
  const role = call.role ?? 'internal'
  const auth =
    role === 'nobody'
      ? {}
      : { authorization: `Basic ${btoa(`${engine.users[role]}:${secrets[role]}`)}` }
  const url = new URL(call.path ?? '/', engine.url)
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
  return fetch(url, {
    method: call.method ?? (call.body === undefined ? 'GET' : 'POST'),
    headers: { ...auth, ...call.headers },
    ...(call.body === undefined ? {} : { body: call.body }),
  })
}

const asReader = (body: string) => http({ body, role: 'reader' })
const limited = (query: Record<string, string>) => http({ query, role: 'reader' })

async function text(call: Call): Promise<string> {
  const response = await http(call)
  return response.text()
}

describe('the protocol', () => {
  it('[B16] [CH1] /ping and /replicas_status need no password, an empty GET says Ok', async () => {
    expect(await text({ path: '/ping', role: 'nobody' })).toBe('Ok.\n')
    expect(await text({ path: '/replicas_status', role: 'nobody' })).toBe('Ok.\n')
    expect(await text({ role: 'nobody' })).toBe('Ok.\n')
    expect((await http({ path: '/nowhere', role: 'nobody' })).status).toBe(404)
  })

  it('[B16] [CH2] the statement comes in the URL, in the body, or in both', async () => {
    expect(await text({ query: { query: 'SELECT 1' } })).toBe('1\n')
    expect(await text({ body: 'SELECT 2' })).toBe('2\n')
    expect(await text({ query: { query: 'SELECT' }, body: '3' })).toBe('3\n')
  })

  it('[B16] [CH2] default_format, FORMAT and the headers tell the format', async () => {
    const json = await http({ query: { query: 'SELECT 1 AS a', default_format: 'JSONEachRow' } })
    expect(await json.json()).toEqual({ a: 1 })
    expect(json.headers.get('x-clickhouse-format')).toBe('JSONEachRow')
    expect(json.headers.get('content-type')).toContain('application/x-ndjson')
    expect(json.headers.get('x-clickhouse-timezone')).toBe('UTC')
    const csv = await http({
      query: { query: 'SELECT 1 AS a, 2 AS b FORMAT CSVWithNames', query_id: 'mine' },
    })
    expect(await csv.text()).toBe('"a","b"\n1,2\n')
    expect(csv.headers.get('x-clickhouse-format')).toBe('CSVWithNames')
    expect(csv.headers.get('x-clickhouse-query-id')).toBe('mine')
    expect(JSON.parse(csv.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({
      read_rows: '1',
    })
  })

  it('[B16] [CH3] parameters never become part of the statement', async () => {
    const hostile = `'; DROP TABLE x; -- \\' \\\\`
    const query = {
      query: 'SELECT {a:String} AS a FORMAT TSVRaw',
      param_a: hostile.replaceAll('\\', '\\\\'),
    }
    expect(await text({ query })).toBe(`${hostile}\n`)
    const missing = await http({ query: { query: 'SELECT {a:String}' } })
    expect(missing.status).toBe(400)
    expect(await missing.text()).toContain('Substitution `a` is not set')
  })

  it('[B16] [CH4] settings are values, not SQL, and end with the request', async () => {
    const injected = await http({ query: { query: 'SELECT 1', max_threads: '1; DROP TABLE x' } })
    expect(injected.status).not.toBe(200)
    const named = await http({ query: { query: 'SELECT 1', 'max_threads=1,readonly': '0' } })
    expect(named.status).toBe(404)
    const setting = `SELECT getSetting('max_block_size')`
    expect(await text({ query: { query: setting, max_block_size: '77' } })).toBe('77\n')
    for (let request = 0; request < 8; request += 1) {
      expect(await text({ query: { query: setting } })).not.toBe('77\n')
    }
    const unknown = await http({ query: { query: 'SELECT 1', no_such_setting: '1' } })
    expect(unknown.headers.get('x-clickhouse-exception-code')).toBe('115')
    expect(unknown.status).toBe(404)
  })

  it.each([
    ['SELEC 1', 400, '62'],
    ['SELECT * FROM nowhere', 404, '60'],
    ['SELECT nothing_like_it(1)', 404, '46'],
    ['SELECT 1; SELECT 2', 400, '62'],
    ['SELECT throwIf(1)', 500, '395'],
    ["SELECT 1 INTO OUTFILE 'x'", 501, '48'],
    [
      'SELECT count() FROM numbers(1e12) WHERE sin(number) > 2 SETTINGS max_execution_time = 0.2',
      408,
      '159',
    ],
  ])('[B16] [CH5] %s answers %i with code %s', async (query, status, code) => {
    const response = await http({ body: query })
    expect(response.status).toBe(status)
    expect(response.headers.get('x-clickhouse-exception-code')).toBe(code)
    const message = await response.text()
    expect(message).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: .*\\(version `, 's'))
    expect(message).not.toContain('spool')
  })

  it('[B16] [CH6] who may do what', async () => {
    const query = { query: 'SELECT 1' }
    expect((await http({ query, role: 'nobody' })).status).toBe(401)
    const { secrets, engine } = test
    const key = { 'x-clickhouse-user': engine.users.internal, 'x-clickhouse-key': secrets.internal }
    expect((await http({ query, role: 'nobody', headers: key })).status).toBe(200)
    const wrong = { ...key, 'x-clickhouse-key': secrets.reader }
    expect((await http({ query, role: 'nobody', headers: wrong })).status).toBe(403)
    const inUrl = { ...query, user: engine.users.internal, password: secrets.internal }
    expect((await http({ query: inUrl, role: 'nobody' })).status).toBe(200)
  })

  it('[B16] [CH6] a GET changes nothing', async () => {
    const response = await http({
      query: { query: 'CREATE TABLE by_get (a Int8) ENGINE = Memory' },
    })
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('164')
  })

  it('[B16] [CH7] sessions are refused in words', async () => {
    const response = await http({ query: { query: 'SELECT 1', session_id: 'mine' } })
    expect(response.status).toBe(501)
    expect(await response.text()).toContain('Sessions are not kept')
    for (const name of ['compress', 'decompress']) {
      expect(await text({ query: { query: 'SELECT 1', [name]: '1' } })).toContain(
        `${name}=1 is not served`,
      )
      expect(await text({ query: { query: 'SELECT 1', [name]: '0' } })).toBe('1\n')
    }
  })

  it('[B16] [CH8] gzip in both directions', async () => {
    await text({ body: 'CREATE TABLE zipped (a UInt32) ENGINE = Memory' })
    const query = { query: 'INSERT INTO zipped FORMAT CSV' }
    const body = new Uint8Array(gzipSync('1\n2\n3\n'))
    expect((await http({ query, body, headers: { 'content-encoding': 'gzip' } })).status).toBe(200)
    const torn = body.subarray(0, 15)
    expect(
      (await http({ query, body: torn, headers: { 'content-encoding': 'gzip' } })).status,
    ).toBe(500)
    const answer = await http({
      query: { query: 'SELECT sum(a) FROM zipped', enable_http_compression: '1' },
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    // fetch has unpacked it already; what came must be the sum.
    expect(await answer.text()).toBe('6\n')
  })
})

describe('nothing stays behind', () => {
  it.each([
    'SELECT number, throwIf(number = 3) FROM numbers(10) FORMAT JSON',
    'SELECT number, throwIf(number = 300000) FROM numbers(1000000) FORMAT JSONEachRow',
    'SELECT x FROM nowhere',
    'SELEC',
  ])('[B14] [CH9] after a failing query SELECT 9 is 9: %s', async (failing) => {
    // More rounds than there are sessions, so that the session that failed is surely asked again.
    for (let round = 0; round < 12; round += 1) {
      expect((await http({ body: failing })).status).not.toBe(200)
      expect(await text({ body: 'SELECT 9' })).toBe('9\n')
    }
  })

  it('[B14] [CH9] many at once: each answer is its own', async () => {
    const answers = Array.from({ length: 60 }, async (_, index) => {
      const failing = index % 3 === 0
      const body = failing ? `SELECT throwIf(number = 5, 'no') FROM numbers(10)` : `SELECT ${index}`
      const response = await http({ body, query: { max_block_size: String(10 + index) } })
      return failing ? response.status === 500 : (await response.text()) === `${index}\n`
    })
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 60 }, () => true))
  })

  it('[B14] [CH9] a parameter of one request is unknown to the next', async () => {
    for (let request = 0; request < 6; request += 1) {
      expect(await text({ query: { query: 'SELECT {p:UInt8}', param_p: '7' } })).toBe('7\n')
      expect(await text({ query: { query: 'SELECT {p:UInt8}' } })).toContain('is not set')
    }
  })

  it('[B14] [CH9] a token of one insert does not swallow the next', async () => {
    await text({
      body: 'CREATE TABLE tokens (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100',
    })
    const insert = (sql: string) =>
      text({ query: { query: `INSERT INTO tokens ${sql} FORMAT CSV` }, body: '1\n' })
    await insert(`SETTINGS insert_deduplication_token = 't1'`)
    await insert(`SETTINGS insert_deduplication_token = 't1'`)
    expect(await text({ body: 'SELECT count() FROM tokens' })).toBe('1\n')
    await insert(`SETTINGS insert_deduplication_token = 't2'`)
    expect(await text({ body: 'SELECT count() FROM tokens' })).toBe('2\n')
  })
})

describe('inserts', () => {
  beforeAll(async () => {
    await text({ body: 'CREATE TABLE rows (a UInt32, b String) ENGINE = MergeTree ORDER BY a' })
  })

  it('[B16] [CH10] data is data: no line of it is run', async () => {
    const lines = ['{"a":1,"b":"x"}', '', '{"a":2,"b":"; DROP TABLE rows"}', ''].join('\n')
    await text({ body: `INSERT INTO rows FORMAT JSONEachRow\n${lines}` })
    await text({
      query: { query: `INSERT INTO rows (b, a) FORMAT CSV` },
      body: `"'; DROP TABLE rows",3\n`,
    })
    await text({ body: `INSERT INTO rows VALUES (4, 'v\\'; DROP TABLE rows'), (5, 'w')` })
    expect(await text({ body: 'SELECT count(), sum(a) FROM rows' })).toBe('5\t15\n')
  })

  it('[B16] [CH10] a statement larger than the limit needs its data behind FORMAT', async () => {
    const { length } = 'x'.repeat(1_200_000)
    const huge = `SELECT '${'x'.repeat(length)}'`
    const response = await http({ body: huge })
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('261')
    expect(response.status).toBe(413)
    const rows = Array.from({ length: 100_000 }, (_, index) => `${100 + index}\tsome text of a row`)
    await text({ body: `INSERT INTO rows FORMAT TSV\n${rows.join('\n')}\n` })
    expect(await text({ body: 'SELECT count() FROM rows WHERE a >= 100' })).toBe('100000\n')
  })

  it('[B16] [CH11] a body can be read through a SELECT', async () => {
    const query = `INSERT INTO rows (a, b) SETTINGS async_insert = 0 SELECT n + 1000000, upper(t) FROM input('n UInt32, t String') FORMAT CSV`
    await text({ query: { query }, body: '1,abc\n2,def\n' })
    expect(await text({ body: 'SELECT b FROM rows WHERE a > 1000000 ORDER BY a' })).toBe(
      'ABC\nDEF\n',
    )
    await text({ body: 'INSERT INTO rows SELECT a + 5000000, b FROM rows WHERE a > 1000000' })
    expect(await text({ body: 'SELECT count() FROM rows WHERE a > 5000000' })).toBe('2\n')
  })

  it('[B16] [CH10] a refused insert writes nothing and names the row', async () => {
    const before = await text({ body: 'SELECT count() FROM rows' })
    const response = await http({
      query: { query: 'INSERT INTO rows FORMAT JSONEachRow' },
      body: '{"a":1,"b":"x"}\n{"a":"no","b":1}\n',
    })
    expect(response.status).toBe(400)
    const message = await response.text()
    expect(message).toContain('(at row 2)')
    expect(message).not.toMatch(/spool|DB::Exception.*DB::Exception/s)
    expect(await text({ body: 'SELECT count() FROM rows' })).toBe(before)
  })
})

describe('readers', () => {
  it('[B13] [B16] [CH12] a reader reads public tables and nothing else', async () => {
    await text({
      body: 'CREATE TABLE IF NOT EXISTS events (project String, message String) ENGINE = MergeTree ORDER BY project',
    })
    await text({ body: `INSERT INTO events VALUES ('shop', 'hello')` })
    expect(await (await asReader('SELECT message FROM events FORMAT CSV')).text()).toBe('"hello"\n')
    expect(await (await asReader('SELECT message FROM faultline.events')).text()).toBe('hello\n')
    for (const sql of [
      'SELECT * FROM system.tables',
      `SELECT file('/etc/passwd')`,
      'DROP TABLE events',
      `INSERT INTO events VALUES ('a', 'b')`,
      'SELECT 1 SETTINGS max_threads = 1',
      'SYSTEM SHUTDOWN',
    ]) {
      expect((await asReader(sql)).status, sql).toBeGreaterThanOrEqual(400)
    }
    expect(await text({ body: 'SELECT count() FROM events' })).toBe('1\n')
  })

  it.each([
    ['SELEC 1', 400, '62'],
    ['SELECT FROM WHERE', 400, '62'],
    ['SELECT 1; SELECT 2', 400, '62'],
    ['SELECT nothing FROM events', 404, '47'],
    [`SELECT * FROM file('/etc/passwd')`, 403, '497'],
    ['SELECT * FROM system.tables', 403, '497'],
    ['SHOW TABLES', 403, '497'],
    ['DROP TABLE events', 500, '164'],
  ])('[B16] [CH5] [CH12] a reader’s %s answers %i with code %s', async (sql, status, code) => {
    const response = await asReader(sql)
    const message = await response.text()
    expect([response.status, response.headers.get('x-clickhouse-exception-code')], message).toEqual(
      [status, code],
    )
    expect(message).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: .*\\(version `, 's'))
  })

  it('[B16] [CH3] [CH12] a reader’s parameters are filled in before the guard looks', async () => {
    // A name no other request has: sessions remember what they were given.
    const given = (sql: string, query: Record<string, string>) =>
      http({ body: sql, query, role: 'reader' })
    const value = await given('SELECT {only_here:String} AS v', { param_only_here: 'a b' })
    expect([value.status, await value.text()]).toEqual([200, 'a b\n'])
    const rows = 'SELECT count() FROM {table_here:Identifier}'
    const own = await given(rows, { param_table_here: 'events' })
    expect([own.status, await own.text()]).toEqual([200, '1\n'])
    const foreign = await given(rows, { param_table_here: 'rows' })
    expect(foreign.status).toBeGreaterThanOrEqual(400)
    expect(await foreign.text()).toContain('Not allowed: the table rows')
    const missing = await given('SELECT {never_given:String}', {})
    expect([missing.status, missing.headers.get('x-clickhouse-exception-code')]).toEqual([
      400,
      '456',
    ])
  })

  it('[CH12] a reader may ask for less, not for more', async () => {
    const heavy = 'SELECT number FROM numbers(200000)'
    expect(
      (await limited({ query: heavy, max_result_rows: '0' })).headers.get(
        'x-clickhouse-exception-code',
      ),
    ).toBe('396')
    expect(
      (await limited({ query: 'SELECT number FROM numbers(10)', max_result_rows: '5' })).status,
    ).not.toBe(200)
    expect(
      (await limited({ query: 'SELECT 1', max_threads: '1' })).headers.get(
        'x-clickhouse-exception-code',
      ),
    ).toBe('164')
    expect((await limited({ query: 'SELECT 1', readonly: '0' })).status).toBe(200)
  })
})
