import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import { launchEngine } from './engine-child.ts'
import type { EngineChild, ForkEngine } from './engine-child.ts'
import { ENGINE_LIMITS } from './engine-config.ts'
import type { EngineConfig, EngineLimits } from './engine-config.ts'

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
  /** Told when it died eight times in a row, and at each eighth time from then on; it is started again all the same. */
  onDown?(error: FaultlineError): void
  /** Another way to begin the process: for tests in which it ends at awkward moments. */
  fork?: ForkEngine
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

const START_ATTEMPTS = 5
const START_DELAY_MS = 250
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 10_000
/** A process that lived this long was healthy: the count of failures in a row starts again. */
const HEALTHY_MS = 60_000
const FAILURES_TOLD = 8
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
  let child: EngineChild | undefined = await retry(() => launchEngine(config, options), {
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
      let reason = await child.exited
      child = undefined
      if (stopped.signal.aborted) return
      if (clock.monotonicMs() - startedMs > HEALTHY_MS) failures = 0
      while (child === undefined && !stopped.signal.aborted) {
        failures += 1
        if (failures % FAILURES_TOLD === 0) options.onDown?.(isDown(failures, reason))
        await clock.sleep(backoffMs(failures), stopped.signal)
        if (stopped.signal.aborted) return
        restarts += 1
        options.onRestart?.(reason, restarts)
        // A failed attempt counts like a crash. A full disk, a lack of memory go away: it is tried again for ever.
        child = await launchEngine({ ...config, port }, options).catch((error: unknown) => {
          reason = messageOf(error)
          return undefined
        })
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

function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 20))
}

function isDown(failures: number, reason: string): FaultlineError {
  return new FaultlineError(
    'engine_failed',
    `ClickHouse ended ${failures} times in a row; last: ${reason}`,
  )
}
