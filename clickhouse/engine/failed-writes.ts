import type { EngineSession } from './session.ts'

const FAILED_WRITES = `SELECT value FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'`

/**
 * How many writes to files have failed since the process began: all that chDB says of them. `database` is the one the
 * session is in, which saves a change of it.
 */
export async function failedWritesOf(session: EngineSession, database: string): Promise<number> {
  const work = { sql: FAILED_WRITES, database, settings: {}, params: {}, format: 'TSVRaw' }
  const { bytes } = await session.run(work)
  // A counter that is still zero has no row.
  return Number(Buffer.from(bytes).toString('utf8'))
}
