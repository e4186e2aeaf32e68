import type { FromEngine } from './messages.ts'
import { failureOf } from './messages.ts'

/**
 * The entry of the forked process. chDB is loaded behind this line, so that a platform without it is
 * reported in words instead of a crash.
 */
try {
  await import('./engine-process.ts')
} catch (error) {
  const failed: FromEngine = { type: 'failed', failure: failureOf(error) }
  process.send?.(failed)
  process.exitCode = 1
  process.disconnect()
}
