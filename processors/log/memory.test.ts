import { systemClock } from '#/kernel/clock.ts'
import { describeLogContract } from './contract-suite.ts'
import { createMemoryLog } from './memory.ts'

describeLogContract(
  'memory',
  async () => {
    const log = createMemoryLog({ clock: systemClock })
    return { log, dispose: () => log.close() }
  },
  { expectedFailures: { LG35: 'nothing outlives it' } },
)
