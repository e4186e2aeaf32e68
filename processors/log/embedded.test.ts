import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import type { LogFixture } from './contract-suite-kit.ts'
import { describeLogContract } from './contract-suite.ts'
import { openEmbeddedLog } from './embedded.ts'
import type { EmbeddedLogOptions } from './embedded.ts'
import type { Log } from './port.ts'

function fixture(options: Partial<EmbeddedLogOptions>): () => Promise<LogFixture> {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), 'faultline-log-'))
    const open = (): Promise<Log> => openEmbeddedLog({ dir, clock: systemClock, ...options })
    const first = await open()
    let log = first
    return {
      log: first,
      reopen: async () => {
        await log.close()
        log = await open()
        return log
      },
      dispose: async () => {
        await log.close()
        rmSync(dir, { recursive: true })
      },
    }
  }
}

// Small segments, so that every rule crosses their borders.
describeLogContract('embedded', fixture({ segmentBytesMax: 2000 }))
describeLogContract(
  'embedded, nothing cached',
  fixture({ segmentBytesMax: 5000, cacheBytesMax: 0 }),
)
describeLogContract('embedded, fsync', fixture({ durability: 'fsync', segmentBytesMax: 5000 }))
