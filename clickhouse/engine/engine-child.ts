import { fork } from 'node:child_process'
import type { ChildProcess, ForkOptions } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { THREADPOOL_SIZE } from './engine-config.ts'
import type { EngineConfig } from './engine-config.ts'
import type { EngineReady, FromEngine, ToEngine } from './messages.ts'
import { PARENT_VARIABLE } from './pid-lock.ts'

export interface EngineChild {
  pid: number
  port: number
  /** Resolves with the reason, whatever it was. */
  exited: Promise<string>
  stop(patienceMs: number): Promise<void>
}

export type ForkEngine = (main: string, args: readonly string[], wish: ForkOptions) => ChildProcess

export interface LaunchOptions {
  clock: Clock
  onUnbornParts?(parts: readonly string[]): void
  fork?: ForkEngine
}

const MAIN = fileURLToPath(new URL('./engine-main.ts', import.meta.url))
const START_MS_MAX = 120_000

/** One process, from its beginning to its end. Rejects when it does not come to serve. */
export async function launchEngine(
  config: EngineConfig,
  options: LaunchOptions,
): Promise<EngineChild> {
  const { clock } = options
  const child = begin(options.fork ?? fork)
  const stderr = tailOf(child)
  const exited = new Promise<string>((resolve) => {
    // It stays: a process that was killed can fail in more ways than one, and an error that nobody listens to would
    // end the platform. Only of a process that never came to be no end is told.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(error.message)
    })
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

function begin(forkEngine: ForkEngine): ChildProcess {
  try {
    return forkEngine(MAIN, [], {
      // Only what it needs: no key of the environment gets near the SQL engine.
      env: {
        UV_THREADPOOL_SIZE: String(THREADPOOL_SIZE),
        TZ: 'UTC',
        [PARENT_VARIABLE]: String(process.pid),
      },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
  } catch (error) {
    const detail = `ClickHouse could not be started: ${messageOf(error)}`
    throw new FaultlineError('engine_failed', detail, { cause: error })
  }
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
  // The two losers of the race reject later, when nobody listens any more.
  for (const loser of [answer, died, late]) loser.catch(() => undefined)
  tell(child, { type: 'start', config: given.config })
  try {
    return await Promise.race([answer, died, late])
  } finally {
    settled.abort()
  }
}

/**
 * A process that was killed a moment ago cannot be told anything (EPIPE). Its end says so, and is waited for; without
 * a callback the failure would be an event besides.
 */
function tell(child: ChildProcess, message: ToEngine): void {
  if (child.connected) child.send(message, () => undefined)
}

async function stopChild(
  child: ChildProcess,
  given: { exited: Promise<string>; patienceMs: number; clock: Clock },
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const done = new AbortController()
  tell(child, { type: 'stop' })
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
