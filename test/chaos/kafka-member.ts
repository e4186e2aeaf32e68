import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import type { Random } from '#/kernel/random.ts'
import { isAlive } from '#/test/e2e/processes.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import type { RoleCluster, RoleName } from '#/test/kafka/role-cluster.ts'

/** One place for a process of a role: whoever dies in it is followed by another. */
export interface Member {
  readonly role: RoleName
  /** Undefined while nobody serves in it. */
  readonly platform: RunningPlatform | undefined
  /** Whether it serves and nothing is being done to it. */
  isIdle(): boolean
  start(): Promise<void>
  /** SIGKILL, or the orderly end; then the next one starts. Resolves when that one serves. */
  replace(how: 'kill' | 'stop'): Promise<void>
  /** SIGSTOP for a while: longer than a session makes it a former owner that does not know. */
  freeze(ms: number): Promise<void>
  dispose(): Promise<void>
}

export interface MemberOptions {
  cluster: RoleCluster
  role: RoleName
  random: Random
  /** False is the negative control: sinks that announce nothing. */
  intent: boolean
  /** What the process wrote before it ended. */
  onEnd(stderr: string): void
  onFault(text: string): void
}

const ENTRY = join(import.meta.dirname, 'entry.ts')
/** A start meets a broker or an engine that is away just then; more misses are a fault. */
const STARTS_MAX = 6
const START_PAUSE_MS = 1000

export function createMember(options: MemberOptions): Member {
  const { cluster, role, random } = options
  let platform: RunningPlatform | undefined
  let isBusy = false
  let isDisposed = false

  const startOnce = async (): Promise<RunningPlatform> => {
    // Other batch sizes at each start: what is inserted again must not depend on them.
    const sink = {
      rowsMax: random.pick([150, 600, 3000, 20_000]),
      delayMs: random.pick([0, 10, 100, 250]),
      intent: options.intent,
    }
    return cluster.start(role, { script: ENTRY, args: ['--sink', JSON.stringify(sink)] })
  }
  const start = async (): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      if (isDisposed) return
      try {
        platform = await startOnce()
        void watch(platform)
        return
      } catch (error) {
        if (attempt < STARTS_MAX) await systemClock.sleep(START_PAUSE_MS)
        else return options.onFault(`${role} does not start: ${String(error).slice(-1500)}`)
      }
    }
  }
  /** Nobody ends unasked. */
  const watch = async (watched: RunningPlatform): Promise<void> => {
    const { code, stderr } = await watched.finished
    options.onEnd(stderr)
    if (platform !== watched || isDisposed) return
    platform = undefined
    options.onFault(`${role} ended by itself with ${code}: ${stderr.slice(-1500)}`)
  }
  const busy = async (work: () => Promise<void>): Promise<void> => {
    isBusy = true
    try {
      await work()
    } finally {
      isBusy = false
    }
  }
  return {
    role,
    get platform() {
      return platform
    },
    isIdle: () => platform !== undefined && !isBusy,
    start: () => busy(start),
    replace: (how) =>
      busy(async () => {
        const gone = platform
        platform = undefined
        if (how === 'kill') await gone?.kill9()
        else {
          const end = await gone?.stop('SIGINT')
          if (end !== undefined && end.code !== 0)
            options.onFault(
              `${role}: an orderly stop ended with ${end.code}: ${end.stderr.slice(-800)}`,
            )
        }
        await start()
      }),
    freeze: (ms) =>
      busy(async () => {
        const { pid = 0 } = platform ?? {}
        if (!isAlive(pid)) return
        process.kill(pid, 'SIGSTOP')
        await systemClock.sleep(ms)
        if (isAlive(pid)) process.kill(pid, 'SIGCONT')
      }),
    async dispose() {
      isDisposed = true
      const pid = platform?.pid ?? 0
      if (isAlive(pid)) process.kill(pid, 'SIGCONT')
      await platform?.[Symbol.asyncDispose]()
    },
  }
}
