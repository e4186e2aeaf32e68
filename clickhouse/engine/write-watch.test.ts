import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createWriteWatch } from './write-watch.ts'

const MIB = 1024 * 1024
const START_MS = 1_000_000

function watched(outcome: 'mended' | 'restart' = 'mended') {
  let nowMs = 0
  const manual = createManualClock(START_MS)
  const clock = { ...manual, nowMs: () => manual.nowMs() + nowMs }
  const disk = { failed: 0, free: 1024 * MIB, merges: 0 }
  const done: string[] = []
  const failedWrites = async (): Promise<number> => disk.failed
  const watch = createWriteWatch({
    clock,
    failedWrites,
    freeBytes: () => disk.free,
    halt: async () => void done.push('halt'),
    isHalted: async () => disk.merges === 0,
    repair: async (sinceMs) => {
      done.push(`repair since ${sinceMs}`)
      return outcome
    },
    restart: () => void done.push('restart'),
    resume: async () => void done.push('resume'),
  })
  const guard = <T>(work: () => Promise<T>, isShort = true): Promise<T> =>
    watch.guard({ work, failedWrites, isShort })
  const setBack = (byMs: number): void => void (nowMs -= byMs)
  return { clock, disk, done, watch, guard, failedWrites, setBack }
}

describe('a write that failed without a word', () => {
  it('[CH27] is not acknowledged, and writing stops until what was written is mended', async () => {
    const { clock, disk, done, watch, guard } = watched()
    expect(await guard(async () => 'first')).toBe('first')
    await clock.advance(1_000)
    disk.free = 0
    const insert = guard(async () => {
      disk.failed += 1
      return 'second'
    })
    await expect(insert).rejects.toMatchObject({ code: 243 })
    await expect(guard(async () => 'third')).rejects.toMatchObject({ code: 243 })
    await clock.advance(60_000)
    expect(done).toEqual(['halt'])
    disk.free = 1024 * MIB
    disk.merges = 1
    await clock.advance(1_000)
    // A merge that is on its way to its end may still bring a broken part.
    expect(done).toEqual(['halt'])
    disk.merges = 0
    await clock.advance(1_000)
    // Since the last moment at which no write had failed, and two seconds for whole seconds in the tables.
    expect(done).toEqual(['halt', 'repair since 998000', 'resume'])
    expect(await guard(async () => 'fourth')).toBe('fourth')
    watch.close()
  })

  it('[CH27] of a merge is seen without anybody who writes; a broken one needs a new start', async () => {
    const { clock, disk, done, watch } = watched('restart')
    disk.failed = 3
    await clock.advance(2_500)
    expect(done).toEqual(['halt', 'repair since 998000', 'restart'])
    watch.close()
  })

  it('[CH27] an insert under way is waited for; a command is not, and what it wrote is looked at when it ends', async () => {
    const { clock, disk, done, watch, guard } = watched()
    const insert = Promise.withResolvers<void>()
    const command = Promise.withResolvers<void>()
    const inserted = guard(() => insert.promise)
    const commanded = guard(() => command.promise, false)
    disk.failed = 1
    await clock.advance(10_000)
    expect(done).toEqual(['halt'])
    insert.resolve()
    await expect(inserted).rejects.toMatchObject({ code: 243 })
    await clock.advance(1_000)
    // The command waits for merges, which nobody would let go on if it were waited for.
    expect(done).toEqual(['halt', 'repair since 998000', 'resume'])
    command.resolve()
    await expect(commanded).rejects.toMatchObject({ code: 243 })
    await clock.advance(1_000)
    expect(done.slice(3)).toEqual(['halt', 'repair since 998000', 'resume'])
    watch.close()
  })

  it('[CH27] what was written after the clock was set back is looked at', async () => {
    const { clock, disk, done, watch, guard, setBack } = watched()
    await clock.advance(5_000)
    setBack(3_600_000)
    await guard(async () => 'an hour earlier')
    disk.failed = 1
    await clock.advance(2_500)
    const [, repair] = done
    expect(Number(repair?.split(' ').at(-1))).toBeLessThanOrEqual(START_MS - 3_595_000)
    watch.close()
  })

  it('[CH27] of an answer is told while the disk is all but full', async () => {
    const { disk, watch, failedWrites } = watched()
    const before = watch.known
    disk.failed = 1
    await watch.checkAnswer(before, failedWrites)
    disk.free = 0
    await expect(watch.checkAnswer(before, failedWrites)).rejects.toMatchObject({ code: 243 })
    watch.close()
  })

  it('[CH27] what else fails is told as it is', async () => {
    const { watch, guard } = watched()
    await expect(guard(() => Promise.reject(new Error('syntax')))).rejects.toThrow('syntax')
    watch.close()
  })
})
