import { describe, expect, it } from 'vitest'
import { createManualClock, systemClock } from '#/kernel/clock.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { exclusively } from './exclusively.ts'

async function logWithConfig() {
  const log = createMemoryLog({ clock: createManualClock(Date.UTC(2026, 10, 21)) })
  const { name } = TOPICS.config
  const forever = { retentionMs: Infinity, retentionBytes: Infinity, compacted: true }
  await log.createTopics([{ name, partitions: 1, ...forever }])
  return log
}

describe('exclusive work', () => {
  it('[B17] of several starters one works at a time, and all get their turn', async () => {
    const log = await logWithConfig()
    let inside = 0
    let most = 0
    const work = async (): Promise<number> => {
      inside += 1
      most = Math.max(most, inside)
      await systemClock.sleep(5)
      inside -= 1
      return 1
    }
    const done = await Promise.all(Array.from({ length: 4 }, () => exclusively(log, work)))
    expect(done).toEqual([1, 1, 1, 1])
    expect(most).toBe(1)
  })

  it('a failure surfaces, and frees the lock', async () => {
    const log = await logWithConfig()
    await expect(exclusively(log, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await exclusively(log, async () => 'yes')).toBe('yes')
  })
})
