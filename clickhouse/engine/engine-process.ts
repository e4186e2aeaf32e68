import { statfsSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { drainPending } from 'chdb'
import { quoteName } from '#/clickhouse/statement.ts'
import { adhocDatabaseOf, guardStatement } from '#/clickhouse/guard.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'
import { repairParts } from './broken-parts.ts'
import { LANES, configXml, laneSettings } from './engine-config.ts'
import type { EngineConfig, LaneName } from './engine-config.ts'
import { createExecutor } from './executor.ts'
import type { Executor } from './executor.ts'
import { failedWritesOf } from './failed-writes.ts'
import { createFront } from './http-front.ts'
import { createLane } from './lane.ts'
import type { Lane } from './lane.ts'
import type { FromEngine, ToEngine } from './messages.ts'
import { failureOf } from './messages.ts'
import { lockDataDir } from './pid-lock.ts'
import { openSession } from './session.ts'
import type { EngineSession, Work } from './session.ts'
import { createSpool } from './spool.ts'
import { forgetUnbornParts, unbornAtStart } from './unborn-parts.ts'
import { createWriteWatch } from './write-watch.ts'
import type { WriteWatch } from './write-watch.ts'

/**
 * The process that owns the data folder. It is forked by start-engine.ts, gets its configuration in the
 * first message, and ends when told to, or when its parent is gone.
 */
const STUCK_MS_MAX = 30_000
const EXIT_STUCK = 70
const EXIT_BROKEN_PART = 71

type Lanes = Awaited<ReturnType<typeof openLanes>>

interface Running {
  port: number
  forgotten: readonly string[]
  stop(): Promise<void>
}

let running: Promise<Running> | undefined
let stopping = false

process.on('message', (message: ToEngine) => {
  if (message.type === 'start') void start(message.config)
  else void stop()
})
// The parent died without saying so: an engine nobody knows of would hold the folder for ever.
process.on('disconnect', () => void stop())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())
// It died while chDB was being loaded: nobody was told.
if (!process.connected) void stop()

async function start(config: EngineConfig): Promise<void> {
  running = openEngine(config, systemClock)
  try {
    const { port, forgotten } = await running
    send({ type: 'ready', port, pid: process.pid, forgotten })
  } catch (error) {
    send({ type: 'failed', failure: failureOf(error) })
    process.exit(1)
  }
}

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  const engine = await running?.catch(() => undefined)
  await engine?.stop()
  process.exit(0)
}

async function openEngine(config: EngineConfig, clock: Clock): Promise<Running> {
  const unlock = await lockDataDir(config.dataDir, clock)
  const spool = createSpool(join(config.dataDir, 'spool'))
  const configFile = join(config.dataDir, 'engine.xml')
  const backups = join(config.dataDir, 'backups')
  writeFileSync(configFile, configXml(config, { spool: spool.dir, backups }), { mode: 0o600 })
  const tables = join(storeOf(config), 'store')
  const forgotten = forgetUnbornParts(tables)
  const lanes = await openLanes(config, configFile)
  const watch = watchWrites({ lanes, config, clock })
  const executor = createExecutor({ lanes, spool, clock, watch, onStuck, stuckMsMax: STUCK_MS_MAX })
  await createDatabases(lanes.command, config)
  const [version = 'unknown'] = await executor.lines('SELECT version()')
  // Waits until every table is open.
  await executor.lines('SELECT count() FROM system.parts')
  if (unbornAtStart(tables).length > 0) process.exit(EXIT_BROKEN_PART)
  const { database } = config
  const guard = (sql: string, params: Work['params']) =>
    guardStatement(sql, { parser: parserOf(executor, params), database, project: undefined })
  const front = createFront({ config, executor, spool, clock, version, guard })
  const port = await listen(front, config)
  return {
    port,
    forgotten,
    stop: () => shutDown({ front, executor, watch, config, clock, unlock }),
  }
}

/** Nothing in this process can free the session; a new process recovers what was acknowledged. */
function onStuck(session: string): void {
  send({ type: 'stuck', session })
  process.exit(EXIT_STUCK)
}

/** chDB's own folder; Atomic databases keep their tables in `store` below it. */
function storeOf(config: EngineConfig): string {
  return join(config.dataDir, 'store')
}

const ASK_NEVER_ABORTED = new AbortController().signal

