import type { Clock } from '#/kernel/clock.ts'
import { engineError } from './engine-error.ts'
import type { EngineError } from './engine-error.ts'

/**
 * chDB takes a write to a file that failed, as on a full disk, for one that went well: an INSERT is acknowledged whose
 * part lacks bytes, a merge replaces good parts by a broken one. But it counts failed writes. So whoever writes
 * compares the count before and after; when it grew, nothing is acknowledged, writing stops, and once there is room
 * again what was written meanwhile is checked and mended.
 */
export interface WriteWatch {
  /** Runs work that writes. Fails with NOT_ENOUGH_SPACE when a write may have failed meanwhile, or still has to be mended. */
  guard<T>(guarded: Guarded<T>): Promise<T>
  /** Fails with NOT_ENOUGH_SPACE when the disk is all but full and a write failed since `before`, as of an answer's file. */
  checkAnswer(before: number, failedWrites: FailedWrites): Promise<void>
  /** Failed writes so far, as far as known. */
  readonly known: number
  close(): void
}

/** Failed writes since the process began. */
export type FailedWrites = () => Promise<number>

export interface Guarded<T> {
  work: () => Promise<T>
  /** Asked on the way of the work itself, so that nobody else's work is waited for. */
  failedWrites: FailedWrites
  /** It ends by itself: mending waits for it. Work that may wait for merges, which are halted meanwhile, does not. */
  isShort: boolean
}

export interface WriteWatchDeps {
  failedWrites: FailedWrites
  freeBytes(): number
  /** Stops what writes by itself. */
  halt(): Promise<void>
  /** Whether what writes by itself has come to an end. */
  isHalted(): Promise<boolean>
  /** Checks what was written since then, in ms; takes out of the tables what nobody was told is there. */
  repair(sinceMs: number): Promise<'mended' | 'restart'>
  /** Ends the process: its successor leaves broken parts alone and takes up those they were merged from. */
  restart(): void
  resume(): Promise<void>
  clock: Clock
}

const POLL_MS = 2_000
const RETRY_MS = 500
/** Below this nothing is mended, for want of room, and answers are looked at. */
const FREE_BYTES_MIN = 64 * 1024 * 1024
/** Parts carry whole seconds. */
const SINCE_MARGIN_MS = 2_000

interface State {
  /** Failed writes, as far as known. */
  known: number
  /** No write had failed by then that is not mended: what is broken was finished later. */
  cleanMs: number
  /** Short works under way. */
  busy: number
}

export function createWriteWatch(deps: WriteWatchDeps): WriteWatch {
  const { clock } = deps
  const closed = new AbortController()
  const state: State = { known: 0, cleanMs: clock.nowMs(), busy: 0 }
  let mending: Promise<void> | undefined

  /** Whether no write has failed since there were `before` failures, at `sinceMs`; begins to mend otherwise. */
  async function look(before: number, sinceMs: number, failedWrites: FailedWrites) {
    const atMs = clock.nowMs()
    const now = await failedWrites()
    if (now === before) {
      if (mending === undefined && now === state.known) state.cleanMs = atMs
      return true
    }
    state.known = Math.max(state.known, now)
    // It may have written what the last mending came too early for.
    state.cleanMs = Math.min(state.cleanMs, sinceMs)
    mending ??= mend(deps, state, closed.signal).finally(() => {
      mending = undefined
    })
    return false
  }

  /** Merges fail without anybody who asks. */
  async function poll(): Promise<void> {
    while (!closed.signal.aborted) {
      await clock.sleep(POLL_MS, closed.signal)
      if (mending !== undefined || closed.signal.aborted) continue
      await look(state.known, state.cleanMs, deps.failedWrites).catch(() => undefined)
    }
  }
  void poll()

  return {
    get known() {
      return state.known
    },
    async guard({ work, failedWrites, isShort }) {
      if (mending !== undefined) throw full()
      const before = state.known
      const sinceMs = clock.nowMs()
      const weight = isShort ? 1 : 0
      state.busy += weight
      try {
        const result = await work()
        if (await look(before, sinceMs, failedWrites)) return result
        throw full()
      } finally {
        state.busy -= weight
      }
    },
    async checkAnswer(before, failedWrites) {
      if (deps.freeBytes() >= FREE_BYTES_MIN) return
      if (!(await look(before, clock.nowMs(), failedWrites))) throw full()
    },
    close: () => closed.abort(),
  }
}

/** Waits for room and for what still runs, then checks and mends, again if writes failed meanwhile. */
async function mend(deps: WriteWatchDeps, state: State, closed: AbortSignal): Promise<void> {
  let isTold = false
  while (!closed.aborted) {
    try {
      if (!isTold) await deps.halt()
      isTold = true
      await deps.clock.sleep(RETRY_MS, closed)
      if (state.busy > 0 || deps.freeBytes() < FREE_BYTES_MIN || !(await deps.isHalted())) continue
      const before = await deps.failedWrites()
      const atMs = deps.clock.nowMs()
      const outcome = await deps.repair(state.cleanMs - SINCE_MARGIN_MS)
      if (outcome === 'restart') return deps.restart()
      state.known = await deps.failedWrites()
      if (state.known !== before) continue
      state.cleanMs = atMs
      return await deps.resume()
    } catch {
      // A statement that failed for want of memory or room is tried again; writing waits.
      await deps.clock.sleep(RETRY_MS, closed)
    }
  }
}

function full(): EngineError {
  const detail = 'The disk of the data folder is full, or was a moment ago.'
  return engineError('NOT_ENOUGH_SPACE', detail)
}
