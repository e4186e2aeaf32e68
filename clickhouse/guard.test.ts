import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { createFaultlineTables } from './guard-fixture.ts'
import { guardQuery } from './guard.ts'
import { startTestEngine } from './engine/test-engine.ts'
import type { TestEngine } from './engine/test-engine.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
  await createFaultlineTables(test.clickhouse)
})
afterAll(() => test.stop())

async function rowsOf(sql: string, project = 'shop'): Promise<unknown[][]> {
  const { clickhouse } = test
  const guarded = await guardQuery(sql, { project, clickhouse })
  const { database, settings } = guarded
  return (await clickhouse.queryTable(guarded.sql, { database, settings })).rows
}

/** What became of somebody's SQL: refused by the guard, failed in ClickHouse, or the answer as text. */
async function outcomeOf(sql: string): Promise<string> {
  try {
    return JSON.stringify(await rowsOf(sql))
  } catch (error) {
    if (isFaultlineError(error)) return `refused ${error.code}: ${error.message}`
    throw error
  }
}

// Every row of the other project, and the files used below, carry this word.
const SECRET = 'topsecret'

describe('what is refused', () => {
  const ATTACKS: readonly string[] = [
    // more than one statement, and statements that are no query
    `SELECT 1; DROP TABLE faultline.events`,
    `SELECT 1;;SELECT 2`,
    `SELECT 1 -- \n; SELECT message FROM faultline.events`,
    `DROP TABLE faultline.events`,
    `INSERT INTO faultline.events (project) VALUES ('x')`,
    `INSERT INTO FUNCTION file('/tmp/x.csv') SELECT 1`,
    `ALTER TABLE faultline.events DELETE WHERE 1`,
    `CREATE TABLE faultline.mine (a Int8) ENGINE = Memory`,
    `SYSTEM SHUTDOWN`,
    `SET readonly = 0`,
    `KILL QUERY WHERE 1`,
    `DESCRIBE url('http://127.0.0.1:1/')`,
    `DESCRIBE file('/etc/passwd')`,
    `EXPLAIN SELECT * FROM faultline.events`,
    `SHOW TABLES FROM faultline`,
    `USE system`,
    `SELECT 1 PARALLEL WITH SELECT 2`,
    // leaving the query
    `SELECT 1 INTO OUTFILE '/tmp/stolen.csv'`,
    `SELECT 1 FORMAT JSON`,
    `SELECT 1 SETTINGS readonly = 0`,
    `SELECT * FROM faultline.events SETTINGS additional_table_filters = {}`,
    `SELECT * FROM (SELECT * FROM events SETTINGS max_threads = 1)`,
    // files, network, other tables
    `SELECT file('/etc/passwd')`,
    `SELECT \`file\`('/etc/passwd')`,
    `SELECT FiLe('/etc/passwd')`,
    `SELECT * FROM file('/etc/passwd', 'LineAsString')`,
    `SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')`,
    `SELECT * FROM s3('http://127.0.0.1:1/a.csv')`,
    `SELECT * FROM remote('127.0.0.1', system.one)`,
    `SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')`,
    `SELECT * FROM merge('faultline', '.*')`,
    `SELECT * FROM merge(REGEXP('.*'), '.*')`,
    `SELECT * FROM cluster('default', system.one)`,
    `SELECT * FROM executable('id', CSV, 'a String')`,
    `SELECT * FROM input('a String')`,
    `SELECT * FROM view(SELECT * FROM system.tables)`,
    `SELECT * FROM dictionary('x')`,
    `SELECT * FROM loop(faultline.events)`,
    `SELECT * FROM mergeTreeIndex('faultline', 'events')`,
    `SELECT * FROM fuzzQuery('SELECT 1')`,
    `SELECT * FROM system.tables`,
    `SELECT * FROM \`system\`.\`tables\``,
    `SELECT * FROM "system"."tables"`,
    `SELECT * FROM sys/**/tem.tables`,
    `SELECT * FROM information_schema.tables`,
    `SELECT * FROM INFORMATION_SCHEMA.TABLES`,
    `SELECT * FROM default.secrets`,
    `SELECT * FROM faultline.schema_migrations`,
    `SELECT * FROM faultline.events__e2`,
    `SELECT * FROM events__e2`,
    `SELECT 1 IN system.one`,
    `SELECT 1 IN (system.one)`,
    `SELECT 1 NOT IN faultline.events__e2`,
    `SELECT 1 GLOBAL IN system.one`,
    `SELECT 1 IN (SELECT a FROM system.one)`,
    `SELECT (SELECT count() FROM system.tables)`,
    `SELECT * FROM events JOIN system.one ON 1`,
    `SELECT * FROM events, system.one`,
    `SELECT 1 WHERE EXISTS (SELECT * FROM system.users)`,
    `SELECT 1 UNION ALL SELECT name FROM system.tables`,
    `WITH x AS (SELECT * FROM system.tables) SELECT * FROM x`,
    // functions that reach out of the query
    `SELECT dictGet('d', 'v', 1)`,
    `SELECT joinGet('faultline.j', 'v', 1)`,
    `SELECT hasColumnInTable('faultline', 'events', 'message')`,
    `SELECT getSetting('max_memory_usage')`,
    `SELECT getServerSetting('path')`,
    `SELECT getClientHTTPHeader('Authorization')`,
    `SELECT hostName(), FQDN(), tcpPort()`,
    `SELECT sleep(3)`,
    `SELECT sleepEachRow(3) FROM numbers(1000)`,
    `SELECT throwIf(1)`,
    `SELECT showCertificate()`,
    `SELECT reverseDNSQuery('127.0.0.1')`,
    `SELECT aiGenerate('x')`,
    `SELECT filesystemAvailable()`,
    `SELECT arrayMap(x -> file(x), ['/etc/passwd'])`,
    `SELECT if(1, file('/etc/passwd'), '')`,
    `SELECT sum(length(file('/etc/passwd'))) OVER (PARTITION BY file('/etc/hostname')) FROM events`,
    `SELECT * APPLY(file) FROM events`,
    `SELECT * APPLY(x -> file(x)) FROM events`,
    `SELECT * REPLACE(file('/etc/passwd') AS message) FROM events`,
    `SELECT COLUMNS('.*') APPLY file FROM events`,
    `SELECT message FROM events ORDER BY file('/etc/passwd')`,
    `SELECT message FROM events LIMIT length(file('/etc/passwd')) BY message`,
    `SELECT initializeAggregation('sumState', 1)`,
    `WITH file('/etc/passwd') AS secret SELECT secret`,
    // shadowing and odd names
    `WITH events AS (SELECT 1) SELECT * FROM events`,
    `WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT n FROM t`,
    `SELECT * FROM (WITH events__e2 AS (SELECT 1) SELECT 1) AS x, events__e2`,
    'SELECT 1 AS `a\n   TableIdentifier events`',
    'SELECT * FROM `faultline.events`',
    'SELECT * FROM `a`.`b`.`c`',
    `SELECT {a:String}`,
    `SELECT * FROM {t:Identifier}`,
    // what the lexer and ClickHouse could read differently
    `SELECT $$ ' $$, file('/etc/passwd'), $$ ' $$`,
    `SELECT 1 /* open`,
    `SELECT 'open`,
    `SELECT (1`,
    `SELECT 1)`,
    'SELECT 1\u2028FROM system.tables',
    `SELECT \u2018a\u2019`,
    `SELECT 1 \0`,
    ``,
    `()`,
  ]

  it('[B13] there are at least fifty attacks, all of them different', () => {
    expect(new Set(ATTACKS).size).toBe(ATTACKS.length)
    expect(ATTACKS.length).toBeGreaterThanOrEqual(50)
  })

  it.each(ATTACKS)('[B13] [CH20] attack %#: %s', async (sql) => {
    const outcome = await outcomeOf(sql)
    expect(outcome).toMatch(/^refused (?:invalid_sql|query_too_heavy)/)
    expect(outcome).not.toContain(SECRET)
    expect(outcome).not.toMatch(/root:|tmp|spool/)
  })

  it('[B13] [CH20] length is bounded before anything reads the text', async () => {
    expect(await outcomeOf(`SELECT '${'x'.repeat(40_000)}'`)).toContain(
      'more than 32768 characters',
    )
  })

  it('[CH21] the message names what is not allowed', async () => {
    expect(await outcomeOf(`SELECT dictGet('d', 'v', 1)`)).toContain('the function dictGet')
    expect(await outcomeOf(`SELECT * FROM url('x')`)).toContain('the table function url')
    expect(await outcomeOf(`SELECT * FROM faultline.nope`)).toContain('the table nope')
    expect(await outcomeOf(`SELECT 1 SETTINGS a = 1`)).toContain('SETTINGS')
    expect(await outcomeOf(`SELEC 1`)).toContain('Syntax error')
  })
})

