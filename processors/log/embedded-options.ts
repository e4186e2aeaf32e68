import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import { systemDisk } from './disk.ts'
import type { Disk } from './disk.ts'

export interface EmbeddedLogOptions {
  /** The data folder; the log owns `log/`, `meta.db*`, `lock` and `log-format` in it. */
  dir: string
  clock: Clock
  /**
   * `write`: an acknowledged record survives the end of the process (kill -9 too), and within `syncIntervalMs`
   * a power loss. `fsync`: it survives a power loss; a group of appends then costs one wait for the medium.
   */
  durability?: 'write' | 'fsync'
  metrics?: Metrics
  /** A segment ends at this size, or at half its topic's retention by size. */
  segmentBytesMax?: number
  /** A segment ends at this age, or at a quarter of its topic's retention by time. */
  segmentAgeMsMax?: number
  syncIntervalMs?: number
  /** How often retention and compaction look by themselves; Infinity for never. */
  maintainIntervalMs?: number
  /** Newest batches kept in memory, over all partitions. */
  cacheBytesMax?: number
  /** Appends that wait to be written; more are refused with `overloaded`. */
  pendingBytesMax?: number
  /** How long a member of a group may drain before it is fenced. */
  drainMsMax?: number
  disk?: Disk
  /** What went wrong in the background, or was repaired on opening. */
  onProblem?: (error: unknown) => void
}

const MIB = 1024 * 1024

export const EMBEDDED_DEFAULTS = {
  durability: 'write' as const,
  metrics: undefined,
  segmentBytesMax: 64 * MIB,
  segmentAgeMsMax: 86_400_000,
  syncIntervalMs: 150,
  maintainIntervalMs: 60_000,
  cacheBytesMax: 32 * MIB,
  pendingBytesMax: 64 * MIB,
  drainMsMax: 30_000,
  disk: systemDisk,
  onProblem: (): void => undefined,
}

export type EmbeddedSettings = Required<Omit<EmbeddedLogOptions, 'metrics'>> & {
  metrics: Metrics | undefined
}
