import { createMetrics } from '#/kernel/metrics.ts'
import { readTopology } from './chain.ts'
import { openDataDir } from './data-dir.ts'
import type { Kit } from './kit.ts'
import type { Logger } from './logger.ts'
import { openSchemas } from './schemas.ts'
import type { Config } from './settings.ts'
import { openLog } from './shared-log.ts'

export interface KitOptions {
  config: Config
  logger: Logger
  version: string
  /** Instead of the file the configuration names. */
  topology?: Kit['topology']
  sink?: Kit['sink']
}

/** The log, the registry and what goes with them; enough for commands on a stopped platform. */
export async function openKit(
  { config, logger, version, sink, topology }: KitOptions,
  closers: Kit['closers'],
): Promise<Kit> {
  const dataDir = openDataDir(config.dataDir)
  const metrics = createMetrics()
  const logs = await openLog({ config, metrics, logger })
  closers.push(() => logs.log.close())
  const schemas = await openSchemas(config)
  return {
    ...schemas,
    config,
    logger,
    version,
    dataDir,
    metrics,
    ...logs,
    closers,
    sink,
    topology: topology ?? readTopology(config.topology),
  }
}
