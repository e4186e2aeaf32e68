import { join } from 'node:path'
import { buildApp, type App } from '#/api/app.ts'
import { API_DEFAULTS, type AppDeps } from '#/api/deps.ts'
import { assertSafeExposure } from '#/api/exposure.ts'
import { openKeys, type Keys } from '#/api/keys.ts'
import { buildRegistryApp } from '#/api/registry-http.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { registerAll } from '#/schemas/register.ts'
import { openEmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import { readTopology } from './chain.ts'
import type { Config } from './config.ts'
import { openDashboard } from './dashboard.ts'
import { openDataDir, type DataDir } from './data-dir.ts'
import { openDeadLetterDesk } from './dead-letters.ts'
import { openStorage, type Storage } from './engine.ts'
import type { Kit } from './kit.ts'
import { listen } from './listen.ts'
import type { Logger } from './logger.ts'
import { createOperations } from './operations.ts'
import { prepareChain, startProcessors, type Processors } from './processors.ts'

export interface Platform {
  url: string
  /** With user, secret and database: for curl, notebooks, Grafana. */
  clickhouseUrl: string
  registryUrl: string
  ingestKey: string
  stop(): Promise<void>
}

export interface KitOptions {
  config: Config
  logger: Logger
  version: string
  /** Instead of the file the configuration names. */
  topology?: Kit['topology']
  sink?: Kit['sink']
}

export interface ComposeOptions extends KitOptions {
  /** Told of each step, for the one who waits. */
  onStep: (text: string) => void
}

const DEFAULT_PROJECT = 'default'

/** Builds the platform from its parts, in the order in which each needs the one before. */
export async function compose(options: ComposeOptions): Promise<Platform> {
  const closers: Kit['closers'] = []
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

async function open(
  options: ComposeOptions,
  closers: Kit['closers'],
): Promise<Omit<Platform, 'stop'>> {
  const { config, onStep } = options
  assertSafeExposure({ host: config.host, hasAccounts: config.readAccess === 'keys' })
  onStep('opening the log')
  const kit = await openKit(options, closers)
  onStep('opening ClickHouse')
  const storage = await openStorage(kit)
  onStep('starting the processors')
  const chain = await prepareChain(kit, storage.clickhouse)
  const keys = await openKeys({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a key entry', { error }),
  })
  closers.push(() => keys.close())
  const processors = await startProcessors(kit, chain)
  onStep('starting the API and the dashboard')
  const app = await openApp(kit, { storage, keys, processors })
  const url = await listen(app, { host: config.host, port: config.port, flag: 'port' })
  const registryUrl = await serveRegistry(kit)
  const ingestKey = await firstKey(keys, kit.dataDir)
  announce(kit, url)
  return { url, clickhouseUrl: storage.readerUrl, registryUrl, ingestKey }
}

/** The log, the registry and what goes with them; enough for commands on a stopped platform. */
export async function openKit(
  { config, logger, version, sink, topology }: KitOptions,
  closers: Kit['closers'],
): Promise<Kit> {
  const dataDir = openDataDir(config.dataDir)
  const metrics = createMetrics()
  const log = await openEmbeddedLog({
    dir: config.dataDir,
    clock: systemClock,
    durability: config.durability,
    metrics,
    onProblem: (error) => logger.warn('the log', { error }),
  })
  closers.push(() => log.close())
  const registry = openEmbeddedRegistry({ dir: join(config.dataDir, 'registry') })
  const schemaIds = await registerAll(registry)
  return {
    config,
    logger,
    version,
    dataDir,
    metrics,
    log,
    registry,
    schemaIds,
    closers,
    sink,
    topology: topology ?? readTopology(config.topology),
  }
}

interface AppParts {
  storage: Storage
  keys: Keys
  processors: Processors
}

async function openApp(kit: Kit, { storage, keys, processors }: AppParts): Promise<App> {
  const { config, logger, closers } = kit
  const deadLetters = await openDeadLetterDesk({
    ...kit,
    clock: systemClock,
    onProblem: (error) => logger.warn('a dead-letter entry', { error }),
  })
  closers.push(() => deadLetters.close())
  const limits = {
    eventsPerSecondMax: config.ingestRate,
    eventsBurstMax: config.ingestRate * 2,
    lagRecordsMax: config.lagMax,
  }
  const deps: Omit<AppDeps, 'dashboard'> = {
    ...kit,
    keys,
    clock: systemClock,
    random: systemRandom,
    reads: createReads(storage.clickhouse),
    pipeline: { stages: () => processors.supervisor.status() },
    operations: createOperations(processors.replays, deadLetters, processors.groups),
    firstKeyShell: `$(cat ${join(config.dataDir, 'ingest-key')})`,
    operatorToken: kit.dataDir.secret('operator-token'),
    config: {
      ...API_DEFAULTS,
      ...limits,
      defaultProject: config.project,
      readAccess: config.readAccess,
      hostsAllowed: (config.allowedHosts ?? '').split(',').filter((name) => name !== ''),
    },
    onProblem: (error, requestId) => logger.error('a request failed', { error, requestId }),
  }
  // Pages ask the API inside this process, and the API serves the pages: each is given the other.
  let app: App | undefined
  const dashboard = await openDashboard(() => app)
  const opened = buildApp({ ...deps, dashboard })
  app = opened
  closers.push(() => opened.close())
  return opened
}

/** Producers register and read schemas as they would at Confluent's; on loopback, like ClickHouse. */
async function serveRegistry({ config, registry, closers }: Kit): Promise<string> {
  const app = buildRegistryApp({ registry })
  closers.push(() => app.close())
  return listen(app, { host: '127.0.0.1', port: config.registryPort, flag: 'registry-port' })
}

/** The default project's key for sending; made at the first start, kept in a file so that every start can print it. */
export async function firstKey(keys: Keys, dataDir: DataDir): Promise<string> {
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

/** Leaves the address in the data folder, so that commands beside it find the running platform. */
function announce({ dataDir, closers }: Kit, url: string): void {
  dataDir.write('platform-url', `${url}\n`)
  closers.push(async () => dataDir.remove('platform-url'))
}
