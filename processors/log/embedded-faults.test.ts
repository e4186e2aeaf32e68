import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import type { GroupMembership } from './port.ts'
import {
  A0,
  appendTexts,
  createFaultyDisk,
  createTopic,
  readTexts,
  recordOf,
  TestLogs,
} from './test-log.ts'

const logs = new TestLogs()
afterEach(() => logs.clean())

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('faults of the disk', () => {
  it('[LG70] a full disk refuses with nothing visible; appending goes on when there is space', async () => {
    const disk = createFaultyDisk()
    const dir = logs.newDir()
    const log = await logs.open(dir, { disk })
    await createTopic(log, 'a', 2)
    await appendTexts(log, ['before'])
    const file = join(dir, 'log/a/0/00000000000000000000.log')
    const bytes = statSync(file).size
    disk.failWrite = { code: 'ENOSPC', bytesWritten: 40 }
    const refused = log.append(
      [0, 1].map((partition) => ({ ...A0, partition, records: [recordOf('x')] })),
    )
    await expect(refused).rejects.toMatchObject({ code: 'disk_full', retryable: true })
    expect(statSync(file).size).toBe(bytes)
    expect(await readTexts(log)).toEqual(['before'])
    disk.failWrite = undefined
    await appendTexts(log, ['after'])
    expect(await readTexts(log)).toEqual(['before', 'after'])
    await log.close()
    expect(await readTexts(await logs.open(dir))).toEqual(['before', 'after'])
  })

  it('[LG71] so does a full disk at the border of a segment', async () => {
    const disk = createFaultyDisk()
    const log = await logs.open(logs.newDir(), { disk, segmentBytesMax: 100 })
    await createTopic(log)
    await appendTexts(log, ['one'])
    disk.failWrite = { code: 'ENOSPC', bytesWritten: 10 }
    await expect(appendTexts(log, ['lost'])).rejects.toMatchObject({ code: 'disk_full' })
    disk.failWrite = undefined
    await appendTexts(log, ['two', 'three'])
    expect(await readTexts(log)).toEqual(['one', 'two', 'three'])
  })

  it('[LG72] any other failed write is log_unavailable, and the next one may succeed', async () => {
    const disk = createFaultyDisk()
    const log = await logs.open(logs.newDir(), { disk })
    await createTopic(log)
    disk.failWrite = { code: 'EIO', bytesWritten: 0 }
    await expect(appendTexts(log, ['x'])).rejects.toMatchObject({ code: 'log_unavailable' })
    disk.failWrite = undefined
    await appendTexts(log, ['y'])
    expect(await readTexts(log)).toEqual(['y'])
  })

  it('[LG73] after a failed fsync nothing more is acknowledged', async () => {
    const disk = createFaultyDisk()
    const log = await logs.open(logs.newDir(), { disk, durability: 'fsync' })
    await createTopic(log)
    await appendTexts(log, ['sure'])
    disk.failSync = { code: 'EIO' }
    await expect(appendTexts(log, ['unsure'])).rejects.toMatchObject({ code: 'log_unavailable' })
    disk.failSync = undefined
    await expect(appendTexts(log, ['later'])).rejects.toMatchObject({ code: 'log_unavailable' })
    expect(await readTexts(log)).toEqual(['sure'])
  })

  it('[LG74] what waits to be written is bounded', async () => {
    const disk = createFaultyDisk()
    const gate = Promise.withResolvers<void>()
    disk.syncGate = gate.promise
    const log = await logs.open(logs.newDir(), { disk, durability: 'fsync', pendingBytesMax: 1000 })
    await createTopic(log)
    const written = appendTexts(log, ['x'.repeat(600)])
    await turn()
    const waiting = appendTexts(log, ['y'.repeat(600)])
    await expect(appendTexts(log, ['z'.repeat(600)])).rejects.toMatchObject({ code: 'overloaded' })
    gate.resolve()
    await Promise.all([written, waiting])
    expect((await readTexts(log)).length).toBe(2)
  })

  it('[LG75] nothing is visible before it is on the medium, with fsync', async () => {
    const disk = createFaultyDisk()
    const log = await logs.open(logs.newDir(), { disk, durability: 'fsync' })
    await createTopic(log)
    const gate = Promise.withResolvers<void>()
    disk.syncGate = gate.promise
    const written = appendTexts(log, ['x'])
    await turn()
    await turn()
    expect(await log.endOffset(A0)).toBe(0)
    expect(await log.read(A0, 0, { bytesMax: 1000, waitMs: 0 })).toEqual([])
    gate.resolve()
    await written
    expect(await readTexts(log)).toEqual(['x'])
  })
})

