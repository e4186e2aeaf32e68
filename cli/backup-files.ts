import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'

/** What `backup.json` says: written last, so that a folder without it is no backup. */
export interface Manifest {
  format: 1
  version: string
  /** ISO time of the moment it holds. */
  takenAt: string
  /** Tables are in it; otherwise they are made again from the log. */
  hasTables: boolean
  files: readonly BackupFile[]
}

export interface BackupFile {
  path: string
  bytes: number
  sha256: string
}

export const MANIFEST = 'backup.json'
const CHUNK_BYTES = 1 << 20

export interface CopyOptions {
  from: string
  to: string
  files: readonly { path: string; bytes: number }[]
  onBytes: (bytes: number) => void
}

/** A bar over all bytes of these files. */
export function byteProgress(files: readonly { bytes: number }[], { stderr }: Pick<Io, 'stderr'>) {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const progress = createProgress({ stream: stderr, clock: systemClock, unit: 'bytes' })
  let done = 0
  return {
    total,
    onBytes: (bytes: number): void => {
      done += bytes
      progress.update({ done, total, items: done })
    },
    finish: (text: string): void => progress.finish(text),
  }
}

/** Copies so many bytes of each file, onto the medium, and tells their hashes. */
export async function copyFiles({ from, to, files, onBytes }: CopyOptions): Promise<BackupFile[]> {
  const copied: BackupFile[] = []
  for (const { path, bytes } of files) {
    const target = join(to, path)
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
    const sha256 = await copyFile(join(from, path), target, { bytes, onBytes })
    copied.push({ path, bytes, sha256 })
  }
  return copied
}

async function copyFile(
  from: string,
  to: string,
  { bytes, onBytes }: { bytes: number; onBytes: (bytes: number) => void },
): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(to, 'wx', 0o600)
  try {
    let copied = 0
    if (bytes > 0)
      for await (const chunk of createReadStream(from, {
        end: bytes - 1,
        highWaterMark: CHUNK_BYTES,
      }) as AsyncIterable<Buffer>) {
        hash.update(chunk)
        await file.write(chunk)
        copied += chunk.length
        onBytes(chunk.length)
      }
    if (copied !== bytes)
      throw new FaultlineError('log_corrupt', `${from} has ${copied} bytes, not ${bytes}`)
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** Files of a folder and below, with their sizes; none when it is not there. */
export async function filesBelow(
  folder: string,
  prefix = '',
): Promise<{ path: string; bytes: number }[]> {
  if (!existsSync(folder)) return []
  const found: { path: string; bytes: number }[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(prefix, entry.name)
    if (entry.isDirectory()) found.push(...(await filesBelow(join(folder, entry.name), path)))
    else if (entry.isFile())
      found.push({ path, bytes: (await stat(join(folder, entry.name))).size })
  }
  return found
}

/** Makes the folder, or takes an empty one. Fails with `usage` for anything else. */
export function emptyFolder(folder: string, remedy: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new FaultlineError('usage', `${folder} is not empty`, { remedy })
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new FaultlineError('usage', `${folder} cannot be made: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Fails with `usage` where there is no complete backup, or one of another format. */
export function readManifest(folder: string): Manifest {
  let text: string
  try {
    text = readFileSync(join(folder, MANIFEST), 'utf8')
  } catch (error) {
    throw new FaultlineError('usage', `${folder} is no complete backup: ${messageOf(error)}`, {
      cause: error,
      remedy: 'Name a folder that `faultline backup` has finished.',
    })
  }
  const manifest = JSON.parse(text) as Partial<Manifest> & Pick<Manifest, 'files'>
  if (manifest.format !== 1)
    throw new FaultlineError('data_dir_version', `${folder} is a backup of another format`, {
      remedy: 'Restore it with the version that wrote it.',
    })
  for (const { path } of manifest.files)
    if (normalize(path) !== path || path.startsWith('..') || path.startsWith('/'))
      throw new FaultlineError('usage', `${folder} names a file outside of it: ${path}`)
  return manifest as Manifest
}
