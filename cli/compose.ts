import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '#/api/app.ts'
import { API_DEFAULTS } from '#/api/deps.ts'
import { assertSafeExposure } from '#/api/exposure.ts'
import { openKeys, type Keys } from '#/api/keys.ts'
import { createClickHouse, type ClickHouse } from '#/clickhouse/client.ts'
import { startEngine, type Engine } from '#/clickhouse/engine/start-engine.ts'
import { adhocDatabaseOf } from '#/clickhouse/guard.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics, type Metrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import type { Log } from '#/processors/log/port.ts'
import { createSupervisor, type Supervisor } from '#/processors/runtime/platform.ts'
import { createTicker, type Ticker } from '#/processors/runtime/ticker.ts'
import { topicConfigsOf, type Topology } from '#/processors/topology.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { registerAll } from '#/schemas/register.ts'
import { openEmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { composeChain } from './chain.ts'
import type { Config } from './config.ts'
import { openDashboard } from './dashboard.ts'
import { openDataDir, type DataDir } from './data-dir.ts'
import { listen } from './listen.ts'
import type { Logger } from './logger.ts'

export interface Platform {
  url: string
  /** With user, secret and database: for curl, notebooks, Grafana. */
  clickhouseUrl: string
  registryUrl: string
  ingestKey: string
  keys: Keys
  log: Log
  supervisor: Supervisor
  clickhouse: ClickHouse
  engine: Engine
  metrics: Metrics
  stop(): Promise<void>
}

export interface ComposeOptions {
  config: Config
  logger: Logger
  version: string
  /** Told of each step, for the one who waits. */
  onStep: (text: string) => void
}

const DEFAULT_PROJECT = 'default'
const DATABASE = 'faultline'
const DAY_MS = 86_400_000

/** Things to close, newest first, also when a later step of the start fails. */
type Closers = (() => Promise<void>)[]

/** Builds the platform from its parts, in the order in which each needs the one before. */
export async function compose(options: ComposeOptions): Promise<Platform> {
  const closers: Closers = []
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close()
  }
  try {
    return { ...(await open(options, closers)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function open(options: ComposeOptions, closers: Closers): Promise<Omit<Platform, 'stop'>> {
  const { config, logger, onStep } = options
  assertSafeExposure({ host: config.host, hasAccounts: false })
  const dataDir = openDataDir(config.dataDir)
  const metrics = createMetrics()

  onStep('opening the log')
  const log = await openEmbeddedLog({
    dir: config.dataDir,
    clock: systemClock,
    durability: config.durability,
    metrics,
  })
  closers.push(() => log.close())
  const registry = openEmbeddedRegistry({ dir: join(config.dataDir, 'registry') })
  const schemaIds = await registerAll(registry)

  onStep('opening ClickHouse')
  const { engine, clickhouse, adhoc, clickhouseUrl } = await openClickHouse(
    options,
    dataDir,
    closers,
  )
  const migrated = await migrate(clickhouse, { retentionDays: config.retentionDays })
  if (migrated.applied.length > 0)
    logger.info('tables migrated', { applied: migrated.applied.join(', ') })

  onStep('starting the processors')
  const chain = composeChain({ config, clickhouse, registry, schemaIds })
  const retentionMs = config.logRetentionDays * DAY_MS
  await log.createTopics(
    topicConfigsOf(chain.stages, { partitions: config.partitions, retentionMs }),
  )
  const keys = await openKeys({
    log,
    clock: systemClock,
    schemaIds,
    registry,
    onProblem: (error) => logger.warn('configuration entry', { error }),
  })
  closers.push(() => keys.close())
  const supervisor = await startProcessors({ options, log, metrics, chain, schemaIds }, closers)

  onStep('starting the API and the dashboard')
  const reads = createReads({ clickhouse, adhoc })
  const app = await openApp(
    { options, log, keys, metrics, registry, schemaIds, supervisor, reads },
    closers,
  )
  const url = await listen(app, { host: config.host, port: config.port, flag: 'port' })
  const ingestKey = await firstKey(keys, dataDir)
  return {
    url,
    clickhouseUrl,
    registryUrl: '',
    ingestKey,
    keys,
    log,
    supervisor,
    clickhouse,
    engine,
    metrics,
  }
}

async function openClickHouse(
  { config, logger }: ComposeOptions,
  dataDir: DataDir,
  closers: Closers,
) {
  const secrets = {
    internal: dataDir.secret('clickhouse-internal'),
    reader: dataDir.secret('clickhouse-reader'),
  }
  const engine = await startEngine({
    dataDir: join(config.dataDir, 'clickhouse'),
    port: config.clickhousePort,
    secrets,
    clock: systemClock,
    onRestart: (reason, restarts) => logger.warn('ClickHouse was restarted', { reason, restarts }),
    onExit: (error) => logger.error('ClickHouse does not come back', { error }),
  })
  closers.push(() => engine.stop())
  const connect = (database: string): ClickHouse => {
    const client = createClickHouse({
      url: engine.url,
      username: engine.users.internal,
      password: secrets.internal,
      database,
    })
    closers.push(() => client.close())
    return client
  }
  const readable = new URL(`/${DATABASE}`, engine.url)
  readable.username = engine.users.reader
  readable.password = secrets.reader
  return {
    engine,
    clickhouse: connect(DATABASE),
    adhoc: connect(adhocDatabaseOf(DATABASE)),
    clickhouseUrl: readable.href,
  }
}

interface ProcessorParts {
  options: ComposeOptions
  log: Log
  metrics: Metrics
  chain: Topology
  schemaIds: SchemaIds
}

async function startProcessors(
  { options, log, metrics, chain, schemaIds }: ProcessorParts,
  closers: Closers,
): Promise<Supervisor> {
  const { logger } = options
  const supervisor = createSupervisor(chain.stages, {
    log,
    metrics,
    clock: systemClock,
    random: systemRandom,
    deadLetters: chain.deadLetters,
    epochOf: () => 1,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    onProblem: ({ stage, input, error, restartInMs }) =>
      logger.error('a processor failed', {
        stage,
        partition: input.partition,
        error,
        restartInMs: restartInMs ?? 'never',
      }),
    onRewind: ({ stage, offset }) => logger.warn('offsets were set back', { stage, offset }),
  })
  const ticker = createPlatformTicker(log, schemaIds, logger)
  closers.push(() => supervisor.stop())
  await supervisor.start()
  closers.push(() => ticker.stop())
  await ticker.start()
  return supervisor
}

function createPlatformTicker(log: Log, schemaIds: SchemaIds, logger: Logger): Ticker {
  const decoder = createDecoder('Tick')
  return createTicker({
    log,
    clock: systemClock,
    telemetryTopic: TOPICS.raw.name,
    clockTopic: TOPICS.clock.name,
    encodeTick: (tick) => encode('Tick', schemaIds.Tick, tick),
    decodeTick: (value) => decoder.decode(value),
    onProblem: (error) => logger.warn('a tick was not written', { error }),
  })
}

interface AppParts {
  options: ComposeOptions
  log: Log
  keys: Keys
  metrics: Metrics
  registry: SchemaRegistry
  schemaIds: SchemaIds
  supervisor: Supervisor
  reads: ReturnType<typeof createReads>
}

async function openApp(parts: AppParts, closers: Closers): Promise<FastifyInstance> {
  const { config, logger, version } = parts.options
  let app: FastifyInstance | undefined
  const dashboard = await openDashboard(() => app)
  app = buildApp({
    ...parts,
    version,
    clock: systemClock,
    random: systemRandom,
    pipeline: { stages: () => parts.supervisor.status() },
    config: {
      ...API_DEFAULTS,
      eventsPerSecondMax: config.ingestRate,
      eventsBurstMax: config.ingestRate * 2,
      lagRecordsMax: config.lagMax,
    },
    dashboard,
    onProblem: (error, requestId) => logger.error('a request failed', { error, requestId }),
  })
  const opened = app
  closers.push(() => opened.close())
  return opened
}

/** The default project's key for sending; made at the first start, kept in a file so that every start can print it. */
async function firstKey(keys: Keys, dataDir: DataDir): Promise<string> {
  await keys.ensureProject({ id: DEFAULT_PROJECT, name: 'Default', actor: 'start' })
  const known = dataDir.read('ingest-key')
  if (known !== undefined && keys.verify(known) !== undefined) return known
  const { key } = await keys.createKey({
    project: DEFAULT_PROJECT,
    name: 'first key',
    scopes: ['ingest'],
    actor: 'start',
  })
  dataDir.write('ingest-key', `${key}\n`)
  return key
}
