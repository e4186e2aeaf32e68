/** The app over in-memory twins, for tests: a log, a registry, keys and a read store, none of them mocked. */
import type { FastifyInstance } from 'fastify'
import { createManualClock } from '#/kernel/clock.ts'
import type { Clock, ManualClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { createDecoder } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { StageView } from '#/schemas/view.ts'
import { buildApp } from './app.ts'
import { API_DEFAULTS } from './deps.ts'
import type { ApiConfig, AppDeps } from './deps.ts'
import { openKeys } from './keys.ts'
import { openDsns } from './sentry/dsns.ts'
import { TestReads } from './test-reads.ts'

export const TEST_NOW_MS = Date.UTC(2026, 10, 21, 3, 30)
export const TEST_PARTITIONS = 4

export interface TestApp {
  app: FastifyInstance
  deps: AppDeps
  /** Moves the app's time, unless the test brought a clock of its own. */
  clock: ManualClock
  log: Log
  metrics: Metrics
  reads: TestReads
  /** Set what the pipeline answers. */
  stages: StageView[]
  problems: unknown[]
  ingestKey: string
  readKey: string
  adminKey: string
  /** All events on the raw topic, partition by partition. */
  rawEvents(): Promise<Event[]>
  post(
    body: unknown,
    options?: { url?: string; headers?: Record<string, string>; key?: string | null },
  ): Promise<TestAnswer>
  get(url: string, headers?: Record<string, string>): Promise<TestAnswer>
  close(): Promise<void>
}

interface TestAnswer {
  status: number
  headers: Record<string, unknown>
  text: string
  /** Parsed when it is JSON. */
  body: Record<string, unknown>
}

export interface TestAppOptions {
  config?: Partial<ApiConfig>
  dashboard?: AppDeps['dashboard']
  grouping?: (deps: AppDeps) => Promise<AppDeps['grouping']>
  silences?: (deps: AppDeps) => Promise<AppDeps['silences']>
  detectors?: (deps: AppDeps) => Promise<AppDeps['detectors']>
  collab?: (deps: AppDeps) => Promise<AppDeps['collab']>
  people?: (deps: AppDeps) => Promise<Pick<AppDeps, 'accounts' | 'audit' | 'oidc' | 'wsTickets'>>
  /** For tests over real sockets, whose other side keeps real time. */
  clock?: Clock
}

export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const manual = createManualClock(TEST_NOW_MS)
  const clock = options.clock ?? manual
  const log = await createTestLog(clock)
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const problems: unknown[] = []
  const onProblem = (error: unknown): void => void problems.push(error)
  const keys = await openKeys({ log, clock, schemaIds, registry, onProblem })
  const dsns = await openDsns({ log, clock, schemaIds, registry, onProblem })
  const keyOf = async (scope: 'ingest' | 'read' | 'admin'): Promise<string> =>
    (await keys.createKey({ project: 'default', name: scope, scopes: [scope] })).key
  const reads = new TestReads()
  const stages: StageView[] = []
  const deps: AppDeps = {
    clock,
    random: createSeededRandom(1),
    log,
    schemaIds,
    registry,
    reads,
    keys,
    dsns,
    metrics: createMetrics(),
    pipeline: { stages: async () => stages },
    config: { ...API_DEFAULTS, ...options.config },
    version: '0.0.0-test',
    dashboard: options.dashboard,
    onProblem,
  }
  deps.grouping = await options.grouping?.(deps)
  deps.silences = await options.silences?.(deps)
  deps.detectors = await options.detectors?.(deps)
  deps.collab = await options.collab?.(deps)
  Object.assign(deps, await options.people?.(deps))
  const app = buildApp(deps)
  await app.ready()
  const ingestKey = await keyOf('ingest')
  return {
    app,
    deps,
    clock: manual,
    log,
    reads,
    stages,
    problems,
    ingestKey,
    metrics: deps.metrics,
    readKey: await keyOf('read'),
    adminKey: await keyOf('admin'),
    rawEvents: () => readRaw(log),
    post: (body, wish) => post(app, body, { key: ingestKey, ...wish }),
    get: (url, headers) => get(app, url, headers),
    async close() {
      await app.close()
      await keys.close()
      await dsns.close()
      await log.close()
    },
  }
}

async function createTestLog(clock: Clock): Promise<Log> {
  const log = createMemoryLog({ clock })
  await log.createTopics(
    Object.values(TOPICS).map((topic) => ({
      name: topic.name,
      partitions: topic.partitions === 'one' ? 1 : TEST_PARTITIONS,
      retentionMs: Number.POSITIVE_INFINITY,
      retentionBytes: Number.POSITIVE_INFINITY,
      compacted: topic.compacted,
    })),
  )
  return log
}

async function post(
  app: FastifyInstance,
  body: unknown,
  wish: { url?: string; headers?: Record<string, string>; key: string | null },
): Promise<TestAnswer> {
  const response = await app.inject({
    method: 'POST',
    url: wish.url ?? '/v1/events',
    payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(wish.key === null ? {} : { 'x-api-key': wish.key }),
      ...wish.headers,
    },
  })
  return answerOf(response)
}

async function get(
  app: FastifyInstance,
  url: string,
  headers: Record<string, string> = {},
): Promise<TestAnswer> {
  return answerOf(await app.inject({ method: 'GET', url, headers }))
}

function answerOf(response: {
  statusCode: number
  headers: Record<string, unknown>
  body: string
}): TestAnswer {
  const isJson = /json/.test(String(response.headers['content-type']))
  return {
    status: response.statusCode,
    headers: response.headers,
    text: response.body,
    body: isJson ? (JSON.parse(response.body) as Record<string, unknown>) : {},
  }
}

async function readRaw(log: Log): Promise<Event[]> {
  const decoder = createDecoder('Event')
  const events: Event[] = []
  for (let partition = 0; partition < TEST_PARTITIONS; partition += 1) {
    const tp = { topic: TOPICS.raw.name, partition }
    const end = await log.endOffset(tp)
    for (let next = 0; next < end;) {
      const records = await log.read(tp, next, { bytesMax: 1 << 20, waitMs: 0 })
      for (const record of records) {
        if (record.value !== null) events.push(decoder.decode(record.value))
        next = record.offset + 1
      }
    }
  }
  return events
}
