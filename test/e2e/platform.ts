import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { descendantsOf, faultline, isAlive, spawnNode, waitFor } from './processes.ts'
import type { Finished } from './processes.ts'

/** The line `start --json` prints once everything serves. */
export interface ReadyLine {
  ready: true
  url: string
  clickhouse_url: string
  kafka: string
  registry_url: string
  ingest_key: string
  setup_url: string | null
}

export interface PlatformOptions {
  /** Kept when given; otherwise a fresh folder that goes with the platform. */
  dataDir?: string
  args?: readonly string[]
  /** Another entry than the command line, with the same arguments. */
  script?: string
  environment?: Readonly<Record<string, string>>
  /** How long it may take until it serves; a minute when not given. */
  readyMsMax?: number
  /** Told of the process before it serves. */
  onSpawn?: (pid: number) => void
}

export interface Ended extends Finished {
  tookMs: number
}

export interface RunningPlatform extends AsyncDisposable {
  readonly url: string
  readonly key: string
  readonly dataDir: string
  readonly clickhouseUrl: string
  /** Makes the first account; null once there is one. */
  readonly setupUrl: string | null
  /** `host:port` of Kafka's protocol. */
  readonly kafka: string
  readonly registryUrl: string
  readonly pid: number
  readonly startMs: number
  /** Settles when the process has ended, however. */
  readonly finished: Promise<Finished>
  stderr(): string
  /** Processes it started: the engine. */
  children(): number[]
  /** Rows of a query, asked as the reader that everybody may use. */
  clickhouse<Row>(sql: string): Promise<Row[]>
  /** Body and status of a GET of the API. */
  get<Body>(path: string): Promise<Body>
  /** POST /v1/events; the answer whatever it is. */
  post(events: unknown, key?: string): Promise<{ status: number; body: Record<string, unknown> }>
  /** A command of the command line against this platform; exit code and output. */
  command(args: readonly string[], input?: string | Buffer): Promise<Finished>
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>
  /** SIGKILL to the process, not to the engine. */
  kill9(): Promise<Finished>
}

const PORTS = ['--port', '0', '--clickhouse-port', '0', '--registry-port', '0', '--kafka-port', '0']
const READY_MS_MAX = 60_000

export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `faultline-${name}-`))
}

export async function startPlatform(options: PlatformOptions = {}): Promise<RunningPlatform> {
  const dataDir = options.dataDir ?? temporaryFolder('e2e')
  const startedMs = systemClock.monotonicMs()
  const { script, environment } = options
  const spawned = spawnNode(
    ['start', '--json', '--data-dir', dataDir, ...PORTS, ...(options.args ?? [])],
    {
      ...(script === undefined ? {} : { script }),
      ...(environment === undefined ? {} : { environment }),
    },
  )
  const { pid, finished } = spawned
  options.onSpawn?.(pid)
  const ready = await readyLineOf(spawned, options.readyMsMax).catch(async (error: unknown) => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    throw error
  })
  const startMs = systemClock.monotonicMs() - startedMs
  let isWanted = false
  finished.then(
    (end) => isWanted || tellUnwanted(end),
    () => undefined,
  )
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<Ended> => {
    const stoppedMs = systemClock.monotonicMs()
    isWanted ||= isAlive(pid)
    if (isAlive(pid)) process.kill(pid, signal)
    const end = await finished
    return { ...end, tookMs: systemClock.monotonicMs() - stoppedMs }
  }
  return {
    url: ready.url,
    key: ready.ingest_key,
    dataDir,
    clickhouseUrl: ready.clickhouse_url,
    setupUrl: ready.setup_url,
    kafka: ready.kafka,
    registryUrl: ready.registry_url,
    pid,
    startMs,
    finished,
    stderr: () => spawned.stderr(),
    children: () => descendantsOf(pid),
    clickhouse: (sql) => queryRows(ready.clickhouse_url, sql),
    get: (path) => getJson(new URL(path, ready.url)),
    post: (events, key = ready.ingest_key) => postEvents({ url: ready.url, key, events }),
    command: (args, input = '') => faultline([...args, '--data-dir', dataDir], { input }),
    stop,
    async kill9() {
      isWanted = true
      process.kill(pid, 'SIGKILL')
      return finished
    },
    async [Symbol.asyncDispose]() {
      const children = descendantsOf(pid)
      isWanted ||= isAlive(pid)
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
      await finished
      for (const child of children) if (isAlive(child)) process.kill(child, 'SIGKILL')
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Nobody asked for its end: what a test sees then is a reset connection, and why stands in here. */
function tellUnwanted({ code, signal, stderr }: Finished): void {
  process.stderr.write(
    `the platform under test ended by itself with ${signal ?? code}:\n${stderr.slice(-4000)}\n`,
  )
}

async function readyLineOf(
  spawned: ReturnType<typeof spawnNode>,
  withinMs = READY_MS_MAX,
): Promise<ReadyLine> {
  const line = waitFor(
    () => {
      const [first = '', ...rest] = spawned.stdout().split('\n')
      return rest.length > 0 ? first : undefined
    },
    { what: 'the platform to serve', withinMs, everyMs: 20 },
  )
  const died = spawned.finished.then(({ code, stderr }) => {
    throw new Error(`the platform ended with ${code}: ${stderr}`)
  })
  died.catch(() => undefined)
  line.catch(() => undefined)
  return JSON.parse(await Promise.race([line, died])) as ReadyLine
}

/** Over HTTP as curl would; user and secret stand in the address. */
export async function queryRows<Row>(clickhouseUrl: string, sql: string): Promise<Row[]> {
  const address = new URL(clickhouseUrl)
  const { username, password } = address
  const target = new URL('/', address)
  target.username = ''
  target.password = ''
  target.searchParams.set('database', address.pathname.slice(1))
  target.searchParams.set('default_format', 'JSONEachRow')
  const response = await fetch(target, {
    method: 'POST',
    body: sql,
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`ClickHouse answered ${response.status}: ${text}`)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

async function getJson<Body>(url: URL): Promise<Body> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`${url.pathname} answered ${response.status}: ${text}`)
  return JSON.parse(text) as Body
}

async function postEvents(given: {
  url: string
  key: string
  events: unknown
}): Promise<{ status: number; body: Record<string, unknown> }> {
  const { url, key, events } = given
  const response = await fetch(new URL('/v1/events', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { 'x-api-key': key }) },
    body: JSON.stringify(events),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** The rows of `events`, by id, once there are that many. */
export async function waitForEvents(
  platform: RunningPlatform,
  count: number,
  withinMs = 20_000,
): Promise<void> {
  await waitFor(async () => (await eventCount(platform)) >= count, {
    what: `${count} events in ClickHouse`,
    withinMs,
  })
}

export async function eventCount(platform: RunningPlatform): Promise<number> {
  const [row] = await platform.clickhouse<{ n: string }>(
    "SELECT count() AS n FROM events WHERE project != 'faultline'",
  )
  return Number(row?.n ?? 0)
}

/** Resident memory of one process, in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}
