import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createClickHouse } from '#/clickhouse/client.ts'
import { startTestEngine } from '#/clickhouse/engine/test-engine.ts'
import type { TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import { questions } from './page-questions.ts'
import { processCpuMs, residentMb } from './process-usage.ts'

/** What the dashboard asks, over ten million events that came in through the table with its views. */
const ROWS = 10_000_000
/** The engine holds a block with all its rollups in memory. */
const CHUNK_ROWS = 50_000
const PAST_MS = 24 * 3_600_000
const TIMES = 15
const MERGED_MS_MAX = 180_000
type Print = (line: string) => void

export interface QueriesBenchOptions {
  rows?: number
  /** Filled once, and asked again by later runs: what pages ask then ends at the moment it was filled. */
  dataDir?: string
}

export async function run(print: Print, options: QueriesBenchOptions = {}): Promise<void> {
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir)
  await using test = await startTestEngine(dataDir === undefined ? {} : { dataDir })
  await migrate(test.clickhouse, { retentionDays: 30 })
  const nowMs = await filledAt(test, { rows: options.rows ?? ROWS, dataDir, print })
  await untilMerged(test, print)
  const reads = createReads(test.clickhouse)
  const half = nowMs - PAST_MS / 2
  for (const { name, msMax, ask } of questions(nowMs)) {
    const { times, cpuMs } = await timesOf(() => ask(reads), test.engine.pid ?? 0)
    const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0
    print(
      `${name.padEnd(44)} p50 ${at(0.5).toFixed(0).padStart(5)} ms  p95 ${at(0.95).toFixed(0).padStart(5)} ms  engine ${cpuMs.toFixed(0).padStart(5)} ms of CPU  (must ${msMax}: ${at(0.95) <= msMax ? 'reached' : 'MISSED'})`,
    )
  }
  const [found] = await test.clickhouse.query<{ n: string }>(
    `SELECT count() AS n FROM events WHERE occurred_at >= fromUnixTimestamp64Milli(toInt64(${half}))`,
  )
  print(`${Number(found?.n).toLocaleString('en')} events lie in the later half`)
}

/** The end of the day that lies in the tables. A folder that was filled says it itself, once all of it is there. */
async function filledAt(
  test: TestEngine,
  { rows, dataDir, print }: { rows: number; dataDir: string | undefined; print: Print },
): Promise<number> {
  const file = dataDir === undefined ? undefined : join(dataDir, 'filled.json')
  if (file !== undefined && existsSync(file)) {
    const filled = JSON.parse(readFileSync(file, 'utf8')) as { rows: number; nowMs: number }
    const agoMin = Math.round((systemClock.nowMs() - filled.nowMs) / 60_000)
    print(`${filled.rows.toLocaleString('en')} events, filled ${agoMin} minutes ago`)
    return filled.nowMs
  }
  const [stored] = await test.clickhouse.query<{ n: string }>('SELECT count() AS n FROM events')
  if (stored?.n !== '0')
    throw new FaultlineError('usage', `${dataDir} was filled half way or by something else`, {
      remedy: 'remove the folder, or name another one',
    })
  const nowMs = systemClock.nowMs()
  await fill(test, { rows, nowMs, print })
  if (file !== undefined) writeFileSync(file, JSON.stringify({ rows, nowMs }))
  return nowMs
}

/** A day came in within two minutes, and so did its merges; on a day of its own they are spread over it. */
async function untilMerged(test: TestEngine, print: Print): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const waitedMs = (): number => systemClock.monotonicMs() - startedMs
  while (waitedMs() < MERGED_MS_MAX) {
    const [running] = await test.clickhouse.query<{ n: string }>(
      'SELECT count() AS n FROM system.merges',
    )
    if (Number(running?.n) === 0) break
    await systemClock.sleep(500)
  }
  print(`merges at rest after ${(waitedMs() / 1000).toFixed(0)} s`)
}

