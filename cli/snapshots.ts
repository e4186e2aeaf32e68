import type { Operations } from '#/api/ports.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { dropSnapshot } from '#/processors/log/embedded-snapshot.ts'
import type { Kit } from './kit.ts'

/** Moments of the log for backups, where the log is the one in the data folder. */
export function createSnapshots({
  config,
  embeddedLog,
}: Kit): Pick<Operations, 'takeSnapshot' | 'dropSnapshot'> {
  return {
    async takeSnapshot() {
      if (embeddedLog !== undefined) return embeddedLog.snapshot()
      throw new FaultlineError('conflict', 'the log is on Kafka', {
        remedy: 'Back it up with Kafka, and the tables with ClickHouse.',
      })
    },
    dropSnapshot: async () => dropSnapshot(config.dataDir),
  }
}