describe('what is served', () => {
  const HONEST: readonly (readonly [sql: string, rows: unknown])[] = [
    [`SELECT count() FROM events`, [['2']]],
    [`SELECT count(*) FROM faultline.events;`, [['2']]],
    [`select count() from events -- how many`, [['2']]],
    [`/* all */ SELECT message FROM events ORDER BY message LIMIT 1`, [['card declined']]],
    [`SELECT e.message FROM faultline.events AS e WHERE e.service = 'cart'`, [['cart empty']]],
    [`SELECT events.message FROM events WHERE severity > 3`, [['card declined']]],
    [`SELECT faultline.events.message FROM faultline.events WHERE severity = 2`, [['cart empty']]],
    [
      `SELECT service, count() AS n FROM events GROUP BY service ORDER BY n, service`,
      [
        ['cart', '1'],
        ['payment', '1'],
      ],
    ],
    [
      `SELECT countIf(severity >= 4), uniqExact(service), quantile(0.5)(severity) FROM events`,
      [['1', '2', 3]],
    ],
    [
      `SELECT toStartOfHour(occurred_at) AS h, sum(1) FROM events GROUP BY h ORDER BY h`,
      [['2026-01-01 10:00:00', '2']],
    ],
    [`WITH t AS (SELECT service FROM events) SELECT count() FROM t`, [['2']]],
    [
      `WITH 4 AS limit_severity SELECT message FROM events WHERE severity >= limit_severity`,
      [['card declined']],
    ],
    [
      `SELECT message FROM events WHERE service IN (SELECT service FROM deploys)`,
      [['card declined']],
    ],
    [
      `SELECT e.message, d.release FROM events e JOIN deploys d ON d.service = e.service`,
      [['card declined', 'v2']],
    ],
    [`SELECT count() FROM events UNION ALL SELECT count() FROM deploys`, [['2'], ['1']]],
    [
      `SELECT attributes['k'], tags[1], length(tags) FROM events WHERE service = 'cart'`,
      [['v', 'a', '2']],
    ],
    [`SELECT arrayMap(x -> upper(x), tags) FROM events WHERE service = 'cart'`, [[['A', 'B']]]],
    [`SELECT status FROM incidents FINAL`, [['resolved']]],
    [`SELECT status, count() FROM incidents GROUP BY status`, [['resolved', '1']]],
    [
      `SELECT message FROM events WHERE message ILIKE '%DECLINED%' AND match(message, '^card')`,
      [['card declined']],
    ],
    [
      `SELECT row_number() OVER (PARTITION BY project ORDER BY severity) AS n, service FROM events ORDER BY n`,
      [
        ['1', 'cart'],
        ['2', 'payment'],
      ],
    ],
    [
      `SELECT CASE WHEN severity > 3 THEN 'bad' ELSE 'fine' END AS s FROM events ORDER BY s`,
      [['bad'], ['fine']],
    ],
    [
      `SELECT * EXCEPT (project, occurred_at, tags, attributes) FROM events WHERE service = 'cart'`,
      [['cart', 2, 'cart empty']],
    ],
    [`SELECT number FROM numbers(3) WHERE number NOT IN (1)`, [['0'], ['2']]],
    [`SELECT CAST('5' AS UInt8) + 1, 'a; b -- c', '$$', 1::Float64`, [[6, 'a; b -- c', '$$', 1]]],
    [`SELECT sum(n) FROM (SELECT count() AS n FROM events GROUP BY service)`, [['2']]],
    [
      `SELECT 'DROP TABLE events; SELECT * FROM system.tables' AS harmless`,
      [['DROP TABLE events; SELECT * FROM system.tables']],
    ],
    [
      `SELECT bucket, sum(events) FROM events_1m GROUP BY bucket WITH TOTALS ORDER BY bucket`,
      [['2026-01-01 10:00:00', '7']],
    ],
  ]

  it.each(HONEST)('[B13] [CH22] %s', async (sql, rows) => {
    expect(await rowsOf(sql)).toEqual(rows)
  })
})

