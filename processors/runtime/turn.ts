import type { Clock } from '#/kernel/clock.ts'

/** The API lives on the same event loop: nobody keeps it for longer than this. */
const TURN_MS_MAX = 8
// Reading the clock costs about as much as the cheapest record, so not after every one.
const CHECK_EVERY = 16

export interface Turn {
  /** Starts counting: call after every await that may have let others run. */
  begin(): void
  /** Whether it is time to let others run. Cheap enough to ask after every record. */
  isOver(): boolean
  /** Lets others run. */
  next(): Promise<void>
  /** Milliseconds spent between `begin` and now, without the pauses, since the last call. */
  takeBusyMs(): number
}

export function createTurn(clock: Clock, breathe: () => Promise<void>): Turn {
  let startMs = clock.monotonicMs()
  let busyMs = 0
  let asked = 0
  return {
    begin() {
      startMs = clock.monotonicMs()
    },
    isOver() {
      asked += 1
      return asked % CHECK_EVERY === 0 && clock.monotonicMs() - startMs >= TURN_MS_MAX
    },
    async next() {
      busyMs += clock.monotonicMs() - startMs
      await breathe()
      startMs = clock.monotonicMs()
    },
    takeBusyMs() {
      const nowMs = clock.monotonicMs()
      const taken = busyMs + nowMs - startMs
      busyMs = 0
      startMs = nowMs
      return taken
    },
  }
}