export async function fill(
  test: TestEngine,
  { rows, nowMs, print }: { rows: number; nowMs: number; print: Print },
): Promise<void> {
  const { engine, secrets } = test
  const patient = createClickHouse({
    url: engine.url,
    username: engine.users.internal,
    password: secrets.internal,
    database: 'faultline',
    requestTimeoutMs: 900_000,
  })
  const startedMs = systemClock.monotonicMs()
  let [peakMb, retries] = [0, 0]
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, rows - from)
    // In order of time, as events come; each chunk is one slice of the day.
    const startMs = nowMs - PAST_MS + (from / rows) * PAST_MS
    const sql = insert({ from, count, startMs, lengthMs: (count / rows) * PAST_MS })
    // Out of memory beside a large merge is an error that passes, as for the sinks; the token keeps it from doubling.
    await retry(() => patient.command(sql), {
      clock: systemClock,
      random: systemRandom,
      attemptsMax: 20,
      delayFirstMs: 200,
      delayMaxMs: 3000,
      isRetryable: (error) => isFaultlineError(error) && error.retryable,
      onRetry: () => {
        retries += 1
      },
    })
    peakMb = Math.max(peakMb, residentMb(engine.pid ?? 0))
  }
  await patient.close()
  const tookS = (systemClock.monotonicMs() - startedMs) / 1000
  print(
    `${rows.toLocaleString('en')} events in ${tookS.toFixed(0)} s with all views, engine at most ${peakMb.toFixed(0)} MB, ${retries} inserts repeated`,
  )
}

/**
 * One project, forty services with five routes each, 25 % errors in 200 issues; one in 50 times out. Four events are one
 * trace through four services; of 500 users who are there for ten minutes each does some 140 things.
 */
function insert(chunk: { from: number; count: number; startMs: number; lengthMs: number }): string {
  const { from, count, startMs, lengthMs } = chunk
  const atMs = `toInt64(${Math.floor(startMs)} + (number - ${from}) / ${count} * ${lengthMs})`
  return `INSERT INTO events (project, event_id, event_type, occurred_at, received_at, service, environment, release,
      host, severity, message, error_type, fingerprint, title, route, status_code, duration_ms, user_id, trace_id, span_id,
      parent_span_id, _topic, _offset)
    SETTINGS async_insert = 0, insert_deduplication_token = 'bench:${from}'
    SELECT 'default', concat('e', toString(number)), if(number % 4 = 0, 'error', 'http_request'),
      fromUnixTimestamp64Milli(${atMs}), now64(3), concat('service-', toString(intHash32(number) % 40)), 'prod', 'v1',
      concat('host-', toString(intHash32(number + 2) % 20)), if(number % 4 = 0, 4, 2),
      concat('request ', toString(number), if(intHash32(number + 1) % 50 = 0, ' met a timeout', ' was answered'), ' by node ', toString(number % 97)),
      if(number % 4 = 0, concat('Error', toString(intHash32(number) % 20)), ''),
      if(number % 4 = 0, hex(intHash32(number) % 200), ''), if(number % 4 = 0, concat('Error ', toString(intHash32(number) % 200)), ''),
      concat('/route/', toString(intHash32(number) % 40), '/', toString(number % 5)), if(number % 4 = 0, 500, 200), number % 1000,
      concat('u', toString(intDiv(toUInt64(${atMs}), 600000) * 500 + intHash32(number + 3) % 500)),
      hex(intHash64(intDiv(number, 4))), hex(intHash64(number + 1)), if(number % 4 = 0, '', hex(intHash64(number))),
      'signals.fingerprinted.v1', number
    FROM numbers(${from}, ${count})`
}

/** Warm: the first answer is not counted. Processor time of the engine hardly depends on what else runs. */
async function timesOf(
  work: () => Promise<unknown>,
  enginePid: number,
): Promise<{ times: number[]; cpuMs: number }> {
  const times: number[] = []
  await work()
  const cpuBeforeMs = processCpuMs(enginePid)
  for (let time = 0; time < TIMES; time += 1) {
    const startedMs = systemClock.monotonicMs()
    await work()
    times.push(systemClock.monotonicMs() - startedMs)
  }
  const cpuMs = (processCpuMs(enginePid) - cpuBeforeMs) / TIMES
  return { times: times.toSorted((a, b) => a - b), cpuMs }
}
