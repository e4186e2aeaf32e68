import { constants, existsSync, statSync } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf, systemErrorCode } from '#/kernel/errors.ts'
import { lockHolder } from '#/processors/log/lock-file.ts'
import { fault, type Check, type Warning } from './doctor-check.ts'
import { rolesOf } from './roles.ts'
import type { Config } from './settings.ts'

const MB = 1 << 20
const DISK_MB_MIN = 32
/** Below this a busy day may fill it. */
const DISK_MB_GOOD = 2_048
const MAIN_PROCESS_MB = 600
const NODE_NEEDED = [24, 15] as const

/** The pid of the platform that runs on the folder; undefined when none does. */
export function platformPid(dataDir: string): number | undefined {
  const pid = lockHolder(dataDir)
  if (pid === undefined) return undefined
  try {
    // Asks whether it is there; nothing is sent.
    process.kill(pid, 0)
  } catch (error) {
    // Of another user, but there.
    if (systemErrorCode(error) !== 'EPERM') return undefined
  }
  return pid
}

/** What the machine has to offer: program, folder, disk, memory, ports. */
export function machineChecks(config: Config): Check[] {
  const pid = platformPid(config.dataDir)
  return [
    { name: 'node', ask: async () => checkNode(process.versions.node) },
    { name: 'data folder', ask: () => checkFolder(config.dataDir) },
    { name: 'lock', ask: async () => checkLock(config, pid) },
    { name: 'disk', ask: () => checkDiskSpace(config.dataDir) },
    ...(embedsClickHouse(config)
      ? [
          { name: 'embedded clickhouse', ask: async () => checkEngine() },
          { name: 'memory', ask: async () => checkMemory(config.clickhouseMemoryMb) },
        ]
      : []),
    ...portsOf(config).map(({ flag, host, port }) => ({
      name: flag,
      ask: () => checkPort({ flag, host, port, isOurs: pid !== undefined }),
    })),
  ]
}

function embedsClickHouse(config: Config): boolean {
  return config.clickhouseUrl === undefined && rolesOf(config).has('sink')
}

export function checkNode(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [neededMajor, neededMinor] = NODE_NEEDED
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return version
  throw fault(`Node ${version} is too old`, `Install Node ${NODE_NEEDED.join('.')} or later.`)
}

async function checkFolder(dataDir: string): Promise<string | Warning> {
  const place = existing(dataDir)
  try {
    await access(place, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw fault(
      `${place} cannot be written: ${messageOf(error)}`,
      'Give this user the folder (chown), or name another with --data-dir.',
    )
  }
  const stat = statSync(place)
  if (!stat.isDirectory()) throw fault(`${place} is no folder`, 'Name another one with --data-dir.')
  if (place !== dataDir) return `${dataDir} will be made`
  if ((stat.mode & 0o077) === 0) return dataDir
  return {
    warning: `${dataDir} can be read by others (mode ${(stat.mode & 0o777).toString(8)})`,
    remedy: `It holds secrets: chmod 700 ${dataDir}`,
  }
}

/** The folder itself, or the nearest one above it that is there. */
function existing(folder: string): string {
  let place = folder
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place)
  return place
}

function checkLock({ dataDir, kafkaBrokers }: Config, pid: number | undefined): string {
  if (pid !== undefined) return `the platform runs (pid ${pid})`
  if (kafkaBrokers === undefined && !existsSync(join(dataDir, 'meta.db'))) return 'a new folder'
  return 'nobody uses the folder'
}

async function checkDiskSpace(dataDir: string): Promise<string | Warning> {
  const { bavail, bsize } = await statfs(existing(dataDir))
  const free = Math.floor((bavail * bsize) / MB)
  const text = `${free.toLocaleString('en')} MB free`
  if (free < DISK_MB_MIN)
    throw fault(text, 'Make room, or move the data folder to a larger disk. Lower retention-days.')
  if (free >= DISK_MB_GOOD) return text
  return {
    warning: text,
    remedy: 'Lower retention-days, or move the data folder, before it fills.',
  }
}

function checkMemory(clickhouseMb: number): string | Warning {
  const total = Math.floor(totalmem() / MB)
  const needed = clickhouseMb + MAIN_PROCESS_MB
  const text = `${total.toLocaleString('en')} MB`
  if (total >= needed) return text
  return {
    warning: `${text}; ClickHouse and the platform may take ${needed} MB`,
    remedy: 'Lower clickhouse-memory-mb (at least 256).',
  }
}

function checkEngine(): string {
  const { platform, arch } = process
  const isKnown = ['linux', 'darwin'].includes(platform) && ['x64', 'arm64'].includes(arch)
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  if (isKnown && (platform === 'darwin' || header.glibcVersionRuntime !== undefined))
    return `${platform} ${arch}`
  throw fault(
    `it does not run on ${platform} ${arch}${isKnown ? ' without glibc' : ''}`,
    'Use Linux with glibc or macOS, or name a server with --clickhouse-url.',
  )
}

interface Port {
  flag: string
  host: string
  port: number
}

function portsOf(config: Config): Port[] {
  const { host, kafkaBrokers, registryUrl } = config
  const loopback = '127.0.0.1'
  const kafka = kafkaBrokers === undefined && config.kafka !== 'off'
  return [
    { flag: 'port', host, port: config.port },
    ...(embedsClickHouse(config)
      ? [{ flag: 'clickhouse-port', host: loopback, port: config.clickhousePort }]
      : []),
    ...(registryUrl === undefined
      ? [{ flag: 'registry-port', host: loopback, port: config.registryPort }]
      : []),
    ...(kafka ? [{ flag: 'kafka-port', host: loopback, port: config.kafkaPort }] : []),
  ]
}

async function checkPort({
  flag,
  host,
  port,
  isOurs,
}: Port & { isOurs: boolean }): Promise<string> {
  if (port === 0) return 'a free one'
  const error = await bindError(host, port)
  if (error === undefined) return `${host}:${port} is free`
  const code = systemErrorCode(error)
  if (code === 'EADDRINUSE' && isOurs) return `${host}:${port} is in use, and the platform runs`
  if (code === 'EADDRINUSE')
    throw fault(
      `${host}:${port} is in use by another program`,
      `Stop it (ss -ltnp | grep ${port}), or choose another with --${flag} (0 takes a free one).`,
    )
  if (code === 'EACCES')
    throw fault(`${host}:${port} may not be used by this user`, `Choose a --${flag} above 1023.`)
  throw fault(
    `${host}:${port} cannot be listened on: ${messageOf(error)}`,
    'Is --host an address of this machine?',
  )
}

function bindError(host: string, port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
