import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { dropSnapshot, type LogSnapshot } from '#/processors/log/embedded-snapshot.ts'
import {
  byteProgress,
  copyFiles,
  emptyFolder,
  filesBelow,
  MANIFEST,
  type Manifest,
} from './backup-files.ts'
import { filesOfEndedDrills } from './drill/store.ts'
import type { Command, Io } from './io.ts'
import { operatorOf } from './operate.ts'
import { describeOptions, parseArguments, type OptionSpec, type OptionValues } from './options.ts'
import { folderOf } from './target.ts'
import { packageVersion } from './version.ts'

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'data-dir',
    type: 'text',
    default: './data',
    value: 'folder',
    about: 'what is backed up, of a running or a stopped platform',
  },
  {
    name: 'with-tables',
    type: 'flag',
    about: 'the tables of ClickHouse too; only of a stopped platform',
  },
  { name: 'json', type: 'flag', about: 'the result as JSON' },
]

const HELP = `Usage: faultline backup FOLDER [options]

Copies the log, the schemas and the keys as they are at one moment into a new folder, also while the platform runs:
writers wait for a few milliseconds. Tables are made again from the log by \`faultline restore\`, as far as the log
goes back; --with-tables copies them from a stopped platform. Records and reports of drills that are over are copied
too; a drill that runs is not.

${describeOptions(OPTIONS)}
`

/** Small files beside the log, as far as they are there. */
const BESIDE = [
  'log-format',
  'ingest-key',
  'operator-token',
  'clickhouse-reader',
  'clickhouse-internal',
]
const API_PATH = '/api/operator/snapshot'

interface Taken {
  snapshot: LogSnapshot
  isRunning: boolean
  release(): Promise<void>
}

export const backupCommand: Command = async (args, io) => {
  const { given, positional, help } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(HELP)
    return 0
  }
  const [target, ...more] = positional
  if (target === undefined || more.length > 0)
    throw new FaultlineError('usage', 'backup takes one folder to write to', {
      remedy: 'Write for instance: npx faultline backup backup-2026-11-21',
    })
  const dataDir = folderOf(given)
  if (!existsSync(join(dataDir, 'meta.db')))
    throw new FaultlineError('usage', `${dataDir} holds no log`, {
      remedy: 'Name the data folder with --data-dir. A log on Kafka is backed up with Kafka.',
    })
  const to = resolve(target)
  emptyFolder(to, 'Name a new folder for each backup.')
  const taken = await takeSnapshot(dataDir, given)
  try {
    const result = await write(
      taken,
      { dataDir, to, withTables: given['with-tables'] === true },
      io,
    )
    io.stdout.write(given['json'] === true ? `${JSON.stringify(result)}\n` : sentenceOf(result))
  } finally {
    await taken.release()
  }
  return 0
}

/** From the running platform, which alone may read its log; else from the folder itself. */
async function takeSnapshot(dataDir: string, given: OptionValues): Promise<Taken> {
  try {
    const log = await openEmbeddedLog({
      dir: dataDir,
      clock: systemClock,
      onProblem: () => undefined,
    })
    const release = async (): Promise<void> => {
      dropSnapshot(dataDir)
      await log.close()
    }
    try {
      return { snapshot: await log.snapshot(), isRunning: false, release }
    } catch (error) {
      await release()
      throw error
    }
  } catch (error) {
    if (!isFaultlineError(error, 'data_dir_locked')) throw error
  }
  const ask = operatorOf(given)
  const snapshot = (await ask('POST', API_PATH)) as LogSnapshot
  return {
    snapshot,
    isRunning: true,
    release: async () => void (await ask('DELETE', API_PATH)),
  }
}

interface Place {
  dataDir: string
  to: string
  withTables: boolean
}

interface Result {
  folder: string
  files: number
  bytes: number
  seconds: number
  paused_ms: number
  has_tables: boolean
}

async function write({ snapshot, isRunning }: Taken, place: Place, io: Io): Promise<Result> {
  const { dataDir, to, withTables } = place
  if (withTables && isRunning)
    throw new FaultlineError('usage', 'tables can be copied from a stopped platform only', {
      remedy: 'Stop it, or leave --with-tables out: they are made again from the log.',
    })
  const startedMs = systemClock.monotonicMs()
  const takenAt = new Date(systemClock.nowMs()).toISOString()
  const small = await besideLog(dataDir, { withTables })
  // Of the copy of meta.db all, of segments what belonged to the moment.
  const meta = (await filesBelow(snapshot.folder)).find(({ path }) => path === 'meta.db')
  const moment = [...snapshot.files, ...(meta === undefined ? [] : [meta])]
  const { total, onBytes, finish } = byteProgress([...small, ...moment], io)
  // Of the moment a file has a second name; the others are copied before anybody may take one away.
  const copiedSmall = await copyFiles({ from: dataDir, to, files: small, onBytes })
  const copiedLog = await copyFiles({ from: snapshot.folder, to, files: moment, onBytes })
  const files = [...copiedLog, ...copiedSmall]
  const manifest: Manifest = {
    format: 1,
    version: packageVersion(),
    takenAt,
    hasTables: withTables,
    files,
  }
  writeFileSync(join(to, MANIFEST), `${JSON.stringify(manifest, undefined, 1)}\n`, { mode: 0o600 })
  const seconds = (systemClock.monotonicMs() - startedMs) / 1000
  finish(`copied ${files.length} files`)
  return {
    folder: to,
    files: files.length,
    bytes: total,
    seconds: Math.round(seconds * 10) / 10,
    paused_ms: Math.round(snapshot.pausedMs * 10) / 10,
    has_tables: withTables,
  }
}

/** Looks at nothing else: the ClickHouse of a running platform takes its files away at any moment. */
async function besideLog(
  dataDir: string,
  { withTables }: { withTables: boolean },
): Promise<{ path: string; bytes: number }[]> {
  const beside = BESIDE.filter((name) => existsSync(join(dataDir, name))).map((path) => ({
    path,
    bytes: statSync(join(dataDir, path)).size,
  }))
  const schemas = await filesBelow(join(dataDir, 'registry'), 'registry')
  const tables = withTables ? await filesBelow(join(dataDir, 'clickhouse'), 'clickhouse') : []
  const drills = filesOfEndedDrills(dataDir)
  return [...beside, ...drills, ...schemas, ...tables.filter(({ path }) => isTable(path))]
}

function isTable(path: string): boolean {
  return !path.startsWith('clickhouse/spool') && !path.endsWith('.lock')
}

function sentenceOf({
  folder,
  files,
  bytes,
  seconds,
  paused_ms: paused,
  has_tables: has,
}: Result): string {
  const size = `${(bytes / (1 << 20)).toFixed(1)} MB in ${files} files`
  const tables = has ? 'with its tables' : 'tables are made again by restore'
  return `${folder}: ${size}, ${seconds} s, writers waited ${paused} ms, ${tables}\n`
}
