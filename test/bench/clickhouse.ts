import { readFileSync } from 'node:fs'
import { createClickHouse } from '#/clickhouse/client.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { startTestEngine } from '#/clickhouse/engine/test-engine.ts'
import type { TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { guardQuery } from '#/clickhouse/guard.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { SINK_TABLES, createSinkTable } from '#/clickhouse/sink-table.ts'
import { batchOf } from '#/clickhouse/test-events.ts'
import { systemClock } from '#/kernel/clock.ts'
import { columnsOf } from '#/schemas/columns.ts'

/** The embedded ClickHouse: start, latency, the cost of a row, memory, and queries over many rows. */
export interface ClickHouseBenchOptions {
  /** Rows of the query part; made inside the engine. */
  rows?: number
}

const BATCH_ROWS = 10_000
const BATCHES = 10
/** The kernel counts CPU time in hundredths of a second on every Linux we run on. */
const TICK_US = 10_000

export async function run(
  print: (line: string) => void,
  options: ClickHouseBenchOptions = {},
): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  await using test = await startTestEngine()
  print(`start: ${(systemClock.monotonicMs() - startedMs).toFixed(0)} ms, resident ${rss(test)}`)
  await migrate(test.clickhouse, { retentionDays: 30 })
  print(`after the migrations: resident ${rss(test)}`)
  await latency(test.clickhouse, print)
  await inserts(test, print)
  await queries(test, print, options.rows ?? 1_000_000)
}

async function latency(clickhouse: ClickHouse, print: (line: string) => void): Promise<void> {
  const plain = await timesMs(200, () => clickhouse.query('SELECT 1 AS n'))
  print(`SELECT 1: ${spread(plain)}`)
  const guarded = await timesMs(100, () =>
    guardQuery('SELECT service, count() FROM events GROUP BY service', {
      project: 'p',
      clickhouse,
    }),
  )
  print(`guard: ${spread(guarded)}`)
}

/** CPU of the engine alone: what the sender spends is printed apart. */
async function inserts(test: TestEngine, print: (line: string) => void): Promise<void> {
  const { clickhouse } = test
  const columns = columnsOf('GroupedEvent')
  const made = Array.from({ length: BATCHES + 1 }, (_, index) =>
    batchOf(index * BATCH_ROWS, BATCH_ROWS),
  )
  await clickhouse.command('CREATE TABLE bare AS events')
  const measure = async (name: string, insert: (index: number) => Promise<void>): Promise<void> => {
    await insert(BATCHES)
    const [engineUs, ownUs, startedMs] = [cpuUs(test), ownCpuUs(), systemClock.monotonicMs()]
    for (let index = 0; index < BATCHES; index += 1) await insert(index)
    const rows = BATCH_ROWS * BATCHES
    const perRow = (us: number) => (us / rows).toFixed(1)
    const tookMs = systemClock.monotonicMs() - startedMs
    print(
      `${name}: engine ${perRow(cpuUs(test) - engineUs)} µs CPU a row, sender ${perRow(ownCpuUs() - ownUs)}, ${(tookMs / BATCHES).toFixed(0)} ms a batch of ${BATCH_ROWS}`,
    )
  }
  const bare = createSinkTable(clickhouse, { record: 'GroupedEvent', table: 'bare' })
  const live = createSinkTable(clickhouse, SINK_TABLES.events)
  const batchAt = (index: number) => {
    const batch = made[index]?.batch
    if (batch === undefined) throw new RangeError('no such batch')
    return batch
  }
  await measure(`Avro passed through, ${columns.length + 4} columns, no views`, (index) =>
    bare.insert(batchAt(index)),
  )
  await measure('the same into events with its views', (index) => live.insert(batchAt(index)))
  await measure('JSONEachRow, no views', (index) => {
    const rows = made[index]?.events ?? []
    const body = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const settings = { async_insert: 0, insert_deduplication_token: `json:${index}` }
    return clickhouse.insertRaw({ table: 'bare', format: 'JSONEachRow', body, settings })
  })
  print(`under load: resident ${rss(test)}`)
}