describe('whose rows', () => {
  const TENANCY: readonly string[] = [
    `SELECT * FROM events`,
    `SELECT * FROM faultline.events AS e`,
    `SELECT * FROM events WHERE project = 'bank'`,
    `SELECT * FROM events WHERE project = 'bank' OR 1`,
    `SELECT * FROM (SELECT * FROM events) AS events`,
    `SELECT * FROM events AS a LEFT JOIN events AS b ON 1 = 1`,
    `SELECT (SELECT groupArray(message) FROM events)`,
    `SELECT * FROM incidents, events`,
    `SELECT message FROM events UNION ALL SELECT message FROM faultline.events`,
    `WITH x AS (SELECT * FROM events), y AS (SELECT * FROM x) SELECT * FROM y`,
    `SELECT * FROM (WITH x AS (SELECT * FROM faultline.events) SELECT * FROM x)`,
    `SELECT * FROM events PASTE JOIN events AS other`,
    `SELECT message FROM events INTERSECT SELECT message FROM events`,
    `SELECT message IN (SELECT message FROM events WHERE project = 'bank') FROM events`,
    `SELECT arrayJoin((SELECT groupArray(message) FROM events))`,
    `SELECT message FROM \`events\``,
    `SELECT message FROM "faultline"."events"`,
  ]

  it.each(TENANCY)('[B13] [CH23] two tenants: %s', async (sql) => {
    const own = JSON.stringify(await rowsOf(sql, 'shop'))
    expect(own).not.toContain(SECRET)
    // The control: the same statement does show the word to the project it belongs to.
    if (!sql.includes('IN (')) expect(JSON.stringify(await rowsOf(sql, 'bank'))).toContain(SECRET)
  })

  it('[B13] [CH23] the name of a project cannot break out of its quotes', async () => {
    expect(await rowsOf('SELECT count() FROM events', `x' OR 1 OR '`)).toEqual([['0']])
    expect(await rowsOf('SELECT count() FROM events', `\\' OR 1 --`)).toEqual([['0']])
  })

  it('[B13] [CH24] limits end what is too large or too long', async () => {
    const heavy = `SELECT number FROM numbers(100000000)`
    expect(await outcomeOf(heavy)).toMatch(/^refused query_too_heavy/)
    const { clickhouse } = test
    const long = `SELECT count() FROM numbers(100000000000) WHERE sin(number) > 2`
    const limits = { timeMsMax: 300, readRowsMax: 1e15, readBytesMax: 1e15 }
    const guarded = await guardQuery(long, { project: 'shop', clickhouse, limits })
    await expect(clickhouse.queryTable(guarded.sql, guarded)).rejects.toMatchObject({
      code: 'query_timeout',
    })
  })
})
