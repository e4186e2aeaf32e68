import type { Clock } from '#/kernel/clock.ts'
import type { Supervisor } from './platform.ts'
import { restOf } from './replay-board.ts'
import type { ReplayBoard } from './replay-board.ts'
import type { Stage } from './stage.ts'

export interface ReplayFollowerDeps {
  board: ReplayBoard
  clock: Clock
  stages: readonly Stage[]
  supervisor(): Pick<Supervisor, 'runner'>
  onProblem(error: unknown): void
}

/** Lets the stages of this process rest and go on as the board says, whoever drives the replay. */
export interface ReplayFollower {
  start(): void
  stop(): Promise<void>
}

/** Also how soon a pause that could not be acknowledged is tried again. */
const WAIT_MS = 1000

export function createReplayFollower(deps: ReplayFollowerDeps): ReplayFollower {
  const stopping = new AbortController()
  const { signal } = stopping
  let done: Promise<void> = Promise.resolve()

  const apply = async (): Promise<void> => {
    const runners = deps.stages.map(({ name }) => ({
      name,
      runner: deps.supervisor().runner(name),
    }))
    const wishes = runners.map(({ name, runner }) => ({ runner, rest: restOf(deps.board, name) }))
    await Promise.all(
      wishes.map(async ({ runner, rest }) => {
        if (rest !== undefined) await runner.pause(rest)
      }),
    )
    // Those at the end first, so that they wait for what comes.
    for (const { runner, rest } of wishes.toReversed())
      if (rest === undefined && runner.restsFor() !== undefined) await runner.resume()
  }
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      const seen = deps.board.version
      try {
        await apply()
        await deps.board.next(seen, { waitMs: WAIT_MS, signal })
      } catch (error) {
        if (signal.aborted) return
        deps.onProblem(error)
        await deps.clock.sleep(WAIT_MS, signal)
      }
    }
  }
  return {
    start() {
      done = follow()
    },
    async stop() {
      stopping.abort()
      await done
    },
  }
}