function watchWrites(given: { lanes: Lanes; config: EngineConfig; clock: Clock }): WriteWatch {
  const { lanes, config, clock } = given
  const ask = async (sql: string): Promise<string[]> => {
    const work = { sql, database: 'system', settings: {}, params: {}, format: 'TSVRaw' }
    const { bytes } = await lanes.control.use({ signal: ASK_NEVER_ABORTED }, (session) =>
      session.run(work),
    )
    const text = Buffer.from(bytes).toString('utf8').trimEnd()
    return text === '' ? [] : text.split('\n')
  }
  const all = async (...statements: string[]): Promise<void> => {
    for (const sql of statements) await ask(sql)
  }
  return createWriteWatch({
    clock,
    failedWrites: () =>
      lanes.control.use({ signal: ASK_NEVER_ABORTED }, (session) =>
        failedWritesOf(session, 'system'),
      ),
    freeBytes() {
      const { bavail, bsize } = statfsSync(config.dataDir)
      return bavail * bsize
    },
    // Old parts stay as long as a broken one may need them.
    halt: () => all('SYSTEM STOP MERGES', 'SYSTEM STOP CLEANUP'),
    isHalted: async () => (await ask('SELECT count() FROM system.merges'))[0] === '0',
    resume: () => all('SYSTEM START CLEANUP', 'SYSTEM START MERGES'),
    repair: (sinceMs) => repairParts(ask, sinceMs),
    restart: () => process.exit(EXIT_BROKEN_PART),
  })
}

async function openLanes(config: EngineConfig, configFile: string) {
  const dataDir = storeOf(config)
  const lane = async (name: LaneName): Promise<Lane> => {
    const settings = laneSettings(name, config.limits)
    const sessions: EngineSession[] = []
    for (let index = 1; index <= LANES[name]; index += 1) {
      const session = `faultline-${name}-${index}`
      sessions.push(await openSession({ dataDir, configFile, name: session, settings }))
    }
    return createLane({ name, sessions, waitingMax: config.limits.waitingMax })
  }
  return {
    writer: await lane('writer'),
    reader: await lane('reader'),
    adhoc: await lane('adhoc'),
    command: await lane('command'),
    control: await lane('control'),
  }
}

/** Atomic: refreshable views and EXCHANGE TABLES do not work in chDB's default database. */
async function createDatabases(command: Lane, config: EngineConfig): Promise<void> {
  const { signal } = new AbortController()
  for (const name of [config.database, adhocDatabaseOf(config.database)]) {
    const sql = `CREATE DATABASE IF NOT EXISTS ${quoteName(name)} ENGINE = Atomic`
    const work = { sql, database: 'default', settings: {}, params: {} }
    await command.use({ signal }, (session) => session.run(work))
  }
}

/** With the parameters of the request: ClickHouse fills them in before it shows a tree, names of tables among them. */
function parserOf(executor: Executor, params: Work['params']) {
  return {
    format: async (sql: string) => {
      const lines = await executor.lines('SELECT formatQuerySingleLine({sql:String})', {
        sql: escapeText(sql),
      })
      return lines.join('\n')
    },
    explainAst: (sql: string) => executor.lines(`EXPLAIN AST ${sql}`, params),
  }
}

/** Parameters are read in ClickHouse's escaped text notation. */
function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n')
}

function listen(front: Server, config: EngineConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    front.once('error', (error) => {
      const taken = systemErrorCode(error) === 'EADDRINUSE'
      const detail = `Port ${config.port} on ${config.host} is already in use.`
      const remedy = 'Choose another with --clickhouse-port, or 0 for a free one.'
      reject(taken ? new FaultlineError('port_taken', detail, { remedy, cause: error }) : error)
    })
    front.listen(config.port, config.host, () => {
      const address = front.address()
      resolve(typeof address === 'object' && address !== null ? address.port : config.port)
    })
  })
}

interface ShutDown {
  front: Server
  executor: Executor
  watch: WriteWatch
  config: EngineConfig
  clock: Clock
  unlock: () => void
}

/** Stops intake, lets running statements finish for a while, then closes what is idle. */
async function shutDown(parts: ShutDown): Promise<void> {
  const { front, executor, watch, config, clock, unlock } = parts
  const closed = new Promise<void>((resolve) => {
    front.close(() => resolve())
  })
  front.closeIdleConnections()
  const patience = new AbortController()
  await Promise.race([closed, clock.sleep(config.limits.stopTimeMsMax, patience.signal)])
  patience.abort()
  front.closeAllConnections()
  watch.close()
  executor.close()
  await drainPending()
  unlock()
}

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message)
}
