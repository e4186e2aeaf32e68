import { cpSync, existsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { dropSnapshot, SNAPSHOT_FOLDER, type LogSnapshot } from './embedded-snapshot.ts'
import { A0, appendTexts, createTopic, readTexts, recordOf, TestLogs } from './test-log.ts'

const logs = new TestLogs()
afterEach(() => logs.clean())

/** What a backup makes of it: so many bytes of each file. */
function copyOf({ folder, files }: LogSnapshot): string {
  const to = logs.newDir()
  cpSync(folder, to, { recursive: true })
  for (const { path, bytes } of files) truncateSync(join(to, path), bytes)
  return to
}

describe('a snapshot', () => {
  it('[K11] [LG86] is one moment of all partitions and offsets, while writers go on', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir, { segmentBytesMax: 500 })
    await createTopic(log, 'a', 2)
    const state = { isDone: false, count: 0 }
    // Both partitions in one append, always: a moment that cuts between them would show.
    const writer = (async () => {
      while (!state.isDone) {
        const records = [recordOf(`n${(state.count += 1)}`)]
        await log.append([0, 1].map((partition) => ({ ...A0, partition, records })))
      }
    })()
    await expect.poll(() => state.count).toBeGreaterThan(50)
    const snapshot = await log.snapshot()
    const copy = copyOf(snapshot)
    await expect.poll(() => state.count).toBeGreaterThan(100)
    state.isDone = true
    await writer
    const restored = await logs.open(copy)
    const [left, right] = [
      await readTexts(restored),
      await readTexts(restored, { ...A0, partition: 1 }),
    ]
    expect(left).toEqual(right)
    expect(left.length).toBeGreaterThan(50)
    expect(left.length).toBeLessThan(state.count)
    expect(left).toEqual((await readTexts(log)).slice(0, left.length))
    expect(snapshot.files.length).toBeGreaterThan(4)
  })

  it('[K11] [LG86] keeps what retention removes and compaction replaces meanwhile', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir, { segmentBytesMax: 200 })
    await log.createTopics([
      { name: 'a', partitions: 1, retentionMs: 1000, retentionBytes: Infinity, compacted: false },
      {
        name: 'c',
        partitions: 1,
        retentionMs: Infinity,
        retentionBytes: Infinity,
        compacted: true,
      },
    ])
    const texts = Array.from({ length: 20 }, (_, n) => `text ${n}`)
    await appendTexts(log, texts)
    const c0 = { topic: 'c', partition: 0 }
    for (const text of texts)
      await log.append([{ ...c0, records: [{ ...recordOf(text), key: Buffer.from('k') }] }])
    const snapshot = await log.snapshot()
    await log.maintain(1_900_000_000_000)
    expect(await readTexts(log)).toEqual([])
    expect(await readTexts(log, c0)).toEqual(['text 19'])
    const restored = await logs.open(copyOf(snapshot))
    expect(await readTexts(restored)).toEqual(texts)
    expect(await readTexts(restored, c0)).toEqual(texts)
  })

  it('[K11] [LG86] of the time before is replaced, and is gone when it was copied', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir)
    await createTopic(log)
    await appendTexts(log, ['x'])
    await log.snapshot()
    const { folder } = await log.snapshot()
    expect(folder).toBe(join(dir, SNAPSHOT_FOLDER))
    dropSnapshot(dir)
    expect(existsSync(folder)).toBe(false)
  })
})
