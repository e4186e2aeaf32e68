import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import { ENGINE_LIMITS, THREADPOOL_SIZE } from './engine-config.ts'
import type { EngineConfig, EngineLimits } from './engine-config.ts'
import type { EngineReady, FromEngine, ToEngine } from './messages.ts'
import { PARENT_VARIABLE } from './pid-lock.ts'

export interface StartEngineOptions {
  /** Everything of ClickHouse lies here; one process at a time. */
  dataDir: string
  /** Loopback unless somebody really means it. */
  host?: string
  /** 0 takes a free one, which then stays the same across restarts. */
  port: number
  database?: string
  secrets: { internal: string; reader: string }
  clock: Clock
  limits?: Partial<EngineLimits>
  /** Told when the engine died and is being started again. */
  onRestart?(reason: string, restarts: number): void
  /** Told the parts of blocks a kill cut short, whose tokens are free again; see unborn-parts.ts. */
  onUnbornParts?(parts: readonly string[]): void
  /** Told once when it died too often in a row; nothing answers any more after this. */
  onExit?(error: FaultlineError): void
}

export interface Engine {
  readonly url: string
  readonly port: number
  /** Of the running process; changes with a restart, undefined while there is none. */
  readonly pid: number | undefined
  readonly restarts: number
  readonly users: { internal: string; reader: string }
  /** Lets running statements finish for `stopTimeMsMax`, then ends the process for sure. */
  stop(): Promise<void>
}

const ENGINE_USERS = { internal: 'faultline', reader: 'reader' } as const

const MAIN = fileURLToPath(new URL('./engine-main.ts', import.meta.url))
const START_MS_MAX = 120_000
const START_ATTEMPTS = 5
const START_DELAY_MS = 250
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 10_000
/** A process that lived this long was healthy: the count of failures in a row starts again. */
const HEALTHY_MS = 60_000
const FAILURES_IN_A_ROW_MAX = 8
const KILL_GRACE_MS = 3_000

/**
 * Starts the embedded ClickHouse and keeps it running. Rejects with `port_taken`, `data_dir_locked`,
 * `disk_full`, `platform_unsupported` or `engine_failed`, in words a user can act on.
 */
export async function startEngine(options: StartEngineOptions): Promise<Engine> {
  const { clock } = options
  const host = options.host ?? '127.0.0.1'
  const config = configOf(options, host)
  // Right after a kill the folder may still be held by threads that finish writing: a moment later it is free.
  let child: EngineChild | undefined = await retry(() => launch(config, options), {
    clock,
    random: systemRandom,
    attemptsMax: START_ATTEMPTS,
    delayFirstMs: START_DELAY_MS,
    delayMaxMs: START_DELAY_MS * 8,
    isRetryable: (error) => isFaultlineError(error, 'engine_failed'),
  })
  const port = child.port
  let restarts = 0
  const stopped = new AbortController()

  const supervise = async (): Promise<void> => {
    let failures = 0
    // A successor that came up while stop() waited is stop()'s to end, not ours to watch.
    while (child !== undefined && !stopped.signal.aborted) {
      const startedMs = clock.monotonicMs()
      const reason = await child.exited
      child = undefined
      if (stopped.signal.aborted) return
      if (clock.monotonicMs() - startedMs > HEALTHY_MS) failures = 0
      while (child === undefined && !stopped.signal.aborted) {
        failures += 1
        if (failures > FAILURES_IN_A_ROW_MAX) return options.onExit?.(gaveUp(reason))
        await clock.sleep(
          Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1)),
          stopped.signal,
        )
        if (stopped.signal.aborted) return
        restarts += 1
        options.onRestart?.(reason, restarts)
        // A failed attempt counts like a crash; the last one surfaces through onExit.
        child = await launch({ ...config, port }, options).catch(() => undefined)
      }
    }
  }
  const supervision = supervise()

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    get pid() {
      return child?.pid
    },
    get restarts() {
      return restarts
    },
    users: ENGINE_USERS,
    async stop() {
      stopped.abort()
      await child?.stop(config.limits.stopTimeMsMax + KILL_GRACE_MS)
      await supervision
      // Started between the abort and the end of the supervision.
      await child?.stop(KILL_GRACE_MS)
    },
  }
}

