import { join } from 'node:path'
import { createClickHouse, type ClickHouse } from '#/clickhouse/client.ts'
import { startEngine, type Engine } from '#/clickhouse/engine/start-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { Kit } from './kit.ts'

export interface Storage {
  engine: Engine
  clickhouse: ClickHouse
  /** For curl, notebooks, Grafana: a user that may only read, with secret and database. */
  readerUrl: string
}

const DATABASE = 'faultline'

/** Starts the embedded ClickHouse, connects to it and brings its tables to this version. */
export async function openStorage({
  config,
  logger,
  dataDir,
  metrics,
  closers,
}: Kit): Promise<Storage> {
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
    onExit: (error) => logger.error('ClickHouse does not come back', { error }),
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
  const { applied } = await migrate(clickhouse, { retentionDays: config.retentionDays })
  if (applied.length > 0) logger.info('tables migrated', { applied: applied.join(', ') })
  const reader = new URL(`/${DATABASE}`, url)
  reader.username = users.reader
  reader.password = secrets.reader
  return { engine, clickhouse, readerUrl: reader.href }
}
