import { assertSafeExposure } from '#/api/exposure.ts'
import { openConfigFollower } from '#/api/config-follower.ts'
import { openKeys, type Keys } from '#/api/keys.ts'
import { buildRegistryApp } from '#/api/registry-http.ts'
import { NOTIFY_GROUP } from '#/processors/notify/stage.ts'
import { systemClock } from '#/kernel/clock.ts'
import { openPeople, setupUrlOf } from './accounts.ts'
import { composeChain } from './chain.ts'
import { openDeck, openSandbox } from './drill/sandbox.ts'
import { openStorage } from './engine.ts'
import { withoutPassword } from './config.ts'
import { exclusively } from './exclusively.ts'
import { serveKafka } from './kafka-front.ts'
import { firstKey, hasFirstKey, knownKey } from './first-key.ts'
import type { Kit } from './kit.ts'
import { listen } from './listen.ts'
import { openKit, type KitOptions } from './open-kit.ts'
import { createTopics, startProcessors, watchProcessors } from './processors.ts'
import { rolesOf, type Role } from './roles.ts'
import { watchKit } from './self-watch.ts'
import { openServer } from './server.ts'

export interface Platform {
  roles: readonly Role[]
  url: string
  /** For curl, notebooks, Grafana: with the reader's secret where the engine is embedded; null where there is none. */
  clickhouseUrl: string | null
  registryUrl: string
  /** Where clients of Kafka connect; null where there is nothing for them here. */
  kafka: string | null
  /** Null where this process does not know it: another one made it, or the role has no use for it. */
  ingestKey: string | null
  /** Makes the first account; null once there is one, and where this process has no pages. */
  setupUrl: string | null
  stop(): Promise<void>
}

export interface ComposeOptions extends KitOptions {
  /** Told of each step, for the one who waits. */
  onStep: (text: string) => void
}

/** Builds the parts of the platform this process has, in the order in which each needs the one before. */
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
  const roles = rolesOf(config)
  onStep(config.kafkaBrokers === undefined ? 'opening the log' : 'connecting to Kafka')
  const opened = await openKit(options, closers)
  await createTopics(opened)
  const kit = await withConfigFollower(watchKit(opened))
  if (config.clickhouseUrl !== undefined) onStep('connecting to ClickHouse')
  else if (roles.has('sink')) onStep('opening ClickHouse')
  const storage = await openStorage(kit)
  const keys = await openKeys({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a key entry', { error }),
  })
  closers.push(() => keys.close())
  const chain = composeChain(kit, storage.clickhouse)
  const runs = roles.has('processors') || roles.has('sink')
  onStep(runs ? 'starting the processors' : 'looking at the processors')
  const processors = await (runs ? startProcessors(kit, chain) : watchProcessors(kit, chain))
  onStep(roles.has('api') ? 'starting the API and the dashboard' : 'starting the server')
  const people = await openPeople(kit, keys)
  const drills = { openDeck, openSandbox }
  const app = await openServer(kit, { storage, keys, people, processors, drills })
  const url = await listen(app, { host: config.host, port: config.port, flag: 'port' })
  const registryUrl = await serveRegistry(kit)
  const ingestKey = roles.has('api') ? await sharedFirstKey(kit, keys) : null
  const kafka = config.kafkaBrokers ?? (await serveKafka(kit, [...processors.groups, NOTIFY_GROUP]))
  if (roles.has('api')) announce(kit, url)
  const clickhouseUrl = storage.readerUrl
  const setupUrl = roles.has('api') ? setupUrlOf(kit, people, url) : null
  return { roles: roles.names, url, clickhouseUrl, registryUrl, kafka, ingestKey, setupUrl }
}

/** Everything below follows the configuration; the topic is read once, for all of it. */
async function withConfigFollower(kit: Kit): Promise<Kit> {
  const configFollower = await openConfigFollower({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('the configuration', { error }),
  })
  kit.closers.push(() => configFollower.close())
  return { ...kit, configFollower }
}

/** Producers register and read schemas as they would at Confluent's; on loopback, like ClickHouse. */
async function serveRegistry(kit: Kit): Promise<string> {
  const { config, embeddedRegistry: registry, closers } = kit
  if (registry === undefined) return withoutPassword(config.registryUrl ?? '')
  const app = buildRegistryApp({ registry })
  closers.push(() => app.close())
  return listen(app, { host: '127.0.0.1', port: config.registryPort, flag: 'registry-port' })
}

/** Of several processes that start together with an empty log one makes the first key. */
async function sharedFirstKey(kit: Kit, keys: Keys): Promise<string | null> {
  const { config, dataDir, log } = kit
  if (config.kafkaBrokers === undefined) return firstKey(keys, dataDir)
  if (hasFirstKey(keys)) return knownKey(keys, dataDir) ?? null
  return exclusively(log, async () => {
    // Others may have made it while we waited: read anew, since following the topic lags behind it.
    const now = await openKeys({ ...kit, configFollower: undefined, clock: systemClock })
    try {
      return hasFirstKey(now) ? (knownKey(now, dataDir) ?? null) : await firstKey(now, dataDir)
    } finally {
      await now.close()
    }
  })
}

/** Leaves the address in the data folder, so that commands beside it find the running platform. */
function announce({ dataDir, closers }: Kit, url: string): void {
  dataDir.write('platform-url', `${url}\n`)
  closers.push(async () => dataDir.remove('platform-url'))
}
