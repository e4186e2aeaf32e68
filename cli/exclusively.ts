import type { Log } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'

const GROUP = 'setup'

/**
 * Runs the work in one process at a time, of all that share the log: owning the configuration topic's one partition
 * in a group of its own is the lock. Who dies while holding it loses it when the group notices, so the work must be
 * safe to run again.
 */
export async function exclusively<T>(log: Log, work: () => Promise<T>): Promise<T> {
  let running: Promise<unknown> = Promise.resolve()
  let begin: (() => void) | undefined
  const owned = new Promise<void>((resolve) => (begin = resolve))
  const result = owned.then(work)
  const membership = await log.join({
    group: GROUP,
    topics: [TOPICS.config.name],
    async onAssigned(partitions) {
      if (partitions.length === 0) return
      running = result.catch(() => undefined)
      begin?.()
    },
    async onRevoked() {
      await running
    },
  })
  try {
    return await result
  } finally {
    await membership.leave()
  }
}
