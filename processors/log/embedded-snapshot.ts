import { copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Clock } from '#/kernel/clock.ts'
import { systemErrorCode } from '#/kernel/errors.ts'
import type { Meta } from './embedded-meta.ts'
import type { TopicStore } from './embedded-store.ts'
import type { GroupCommitWriter } from './embedded-writer.ts'

/** One moment of the log, lying beside it until it is copied away. */
export interface LogSnapshot {
  /** Holds `meta.db` and `log/`, as a data folder does. */
  folder: string
  /** Paths below the folder, with how many bytes of each belong to that moment. */
  files: readonly { path: string; bytes: number }[]
  /** How long nothing was written. */
  pausedMs: number
}

export interface SnapshotDeps {
  /** The data folder. */
  dir: string
  meta: Meta
  store: TopicStore
  writer: GroupCommitWriter
  clock: Clock
}

/** What `snapshotLog` makes in the data folder; a crash leaves it behind, and the next one removes it. */
export const SNAPSHOT_FOLDER = 'snapshot'

export function dropSnapshot(dir: string): void {
  rmSync(join(dir, SNAPSHOT_FOLDER), { recursive: true, force: true })
}

/**
 * Between two groups of writes: a copy of meta.db, and a second name for every segment. Segments only grow or go, so
 * their bytes up to here are this moment for as long as the second name stands, whatever retention and compaction do
 * meanwhile. Nothing large is copied while writers wait.
 */
export async function snapshotLog(deps: SnapshotDeps): Promise<LogSnapshot> {
  const { dir, meta, store, writer, clock } = deps
  dropSnapshot(dir)
  const folder = join(dir, SNAPSHOT_FOLDER)
  mkdirSync(folder, { mode: 0o700 })
  return writer.exclusive(() => {
    const startedMs = clock.monotonicMs()
    const files: { path: string; bytes: number }[] = []
    for (const { segments } of store.all())
      for (const { path, bytes } of segments) {
        if (bytes === 0) continue
        const name = relative(dir, path)
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        secondName(path, join(folder, name))
        files.push({ path: name, bytes })
      }
    meta.copyTo(join(folder, 'meta.db'))
    return { folder, files, pausedMs: clock.monotonicMs() - startedMs }
  })
}

function secondName(path: string, name: string): void {
  try {
    linkSync(path, name)
  } catch (error) {
    // Not every file system knows second names: there writers wait for a copy.
    if (!['EPERM', 'ENOTSUP', 'EMLINK', 'EXDEV'].includes(systemErrorCode(error) ?? '')) throw error
    copyFileSync(path, name)
  }
}
