import type { ConfigFollower } from '#/api/config-follower.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { TopologyService } from '#/processors/domain/incident/service-graph.ts'
import type { FrontedLog } from '#/processors/log/embedded-front.ts'
import type { Log } from '#/processors/log/port.ts'
import type { SinkOptions } from '#/processors/stages/sink.ts'
import type { Config } from './settings.ts'
import type { DataDir } from './data-dir.ts'
import type { Logger } from './logger.ts'
import type { Schemas } from './schemas.ts'

/** What every part of the platform is built from. */
export interface Kit extends Schemas {
  config: Config
  logger: Logger
  version: string
  dataDir: DataDir
  metrics: Metrics
  log: Log
  /** The same log where it is the one in the data folder. */
  embeddedLog: FrontedLog | undefined
  /** The one reader of the configuration topic, in a process that serves. */
  configFollower?: ConfigFollower | undefined
  /** Things to close, newest first, also when a later step of the start fails. */
  closers: (() => Promise<void>)[]
  /** Services, their criticality and what they call, where somebody said so. */
  topology: readonly TopologyService[]
  /** Tests change the sinks: batch sizes, or the intent switched off as a negative control. */
  sink?: Pick<SinkOptions, 'rowsMax' | 'bytesMax' | 'delayMs' | 'intent'> | undefined
}
