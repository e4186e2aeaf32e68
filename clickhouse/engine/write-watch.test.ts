import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createWriteWatch } from './write-watch.ts'

const MIB = 1024 * 1024

function watched(outcome: 'mended' | 'restart' = 'mended') {
  const clock = createManualClock(1_000_000)
  const disk = { failed: 0, free: 1024 * MIB }
  const done: string[] = []
  const watch = createWriteWatch({
    clock,
    failedWrites: async () => disk.failed,
    freeBytes: () => disk.free,
    halt: async () => void done.push('halt'),
    repair: async (sinceMs) => {
      done.push(`repair since ${sinceMs}`)
      return outcome
    },
    restart: () => void done.push('restart'),
    resume: async () => void done.push('resume'),
  })
  return { clock, disk, done, watch }
}

describe('a write that failed without a word', () => {
  it('[CH27] is not acknowledged, and writing stops until what was written is mended', async () => {
    const { clock, disk, done, watch } = watched()
    expect(await watch.guard(async () => 'first')).toBe('first')
    await clock.advance(1_000)
    disk.free = 0
    const insert = watch.guard(async () => {
      disk.failed += 1
      return 'second'
    })
    await expect(insert).rejects.toMatchObject({ code: 243 })
    await expect(watch.guard(async () => 'third')).rejects.toMatchObject({ code: 243 })
    await clock.advance(60_000)
    expect(done).toEqual(['halt'])
    disk.free = 1024 * MIB
    await clock.advance(1_000)
    // Since the last moment at which no write had failed, and two seconds for whole seconds in the tables.
    expect(done).toEqual(['halt', 'repair since 998000', 'resume'])
    expect(await watch.guard(async () => 'fourth')).toBe('fourth')
    watch.close()
  })

  it('[CH27] of a merge is seen without anybody who writes; a broken one needs a new start', async () => {
    const { clock, disk, done, watch } = watched('restart')
    disk.failed = 3
    await clock.advance(2_500)
    expect(done).toEqual(['halt', 'repair since 998000', 'restart'])
    watch.close()
  })

  it('[CH27] of an answer is told while the disk is all but full', async () => {
    const { disk, watch } = watched()
    const before = watch.known
    disk.failed = 1
    await watch.checkAnswer(before)
    disk.free = 0
    await expect(watch.checkAnswer(before)).rejects.toMatchObject({ code: 243 })
    watch.close()
  })

  it('[CH27] what else fails is told as it is', async () => {
    const { watch } = watched()
    const broken = watch.guard(() => Promise.reject(new Error('syntax')))
    await expect(broken).rejects.toThrow('syntax')
    watch.close()
  })
})
