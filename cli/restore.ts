import { createHash } from 'node:crypto'
import { createReadStream, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FaultlineError } from '#/kernel/errors.ts'
import {
  byteProgress,
  copyFiles,
  emptyFolder,
  readManifest,
  type Manifest,
} from './backup-files.ts'
import type { Command, Io } from './io.ts'
import { describeOptions, parseArguments, type OptionSpec } from './options.ts'
import { folderOf } from './target.ts'

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'data-dir',
    type: 'text',
    default: './data',
    value: 'folder',
    about: 'where it is restored to: a new or empty folder',
  },
  {
    name: 'rebuild',
    type: 'flag',
    default: true,
    about: 'make the tables again from the log; --no-rebuild leaves them to a later replay',
  },
  { name: 'json', type: 'flag', about: 'the tables with rows and hash of their content as JSON' },
]

const HELP = `Usage: faultline restore BACKUP [options]

Checks every file of a backup, copies it into a new data folder, and makes the tables again from the log. The last step
starts the platform on free ports of loopback, has the sinks read the log from its beginning, and stops it.

${describeOptions(OPTIONS)}
`

export const restoreCommand: Command = async (args, io) => {
  const { given, positional, help } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(HELP)
    return 0
  }
  const [source, ...more] = positional
  if (source === undefined || more.length > 0)
    throw new FaultlineError('usage', 'restore takes the folder of one backup')
  const from = resolve(source)
  const dataDir = folderOf(given)
  const manifest = readManifest(from)
  await checkFiles(from, manifest, io)
  emptyFolder(dataDir, 'Move what is there away, or name another folder with --data-dir.')
  try {
    await copyAll(from, { manifest, to: dataDir }, io)
  } catch (error) {
    // Half a log would look like a whole one.
    rmSync(dataDir, { recursive: true, force: true })
    throw error
  }
  if (manifest.hasTables || given['rebuild'] === false) {
    io.stdout.write(`${dataDir}: the state of ${manifest.takenAt}\n`)
    return 0
  }
  // Loads the whole platform: only where it is needed.
  const { rebuildTables } = await import('./rebuild.ts')
  const rebuilt = Object.entries(await rebuildTables(dataDir, io))
  const tables = Object.fromEntries(rebuilt.map(([name, { after }]) => [name, after]))
  if (given['json'] === true) io.stdout.write(`${JSON.stringify(tables)}\n`)
  else
    for (const [name, { rows, hash }] of Object.entries(tables))
      io.stdout.write(`${name}: ${rows} rows, ${hash}\n`)
  return 0
}

/** Before anything is written: a damaged backup is told, not restored. */
async function checkFiles(from: string, manifest: Manifest, io: Io): Promise<void> {
  const progress = byteProgress(manifest.files, io)
  for (const { path, sha256 } of manifest.files) {
    const hash = createHash('sha256')
    try {
      for await (const chunk of createReadStream(join(from, path)) as AsyncIterable<Buffer>) {
        hash.update(chunk)
        progress.onBytes(chunk.length)
      }
    } catch (error) {
      throw new FaultlineError('log_corrupt', `${path} of the backup cannot be read`, {
        cause: error,
      })
    }
    if (hash.digest('hex') !== sha256)
      throw new FaultlineError('log_corrupt', `${path} of the backup was changed or damaged`, {
        remedy: 'Take another backup; nothing was restored.',
      })
  }
  progress.finish(`checked ${manifest.files.length} files`)
}

async function copyAll(
  from: string,
  { manifest, to }: { manifest: Manifest; to: string },
  io: Io,
): Promise<void> {
  const { onBytes, finish } = byteProgress(manifest.files, io)
  await copyFiles({ from, to, files: manifest.files, onBytes })
  finish(`copied ${manifest.files.length} files`)
}