function configOf(options: StartEngineOptions, host: string): EngineConfig {
  return {
    dataDir: options.dataDir,
    host,
    port: options.port,
    database: options.database ?? 'faultline',
    users: [
      { name: ENGINE_USERS.internal, secret: options.secrets.internal, role: 'internal' },
      { name: ENGINE_USERS.reader, secret: options.secrets.reader, role: 'reader' },
    ],
    limits: { ...ENGINE_LIMITS, ...options.limits },
  }
}

interface EngineChild {
  pid: number
  port: number
  /** Resolves with the reason, whatever it was. */
  exited: Promise<string>
  stop(patienceMs: number): Promise<void>
}

async function launch(config: EngineConfig, options: StartEngineOptions): Promise<EngineChild> {
  const { clock } = options
  const child = fork(MAIN, [], {
    // Only what it needs: no key of the environment gets near the SQL engine.
    env: {
      UV_THREADPOOL_SIZE: String(THREADPOOL_SIZE),
      TZ: 'UTC',
      [PARENT_VARIABLE]: String(process.pid),
    },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const stderr = tailOf(child)
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) =>
      resolve(`${signal ?? `exit code ${code}`} ${stderr()}`.trim()),
    )
  })
  const stop = (patienceMs: number) => stopChild(child, { exited, patienceMs, clock })
  const ready = await firstMessage(child, { config, exited, clock }).catch(
    async (error: unknown) => {
      await stop(0)
      throw error
    },
  )
  if (ready.forgotten.length > 0) options.onUnbornParts?.(ready.forgotten)
  return { pid: ready.pid, port: ready.port, exited, stop }
}

async function firstMessage(
  child: ChildProcess,
  given: { config: EngineConfig; exited: Promise<string>; clock: Clock },
): Promise<EngineReady> {
  const settled = new AbortController()
  const answer = new Promise<EngineReady>((resolve, reject) => {
    child.once('message', (message: FromEngine) => {
      if (message.type === 'ready') return resolve(message)
      if (message.type !== 'failed') return undefined
      const { code, detail, remedy } = message.failure
      return reject(new FaultlineError(code, detail, remedy === undefined ? {} : { remedy }))
    })
  })
  const died = given.exited.then((reason) => {
    throw new FaultlineError('engine_failed', `ClickHouse ended while starting: ${reason}`)
  })
  const late = given.clock.sleep(START_MS_MAX, settled.signal).then(() => {
    throw new FaultlineError('engine_failed', `ClickHouse did not start within ${START_MS_MAX} ms.`)
  })
  const start: ToEngine = { type: 'start', config: given.config }
  child.send(start)
  // The two losers of the race reject later, when nobody listens any more.
  for (const loser of [answer, died, late]) loser.catch(() => undefined)
  try {
    return await Promise.race([answer, died, late])
  } finally {
    settled.abort()
  }
}

async function stopChild(
  child: ChildProcess,
  given: { exited: Promise<string>; patienceMs: number; clock: Clock },
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const done = new AbortController()
  if (child.connected) child.send({ type: 'stop' } satisfies ToEngine)
  const patience = given.clock.sleep(given.patienceMs, done.signal)
  await Promise.race([given.exited, patience])
  // kill -9 is safe: what was acknowledged is on the disk.
  child.kill('SIGKILL')
  await given.exited
  done.abort()
}

/** The last bytes the process complained with. */
function tailOf(child: ChildProcess): () => string {
  let tail = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-2000)
  })
  return () => tail.trim()
}

function gaveUp(reason: string): FaultlineError {
  return new FaultlineError(
    'engine_failed',
    `ClickHouse ended ${FAILURES_IN_A_ROW_MAX} times in a row; last: ${reason}`,
  )
}
