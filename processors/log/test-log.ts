import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { systemDisk } from './disk.ts'
import type { Disk } from './disk.ts'
import { openEmbeddedLog } from './embedded.ts'
import type { EmbeddedLogOptions } from './embedded.ts'
import type { FrontedLog } from './embedded-front.ts'
import type { Log, ProducedRecord, TopicPartition } from './port.ts'

/** Folders and logs of one test file; everything goes with `clean`. */
export class TestLogs {
  readonly #dirs: string[] = []
  readonly #logs: FrontedLog[] = []
  /** What the logs reported. */
  readonly problems: unknown[] = []

  newDir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'faultline-log-'))
    this.#dirs.push(dir)
    return dir
  }

  async open(dir: string, options: Partial<EmbeddedLogOptions> = {}): Promise<FrontedLog> {
    const onProblem = (error: unknown): void => void this.problems.push(error)
    const log = await openEmbeddedLog({ dir, clock: systemClock, onProblem, ...options })
    this.#logs.push(log)
    return log
  }

  /** The folder as it would be found if the machine stopped now: a copy, while the log is open. */
  crashImage(dir: string): string {
    const copy = this.newDir()
    cpSync(dir, copy, { recursive: true })
    return copy
  }

  async clean(): Promise<void> {
    for (const log of this.#logs.splice(0)) await log.close().catch(() => undefined)
    for (const dir of this.#dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
    this.problems.length = 0
  }
}

/** A disk that fails when it is told to. */
export interface FaultyDisk extends Disk {
  /** Thrown by the next writes, after this many of their bytes reached the file. */
  failWrite: { code: string; bytesWritten: number } | undefined
  failSync: { code: string } | undefined
  /** Awaited by every sync. */
  syncGate: Promise<void> | undefined
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

export function createFaultyDisk(): FaultyDisk {
  const disk: FaultyDisk = {
    ...systemDisk,
    failWrite: undefined,
    failSync: undefined,
    syncGate: undefined,
    write: (fd, blocks, position) => {
      if (disk.failWrite === undefined) {
        systemDisk.write(fd, blocks, position)
        return
      }
      const { code, bytesWritten } = disk.failWrite
      systemDisk.write(fd, [Buffer.concat(blocks).subarray(0, bytesWritten)], position)
      throw systemError(code)
    },
    sync: async (path, options) => {
      await disk.syncGate
      if (disk.failSync !== undefined) throw systemError(disk.failSync.code)
      await systemDisk.sync(path, options)
    },
  }
  return disk
}

export const A0: TopicPartition = { topic: 'a', partition: 0 }

export async function createTopic(log: Log, name = 'a', partitions = 1): Promise<void> {
  const unlimited = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  await log.createTopics([{ name, partitions, ...unlimited }])
}

export function recordOf(text: string): ProducedRecord {
  return { key: null, value: Buffer.from(text), timestampMs: 1_800_000_000_000 }
}

export async function appendTexts(log: Log, texts: readonly string[], tp = A0): Promise<void> {
  for (const text of texts) await log.append([{ ...tp, records: [recordOf(text)] }])
}

export async function readTexts(log: Log, tp = A0): Promise<string[]> {
  const texts: string[] = []
  const end = await log.endOffset(tp)
  for (let next = await log.beginningOffset(tp); next < end;) {
    const records = await log.read(tp, next, { bytesMax: 10_000, waitMs: 0 })
    texts.push(...records.map(({ value }) => String(value)))
    next = records.at(-1)!.offset + 1
  }
  return texts
}
