import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { messageOf } from '#/kernel/errors.ts'
import { A0, appendTexts, createTopic, readTexts, TestLogs } from './test-log.ts'

const logs = new TestLogs()
afterEach(() => logs.clean())

/** Nothing is synced or indexed by the time the image is taken. */
const SLOW_SYNC = { syncIntervalMs: 60_000 }
const TEXTS = Array.from({ length: 20 }, (_, index) => `record ${index}`)

function segmentFiles(dir: string): string[] {
  const folder = join(dir, 'log/a/0')
  return readdirSync(folder)
    .toSorted()
    .map((name) => join(folder, name))
}

/** A folder with 20 records of which nothing is known to be on the medium. */
async function unsyncedImage(options = {}): Promise<{ image: string; files: string[] }> {
  const dir = logs.newDir()
  const log = await logs.open(dir, { ...SLOW_SYNC, ...options })
  await createTopic(log)
  await appendTexts(log, TEXTS)
  const image = logs.crashImage(dir)
  return { image, files: segmentFiles(image) }
}

describe('recovery of the embedded log', () => {
  it('[LG61] finds everything acknowledged after a crash, without repair', async () => {
    const { image } = await unsyncedImage({ segmentBytesMax: 500 })
    const log = await logs.open(image)
    expect(await readTexts(log)).toEqual(TEXTS)
    expect(logs.problems).toEqual([])
  })

  it('[LG62] cuts off what was written and never committed', async () => {
    const { image, files } = await unsyncedImage()
    const whole = readFileSync(files[0]!)
    // A whole batch that no transaction covers, and the half of another.
    appendFileSync(files[0]!, Buffer.concat([whole.subarray(0, 80), whole.subarray(0, 30)]))
    const log = await logs.open(image)
    expect(await readTexts(log)).toEqual(TEXTS)
    expect(readFileSync(files[0]!).length).toBe(whole.length)
    expect(logs.problems).toEqual([])
  })

  it('[LG63] after a power loss goes back to the last batch that is whole', async () => {
    const { image, files } = await unsyncedImage()
    truncateSync(files[0]!, readFileSync(files[0]!).length - 5)
    const log = await logs.open(image)
    expect(await readTexts(log)).toEqual(TEXTS.slice(0, 19))
    expect(logs.problems.map(messageOf)).toEqual([
      'a/0 lost what was not on the medium: its end moved from 20 to 19',
    ])
    await appendTexts(log, ['new'])
    await log.close()
    expect(await readTexts(await logs.open(image))).toEqual([...TEXTS.slice(0, 19), 'new'])
  })

  it('[LG64] a damaged byte ends what is trusted, in later segments too', async () => {
    const { image, files } = await unsyncedImage({ segmentBytesMax: 500 })
    expect(files.length).toBeGreaterThan(3)
    const bytes = readFileSync(files[1]!)
    bytes[bytes.length - 3]! ^= 1
    writeFileSync(files[1]!, bytes)
    const log = await logs.open(image)
    const kept = await readTexts(log)
    expect(kept).toEqual(TEXTS.slice(0, kept.length))
    expect(kept.length).toBeGreaterThan(5)
    expect(kept.length).toBeLessThan(20)
    expect(segmentFiles(image).length).toBe(2)
    await appendTexts(log, ['new'])
    expect(await readTexts(log)).toEqual([...kept, 'new'])
  })

  it('[LG65] an offset beyond the end goes back with it and loses its metadata', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir, SLOW_SYNC)
    await createTopic(log)
    await appendTexts(log, TEXTS)
    for (const [group, offset] of [
      ['reader', 20],
      ['slow', 7],
    ] as const) {
      await log.resetOffsets(group, [{ ...A0, offset, metadata: 'intent' }])
    }
    const image = logs.crashImage(dir)
    const [file] = segmentFiles(image)
    truncateSync(file!, readFileSync(file!).length - 1)
    const again = await logs.open(image)
    expect(await again.committed('reader', A0)).toEqual({ offset: 19, metadata: '' })
    expect(await again.committed('slow', A0)).toEqual({ offset: 7, metadata: 'intent' })
  })

  it('[LG66] a file that vanished before it was synced costs only what was in it', async () => {
    const { image, files } = await unsyncedImage({ segmentBytesMax: 500 })
    truncateSync(files.at(-1)!, 0)
    const log = await logs.open(image)
    const kept = await readTexts(log)
    expect(kept.length).toBeGreaterThan(10)
    expect(kept).toEqual(TEXTS.slice(0, kept.length))
  })

  it('[LG67] damage in what was on the medium is an error, not a loss', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir, { segmentBytesMax: 500 })
    await createTopic(log)
    await appendTexts(log, TEXTS)
    await log.close()
    const [first] = segmentFiles(dir)
    const bytes = readFileSync(first!)
    bytes[100]! ^= 1
    writeFileSync(first!, bytes)
    const again = await logs.open(dir)
    expect(await again.endOffset(A0)).toBe(20)
    // Behind the one batch that is whole.
    const damaged = again.read(A0, 1, { bytesMax: 10_000, waitMs: 0 })
    await expect(damaged).rejects.toMatchObject({ code: 'log_corrupt' })
    const [sound] = await again.read(A0, 15, { bytesMax: 10, waitMs: 0 })
    expect(String(sound?.value)).toBe('record 15')
    await again.close()
    truncateSync(first!, 50)
    await expect(logs.open(dir)).rejects.toMatchObject({ code: 'log_corrupt' })
  })

  it('[LG68] removes files that no row names', async () => {
    const { image, files } = await unsyncedImage()
    const stranger = join(image, 'log/a/0/00000000000000000020.1.log')
    writeFileSync(stranger, 'left by a compaction that did not finish')
    await logs.open(image)
    expect(segmentFiles(image)).toEqual(files)
  })

  it('goes on after a clean end without reading segments again', async () => {
    const dir = logs.newDir()
    const log = await logs.open(dir, { segmentBytesMax: 500, ...SLOW_SYNC })
    await createTopic(log)
    await appendTexts(log, TEXTS)
    await log.close()
    const again = await logs.open(dir)
    await appendTexts(again, ['more'])
    expect(await readTexts(again)).toEqual([...TEXTS, 'more'])
    expect(await again.offsetForTimestamp(A0, 1_800_000_000_000)).toBe(0)
  })
})
