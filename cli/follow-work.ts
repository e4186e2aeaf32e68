import { systemClock } from '#/kernel/clock.ts'
import type { Io } from './io.ts'
import type { Ask } from './operate.ts'
import { createProgress } from './progress.ts'

const POLL_MS = 300

/** How far work is that a platform does while a command waits, counted in `unit`. */
type Underway<Unit extends string> = { running: boolean; phase: string; total: number } & Readonly<
  Record<Unit, number>
>

export interface FollowedWork<Unit extends string, State extends Underway<Unit>> {
  ask: Ask
  io: Io
  /** What the work is called when it is over. */
  name: string
  unit: Unit
  read(): Promise<State>
  /** A DELETE of it cancels the work. */
  path: string
}

/** Shows a bar until the work is over. Ctrl-C cancels it, and its end is waited for. */
export async function followWork<Unit extends string, State extends Underway<Unit>>(
  work: FollowedWork<Unit, State>,
): Promise<State> {
  const { ask, io, name, unit, path } = work
  const progress = createProgress({ stream: io.stderr, clock: systemClock, unit })
  const cancel = (): void => void ask('DELETE', path)
  process.once('SIGINT', cancel)
  try {
    for (;;) {
      const state = await work.read()
      const done: number = state[unit]
      if (!state.running) {
        progress.finish(`${name} ${state.phase}, ${done.toLocaleString('en')} ${unit}`)
        return state
      }
      progress.update({ done, total: state.total, items: done })
      await systemClock.sleep(POLL_MS)
    }
  } finally {
    process.off('SIGINT', cancel)
  }
}
