import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { replayGroup } from './replay.ts'
import type { ReplayDeps, ReplayOptions, ReplayProgress, ReplayReport } from './replay.ts'
import type { RewindRequest } from './supervisor.ts'

export interface ReplayDeskDeps extends Omit<ReplayDeps, 'supervisor'> {
  clock: Clock
  /** Known only once the desk exists, since the supervisor reports rewinds to it. */
  supervisor(): ReplayDeps['supervisor']
  /** A replay that an outside tool asked for has ended. */
  onDone(report: ReplayReport): void
  onProblem(error: unknown): void
}

/** Runs replays one after another, and turns offsets set back by other tools into replays. */
export interface ReplayDesk {
  /** Fails with `conflict` while another one runs. */
  run(options: ReplayOptions): Promise<ReplayReport>
  /** Give this to the supervisor as `onRewind`. */
  onRewind(request: RewindRequest): void
  /** What the current one does; undefined when none runs. */
  progress(): (ReplayProgress & { group: string }) | undefined
  /** Cancels what runs and waits for it. */
  stop(): Promise<void>
}

/** A tool sets the partitions of a group back one by one; wait for all of them. */
const GATHER_MS = 3000

export function createReplayDesk(deps: ReplayDeskDeps): ReplayDesk {
  const stopping = new AbortController()
  const gathered = new Map<string, RewindRequest[]>()
  let current: (ReplayProgress & { group: string }) | undefined
  let running: Promise<unknown> = Promise.resolve()

  const run = async (options: ReplayOptions): Promise<ReplayReport> => {
    if (current !== undefined)
      throw new FaultlineError('conflict', `a replay of ${current.group} is running`)
    const { group } = options
    current = { group, phase: 'reading', records: 0, total: 0 }
    const signals = [stopping.signal, ...(options.signal === undefined ? [] : [options.signal])]
    const work = replayGroup(
      { ...deps, supervisor: deps.supervisor() },
      {
        ...options,
        signal: AbortSignal.any(signals),
        onProgress(progress) {
          current = { group, ...progress }
          options.onProgress?.(progress)
        },
      },
    )
    running = work.catch(() => undefined)
    try {
      return await work
    } finally {
      current = undefined
    }
  }

  const replayGathered = async (group: string): Promise<void> => {
    await deps.clock.sleep(GATHER_MS, stopping.signal)
    const requests = gathered.get(group) ?? []
    gathered.delete(group)
    await running
    if (stopping.signal.aborted) return
    const inputs = requests.map(({ input, offset }) => ({ ...input, offset }))
    try {
      deps.onDone(await run({ group, resetTo: { inputs } }))
    } catch (error) {
      deps.onProblem(error)
    }
  }

  return {
    run,
    onRewind(request) {
      const requests = gathered.get(request.stage)
      if (requests !== undefined) requests.push(request)
      else {
        gathered.set(request.stage, [request])
        void replayGathered(request.stage)
      }
    },
    progress: () => current,
    async stop() {
      stopping.abort()
      await running
    },
  }
}
