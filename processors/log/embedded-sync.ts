import type { Clock } from '#/kernel/clock.ts'
import { systemErrorCode } from '#/kernel/errors.ts'
import type { Disk } from './disk.ts'
import type { Meta } from './embedded-meta.ts'
import { segmentRow } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import type { Segment } from './embedded-segment.ts'

/** So much of a segment may have to be scanned after a crash. */
const UNINDEXED_BYTES_MAX = 4 * 1024 * 1024
/** Then the write-ahead log (about 8 to 16 KiB for each) is worth moving into the database. */
const TRANSACTIONS_PER_CHECKPOINT = 1500

export interface SyncerDeps {
  clock: Clock
  disk: Disk
  meta: Meta
  /** The write-ahead log of meta.db. */
  walPath: string
  intervalMs: number
  onProblem(error: unknown): void
}

/**
 * Brings what was written to the medium in the background, and tells meta.db how far that got, so that the next
 * start scans little. Sleeps while nothing is written.
 */
export class Syncer {
  readonly #deps: SyncerDeps
  readonly #dirty = new Map<Segment, Partition>()
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined

  constructor(deps: SyncerDeps) {
    this.#deps = deps
  }

  markDirty(partition: Partition, segment: Segment): void {
    this.#dirty.set(segment, partition)
    if (!this.#closing.signal.aborted) this.#running ??= this.#loop()
  }

  /** Throws what the disk throws; a segment that retention removed is no error. */
  async syncSegment(segment: Segment): Promise<void> {
    const { bytes } = segment
    await this.#deps.disk.sync(segment.path, { withFolder: !segment.isFolderSynced })
    segment.bytesSynced = Math.max(segment.bytesSynced, bytes)
    segment.isFolderSynced = true
  }

  syncMeta(): Promise<void> {
    // Another descriptor of this file: closing one of meta.db itself would drop SQLite's lock (fcntl(2)).
    return this.#deps.disk.sync(this.#deps.walPath, { withFolder: false })
  }

  /** Everything to the medium and into the index; nothing may be written any more. */
  async close(partitions: readonly Partition[]): Promise<void> {
    this.#closing.abort()
    await this.#running
    await this.#round()
    this.#index(partitions, 0)
  }

  async #loop(): Promise<void> {
    while (this.#dirty.size > 0 && !this.#closing.signal.aborted) {
      await this.#deps.clock.sleep(this.#deps.intervalMs, this.#closing.signal)
      if (!this.#closing.signal.aborted) await this.#round()
    }
    this.#running = undefined
  }

  async #round(): Promise<void> {
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    try {
      for (const [segment] of dirty) await this.#syncOne(segment)
      this.#index(new Set(dirty.map(([, partition]) => partition)), UNINDEXED_BYTES_MAX)
      if (this.#deps.meta.transactions < TRANSACTIONS_PER_CHECKPOINT) return
      // The checkpoint syncs on this thread; after this there is little left for it to wait for.
      await this.syncMeta()
      this.#deps.meta.checkpoint()
    } catch (error) {
      this.#deps.onProblem(error)
    }
  }

  async #syncOne(segment: Segment): Promise<void> {
    try {
      await this.syncSegment(segment)
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
    }
  }

  /** Stores the index of segments that grew by more than `bytesMin`, or will not grow any more. */
  #index(partitions: Iterable<Partition>, bytesMin: number): void {
    const due: { partition: Partition; segment: Segment }[] = []
    for (const partition of partitions) {
      const last = partition.segments.at(-1)
      for (const segment of partition.segments) {
        const grown = segment.bytesSynced - segment.bytesIndexed
        if (grown > 0 && (grown > bytesMin || segment !== last)) due.push({ partition, segment })
      }
    }
    if (due.length === 0) return
    this.#deps.meta.transaction(() => {
      for (const { partition, segment } of due) {
        segment.bytesIndexed = segment.bytesSynced
        const index = segment.index?.toBytes(segment.bytesIndexed) ?? null
        this.#deps.meta.putSegment(segmentRow(partition, segment), index)
      }
    })
    for (const { partition, segment } of due) {
      const isWhole = segment.bytesIndexed === segment.bytes
      if (isWhole && segment !== partition.segments.at(-1)) segment.index = undefined
    }
  }
}
