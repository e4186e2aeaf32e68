import { join } from 'node:path'
import { createClickHouse, type ClickHouse } from '#/clickhouse/client.ts'
import type { DdlOptions } from '#/clickhouse/ddl.ts'
import { startEngine } from '#/clickhouse/engine/start-engine.ts'
import { createDatabases, isMigrated, migrate, type MigrateOptions } from '#/clickhouse/migrate.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import { absent } from './absent.ts'
import { withoutPassword } from './config.ts'
import { exclusively } from './exclusively.ts'
import type { Kit } from './kit.ts'
import { rolesOf } from './roles.ts'
import type { Config } from './settings.ts'

export interface Storage {
  clickhouse: ClickHouse
  /** For curl, notebooks, Grafana: of the embedded engine a user that may only read; null where there is none. */
  readerUrl: string | null
}

const DATABASE = 'faultline'
const WAIT = { attemptsMax: 30, delayFirstMs: 250, delayMaxMs: 5_000 }

export function ddlOptionsOf(config: Config): DdlOptions {
  return { retentionDays: config.retentionDays, cluster: config.clickhouseCluster }
}

/** Connects to the ClickHouse this process needs, if it needs one, and sees to it that the tables are there. */
export async function openStorage(kit: Kit): Promise<Storage> {
  const roles = rolesOf(kit.config)
  if (kit.config.clickhouseUrl !== undefined) return connect(kit, kit.config.clickhouseUrl)
  if (roles.has('sink')) return embed(kit)
  const clickhouse = absent<ClickHouse>(
    'this process knows no ClickHouse',
    'Name it with --clickhouse-url.',
  )
  return { clickhouse, readerUrl: null }
}

/** Starts the embedded ClickHouse, connects to it and brings its tables to this version. */
async function embed(kit: Kit): Promise<Storage> {
  const { config, logger, dataDir, metrics, closers } = kit
  const secrets = {
    internal: dataDir.secret('clickhouse-internal'),
    reader: dataDir.secret('clickhouse-reader'),
  }
  const engine = await startEngine({
    dataDir: join(config.dataDir, 'clickhouse'),
    port: config.clickhousePort,
    secrets,
    clock: systemClock,
    limits: { memoryBytesMax: config.clickhouseMemoryMb * 1024 * 1024 },
    onRestart(reason, restarts) {
      metrics.add('faultline_clickhouse_restarts_total')
      logger.warn('ClickHouse was restarted', { reason, restarts })
    },
    onUnbornParts: (parts) =>
      logger.warn('Tokens of blocks that a kill cut short were freed', { parts }),
    onDown: (error) => logger.error('ClickHouse does not come back', { error }),
  })
  closers.push(() => engine.stop())
  const { url, users } = engine
  const clickhouse = createClickHouse({
    url,
    username: users.internal,
    password: secrets.internal,
    database: DATABASE,
  })
  closers.push(() => clickhouse.close())
  await bringUpToDate(kit, clickhouse)
  const reader = new URL(`/${DATABASE}`, url)
  reader.username = users.reader
  reader.password = secrets.reader
  return { clickhouse, readerUrl: reader.href }
}

async function connect(kit: Kit, address: string): Promise<Storage> {
  const { config, closers } = kit
  const target = targetOf(address, config.clickhousePassword)
  const clickhouse = createClickHouse(target)
  closers.push(() => clickhouse.close())
  const roles = rolesOf(config)
  const shown = withoutPassword(address)
  await patiently(() => clickhouse.ping())
  if (roles.has('sink')) {
    await createDatabases(clickhouse, ddlOptionsOf(config))
    // Any number of sinks may start at once: one makes the tables, the others find them made.
    await exclusively(kit.log, () => bringSharedUpToDate(kit, clickhouse))
  } else if (roles.has('api')) await tablesOf(clickhouse, ddlOptionsOf(config), shown)
  return { clickhouse, readerUrl: shown }
}

async function bringUpToDate(
  { config, logger }: Kit,
  clickhouse: ClickHouse,
  options: MigrateOptions = {},
): Promise<void> {
  const report = await migrate(clickhouse, ddlOptionsOf(config), options)
  const { applied, views, writtenMeanwhile } = report
  if (applied.length > 0 || views.length > 0)
    logger.info('tables migrated', { applied: applied.join(', '), views: views.join(', ') })
  if (writtenMeanwhile.length > 0)
    logger.error('rollups may miss rows', { tables: writtenMeanwhile.join(', ') })
}

/** Sinks of an older version may still write: they are waited for, for about two minutes. */
function bringSharedUpToDate(kit: Kit, clickhouse: ClickHouse): Promise<void> {
  return retry(() => bringUpToDate(kit, clickhouse, { othersMayWrite: { clock: systemClock } }), {
    ...WAIT,
    clock: systemClock,
    random: systemRandom,
    isRetryable: (error) => isFaultlineError(error, 'tables_in_use'),
    onRetry: (error, attempt) =>
      attempt === 1 && kit.logger.warn('older sinks are waited for', { error }),
  })
}

/** Waits for the tables of this version: making them is for the sinks, whose user may. */
async function tablesOf(clickhouse: ClickHouse, ddl: DdlOptions, shown: string): Promise<void> {
  await patiently(async () => {
    if (await isMigrated(clickhouse, ddl)) return
    throw new FaultlineError('storage_unavailable', `the tables at ${shown} are not made yet`, {
      remedy: 'Start a process of this version with role sink, or run `faultline migrate`.',
    })
  })
}

/** A dependency that starts together with us may take a while. */
function patiently(ask: () => Promise<void>): Promise<void> {
  return retry(ask, {
    ...WAIT,
    clock: systemClock,
    random: systemRandom,
    isRetryable: (error) => isFaultlineError(error, 'storage_unavailable'),
  })
}

export function targetOf(address: string, password: string | undefined) {
  const url = new URL(address)
  const database = decodeURIComponent(url.pathname.slice(1)) || DATABASE
  const username = decodeURIComponent(url.username) || 'default'
  const secret = password ?? decodeURIComponent(url.password)
  url.username = ''
  url.password = ''
  url.pathname = '/'
  return { url: url.href, username, password: secret, database }
}
