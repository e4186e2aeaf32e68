import { createClickHouse } from '#/clickhouse/client.ts'
import { startTestEngine } from '#/clickhouse/engine/test-engine.ts'
import type { TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import type { EventFilter, Reads } from '#/schemas/reads.ts'
import { processCpuMs, residentMb } from './process-usage.ts'

/** What the dashboard asks, over ten million events that came in through the table with its views. */
const ROWS = 10_000_000
/** The engine holds a block with all its rollups in memory. */
const CHUNK_ROWS = 50_000
const PAST_MS = 24 * 3_600_000
const TIMES = 15
const FIRST_ID = 'e0'
type Print = (line: string) => void

interface Question {
  name: string
  msMax: number
  ask: (reads: Reads) => Promise<unknown>
}

export async function run(print: Print, { rows = ROWS }: { rows?: number } = {}): Promise<void> {
  await using test = await startTestEngine()
  await migrate(test.clickhouse, { retentionDays: 30 })
  const nowMs = systemClock.nowMs()
  await fill(test, { rows, nowMs, print })
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

async function fill(
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

/** One project, forty services with five routes each, two thousand users, 25 % errors in 200 issues; one in 50 times out. */
function insert(chunk: { from: number; count: number; startMs: number; lengthMs: number }): string {
  const { from, count, startMs, lengthMs } = chunk
  const atMs = `toInt64(${Math.floor(startMs)} + (number - ${from}) / ${count} * ${lengthMs})`
  return `INSERT INTO events (project, event_id, event_type, occurred_at, received_at, service, environment, release,
      severity, message, fingerprint, title, route, status_code, duration_ms, user_id, _topic, _offset)
    SETTINGS async_insert = 0, insert_deduplication_token = 'bench:${from}'
    SELECT 'default', concat('e', toString(number)), if(number % 4 = 0, 'error', 'http_request'),
      fromUnixTimestamp64Milli(${atMs}), now64(3), concat('service-', toString(intHash32(number) % 40)), 'prod', 'v1',
      if(number % 4 = 0, 4, 2),
      concat('request ', toString(number), if(intHash32(number + 1) % 50 = 0, ' met a timeout', ' was answered'), ' by node ', toString(number % 97)),
      if(number % 4 = 0, hex(intHash32(number) % 200), ''), if(number % 4 = 0, concat('Error ', toString(intHash32(number) % 200)), ''),
      concat('/route/', toString(intHash32(number) % 40), '/', toString(number % 5)), if(number % 4 = 0, 500, 200), number % 1000, concat('u', toString(number % 2000)),
      'signals.fingerprinted.v1', number
    FROM numbers(${from}, ${count})`
}

function questions(nowMs: number): readonly Question[] {
  const project = 'default'
  const day = { project, from: nowMs - PAST_MS, to: nowMs }
  const half = { project, from: nowMs - PAST_MS / 2, to: nowMs }
  const hour = { project, from: nowMs - 3_600_000, to: nowMs }
  const [text, cursor, limit] = ['', null, 50] as const
  const none: readonly EventFilter[] = []
  const [minuteMs, quarterMs] = [60_000, 900_000]
  const series = { ...day, filters: none, text, stepMs: quarterMs, limit: 8 }
  return [
    {
      name: 'overview, an hour (Now)',
      msMax: 50,
      ask: (r) => r.overview({ ...hour, stepMs: minuteMs }),
    },
    { name: 'overview, a day', msMax: 100, ask: (r) => r.overview({ ...day, stepMs: quarterMs }) },
    {
      name: 'events a quarter of an hour by service, a day',
      msMax: 100,
      ask: (r) => r.metrics({ ...series, metric: 'events', groupBy: 'service' }),
    },
    {
      name: 'p95 of the duration, a day',
      msMax: 100,
      ask: (r) => r.metrics({ ...series, metric: 'latency_p95', groupBy: null }),
    },
    { name: 'services, a day', msMax: 100, ask: (r) => r.services(day) },
    {
      name: 'event statistics, an hour',
      msMax: 100,
      ask: (r) => r.eventStats({ ...hour, filters: none, text }),
    },
    {
      name: 'what changed in ten minutes',
      msMax: 300,
      ask: (r) => {
        const selection = { project, filters: none, text }
        const [from, to] = [nowMs - 3_600_000, nowMs - 3_000_000]
        return r.changes({
          inside: { ...selection, from, to },
          before: { ...selection, from: from - 600_000, to: from },
          ignored: [],
        })
      },
    },
    {
      name: 'who calls whom, an hour',
      msMax: 300,
      ask: (r) => r.serviceGraph(hour),
    },
    {
      name: 'issues, a day',
      msMax: 100,
      ask: (r) =>
        r.issues({ ...day, services: [], text, sort: 'last_seen', order: 'desc', cursor, limit }),
    },
    {
      name: 'newest 50 events, a day',
      msMax: 200,
      ask: (r) => r.events({ ...day, filters: none, text, cursor, limit }),
    },
    {
      name: 'one event by its id',
      msMax: 200,
      ask: (r) => r.event({ project, eventId: FIRST_ID }),
    },
    {
      name: '"timeout" in half of them, with facets',
      msMax: 1000,
      ask: (r) =>
        r.search({
          ...half,
          filters: none,
          text: 'timeout',
          cursor,
          limit,
          stepMs: quarterMs,
          facets: ['event_type', 'severity', 'environment'],
        }),
    },
    {
      name: '"timeout" in all of them, the newest 50',
      msMax: 1000,
      ask: (r) => r.events({ ...day, filters: none, text: 'timeout', cursor, limit }),
    },
  ]
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