const HOUR = `occurred_at >= now64() - INTERVAL 1 HOUR`
const QUERIES: readonly (readonly [name: string, sql: string])[] = [
  [
    'last hour of one project by service',
    `SELECT service, count() AS n FROM bulk WHERE project = 'p1' AND ${HOUR} GROUP BY service`,
  ],
  [
    'a rare word over everything',
    `SELECT count() AS n FROM bulk WHERE hasToken(lower(message), 'needle77')`,
  ],
  [
    'top fingerprints of a day',
    `SELECT fingerprint, count() AS n FROM bulk WHERE project = 'p1' AND occurred_at >= now64() - INTERVAL 1 DAY GROUP BY fingerprint ORDER BY n DESC LIMIT 10`,
  ],
]

async function queries(
  test: TestEngine,
  print: (line: string) => void,
  rows: number,
): Promise<void> {
  const { engine, secrets } = test
  const clickhouse = createClickHouse({
    url: engine.url,
    username: engine.users.internal,
    password: secrets.internal,
    database: 'faultline',
    requestTimeoutMs: 900_000,
  })
  // Without the views: the rollups' memory depends on how many groups a block has, not on the table.
  await clickhouse.command('CREATE TABLE bulk AS events')
  const startedMs = systemClock.monotonicMs()
  let peak = 0
  for (let from = 0; from < rows; from += 500_000) {
    await clickhouse.command(fill(from, Math.min(500_000, rows - from)))
    peak = Math.max(peak, rssBytes(test))
  }
  const tookS = (systemClock.monotonicMs() - startedMs) / 1000
  print(`${rows} rows made in ${tookS.toFixed(0)} s, resident at most ${mib(peak)}`)
  for (const [name, sql] of QUERIES) {
    print(
      `${name}: ${spread(await timesMs(7, () => clickhouse.query(sql)))}, resident ${rss(test)}`,
    )
  }
  const [disk] = await clickhouse.query<{ bytes: string; rows: string }>(
    `SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts WHERE active AND table = 'bulk'`,
  )
  print(`on disk: ${(Number(disk?.bytes) / Number(disk?.rows)).toFixed(0)} bytes a row`)
  await clickhouse.close()
}

/** Rows spread over a day, five projects, forty services and a thousand fingerprints. */
function fill(from: number, count: number): string {
  return `INSERT INTO bulk (project, event_id, event_type, occurred_at, received_at, service, environment, severity, message, fingerprint, route, user_id)
    SELECT concat('p', toString(number % 5)), toString(number), if(number % 3 = 0, 'error', 'http_request'),
      now64(3) - toIntervalMillisecond((number * 7919) % 86400000), now64(3), concat('service-', toString(intHash32(number) % 40)), 'prod',
      1 + number % 5, concat('request ', toString(number), ' took needle', toString(number % 100000), ' ms on the way'),
      toString(intHash32(number) % 1000), concat('/route/', toString(number % 50)), toString(number % 20000)
    FROM numbers(${from}, ${count})`
}

async function timesMs(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  await work()
  for (let index = 0; index < count; index += 1) {
    const startedMs = systemClock.monotonicMs()
    await work()
    times.push(systemClock.monotonicMs() - startedMs)
  }
  return times.toSorted((a, b) => a - b)
}

function spread(sorted: readonly number[]): string {
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1)
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms`
}

function statusOf(test: TestEngine, file: string): string {
  return readFileSync(`/proc/${test.engine.pid}/${file}`, 'utf8')
}

function rssBytes(test: TestEngine): number {
  return Number(/VmRSS:\s+(\d+)/.exec(statusOf(test, 'status'))?.[1] ?? 0) * 1024
}

function rss(test: TestEngine): string {
  return mib(rssBytes(test))
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`
}

/** User and system time of the engine: fields 14 and 15 of /proc/PID/stat. */
function cpuUs(test: TestEngine): number {
  const stat = statusOf(test, 'stat')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

function ownCpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