describe('fences', () => {
  it('[LG76] the new owner sees a commit that was let through before the fence', async () => {
    const disk = createFaultyDisk()
    const log = await logs.open(logs.newDir(), { disk, durability: 'fsync' })
    await createTopic(log)
    await appendTexts(log, ['x'])
    const gate = Promise.withResolvers<void>()
    let first: Promise<void> | undefined
    const owner = await log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: async () => undefined,
      onRevoked: async () => {
        disk.syncGate = gate.promise
        const offsets = [{ ...A0, offset: 1, metadata: 'in flight' }]
        // Not awaited: the member returns too early.
        first = log.commit({
          membership: owner,
          outputs: [{ ...A0, records: [recordOf('y')] }],
          offsets,
        })
        await turn()
        await turn()
      },
    })
    let seen: unknown
    const left = owner.leave()
    const next = log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: async () => {
        seen = await log.committed('g', A0)
      },
      onRevoked: async () => undefined,
    })
    await turn()
    await turn()
    expect(seen).toBeUndefined()
    gate.resolve()
    await Promise.all([left, next, first])
    expect(seen).toEqual({ offset: 1, metadata: 'in flight' })
  })

  it('[LG77] a commit that waits behind the fence is refused', async () => {
    const disk = createFaultyDisk()
    const log = await logs.open(logs.newDir(), { disk, durability: 'fsync' })
    await createTopic(log)
    await appendTexts(log, ['x'])
    const subscription = {
      group: 'g',
      topics: ['a'],
      onAssigned: async (): Promise<void> => undefined,
      onRevoked: async (): Promise<void> => undefined,
    }
    const owner: GroupMembership = await log.join(subscription)
    const gate = Promise.withResolvers<void>()
    disk.syncGate = gate.promise
    const busy = appendTexts(log, ['in the way'])
    await turn()
    const offsets = [{ ...A0, offset: 1, metadata: 'late' }]
    const late = log.commit({ membership: owner, outputs: [], offsets })
    const refused = expect(late).rejects.toMatchObject({ code: 'stale_owner' })
    const reset = log.resetOffsets('g', [{ ...A0, offset: 0, metadata: 'reset' }])
    await turn()
    gate.resolve()
    await Promise.all([busy, reset, refused])
    // The same member owns the partition again, and still its old commit did not pass.
    expect(owner.assignment()).toEqual([A0])
    expect(await log.committed('g', A0)).toEqual({ offset: 0, metadata: 'reset' })
  })
})

describe('the data folder', () => {
  it('[LG78] is used by one process at a time', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir)
    expect(readFileSync(join(dir, 'lock'), 'utf8')).toBe(`${process.pid}\n`)
    await expect(logs.open(dir)).rejects.toMatchObject({
      code: 'data_dir_locked',
      message: `${dir} is in use by process ${process.pid}`,
    })
    await createTopic(log)
    await log.close()
    await logs.open(dir)
  })

  it('[LG79] is taken over from a process that is dead', async () => {
    const dir = logs.newDir()
    await (await logs.open(dir)).close()
    writeFileSync(join(dir, 'lock'), '999999999\n')
    await logs.open(dir)
    expect(readFileSync(join(dir, 'lock'), 'utf8')).toBe(`${process.pid}\n`)
  })

  it('[LG80] of another version is refused', async () => {
    const dir = logs.newDir()
    await (await logs.open(dir)).close()
    writeFileSync(join(dir, 'log-format'), 'faultline-log 99\n')
    await expect(logs.open(dir)).rejects.toMatchObject({ code: 'data_dir_version' })
  })
})

describe('upkeep by itself', () => {
  it('[LG81] rolls by age, expires in the background, and measures', async () => {
    const metrics = createMetrics()
    const options = { metrics, maintainIntervalMs: 20, segmentAgeMsMax: 5 }
    const log = await logs.open(logs.newDir(), options)
    const limits = { retentionBytes: Infinity, compacted: false, partitions: 1 }
    await log.createTopics([{ name: 'a', retentionMs: 3_600_000, ...limits }])
    for (const timestampMs of [1000, systemClock.nowMs()]) {
      await log.append([{ ...A0, records: [{ ...recordOf('x'), timestampMs }] }])
      await systemClock.sleep(10)
    }
    for (let tries = 0; tries < 100 && (await log.beginningOffset(A0)) === 0; tries++) {
      await systemClock.sleep(10)
    }
    expect(await log.beginningOffset(A0)).toBe(1)
    expect(metrics.read('faultline_log_append_seconds')).toBe(2)
    expect(metrics.read('faultline_log_appended_bytes_total')).toBeGreaterThan(100)
  })
})
