import type { Clock } from '#/kernel/clock.ts'
import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { GRACE_MS, learningMs } from '#/processors/domain/sql-detector/backtest.ts'
import type { DetectorProgress, KeptDetector } from '#/processors/domain/sql-detector/entry.ts'
import { emptyState, learn, step, windowFrom } from '#/processors/domain/sql-detector/evaluate.ts'
import type { GroupValue, Window } from '#/processors/domain/sql-detector/evaluate.ts'
import { findingOf } from '#/processors/domain/sql-detector/finding.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import type { Log } from '#/processors/log/port.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { askWindow } from './ask-window.ts'
import type { DetectorBook } from './book.ts'
import { appendFindings } from './put-findings.ts'

export interface WatchDeps {
  log: Log
  clock: Clock
  schemaIds: SchemaIds
  reads: Pick<Reads, 'guardedSql'>
  book: DetectorBook
  /** Whether everything that arrived before this moment can be asked for. */
  isStored(timeMs: number): Promise<boolean>
  onProblem?: ((error: unknown) => void) | undefined
}

export interface DetectorWatch {
  close(): Promise<void>
}

const SWEEP_MS = 5_000
/** Who stands still for longer misses what lies further back. */
const BEHIND_MS_MAX = 86_400_000
/** Windows of one detector in one sweep, so that one that has to catch up does not keep the others waiting. */
const WINDOWS_MAX = 100
/** Where nothing fired, how far it came is written this often: what a restart looks at again. */
const NOTE_MS = 300_000
/** A window that cannot be asked is left out after so many sweeps. */
const TRIES_MAX = 3
const GROUP = 'detectors'

/**
 * Looks at each window of each detector that is on, once everything that belongs to it is stored. What it finds goes
 * into the log as a decision does, in one append with how far it came: a replay finds it there and asks nobody.
 */
export async function startDetectorWatch(deps: WatchDeps): Promise<DetectorWatch> {
  let stop = new AbortController()
  let watching = Promise.resolve()
  const end = async (): Promise<void> => {
    stop.abort()
    await watching
  }
  const membership = await deps.log.join({
    group: GROUP,
    topics: [TOPICS.config.name],
    async onAssigned(partitions) {
      if (partitions.length === 0) return
      stop = new AbortController()
      watching = watchSafely(deps, stop.signal)
    },
    onRevoked: end,
  })
  return {
    async close() {
      await end()
      await membership.leave()
    },
  }
}

async function watchSafely(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await watch(deps, signal)
    } catch (error) {
      if (signal.aborted) return
      deps.onProblem?.(error)
      await deps.clock.sleep(SWEEP_MS, signal)
    }
  }
}

async function watch(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const lookers = new Map<string, Looker>()
  while (!signal.aborted) {
    const active = new Map(deps.book.active().map((detector) => [keyOf(detector), detector]))
    for (const key of lookers.keys()) if (!active.has(key)) lookers.delete(key)
    for (const [key, detector] of active) {
      const looker = lookers.get(key) ?? createLooker(deps, detector)
      lookers.set(key, looker)
      await looker.look(signal)
      if (signal.aborted) return
    }
    await deps.clock.sleep(SWEEP_MS, signal)
  }
}

function keyOf({ project, id, activeFromMs }: KeptDetector): string {
  return `${project}/${id}/${activeFromMs}`
}

interface Looker {
  look(signal: AbortSignal): Promise<void>
}

function createLooker(deps: WatchDeps, detector: KeptDetector): Looker {
  const { clock, book, reads } = deps
  const { project, spec } = detector
  let progress = book.progress(detector)
  // The first look is always noted, so that the list soon says that it looks.
  let notedMs = 0
  let tries = 0

  const ask = (window: Window, signal: AbortSignal): Promise<GroupValue[]> =>
    askWindow(reads, { project, spec, window, signal })

  /** Nothing has been looked at since it was switched on: what is usual is learned from the windows before. */
  const begin = async (signal: AbortSignal): Promise<DetectorProgress> => {
    const state = emptyState()
    const first = firstWindowMs(detector)
    for (let at = first - learningMs(spec); at < first;) {
      const window = windowFrom(at, spec.window_min)
      learn(state, spec, await ask(window, signal))
      at = window.toMs
    }
    return { ...blankProgress(detector), upToMs: first, state }
  }

  const write = async (next: DetectorProgress, findings: readonly Detection[]): Promise<void> => {
    const atMs = clock.nowMs()
    const isDue = findings.length > 0 || next.problem !== progress?.problem
    if (isDue || atMs - notedMs >= NOTE_MS) {
      await appendFindings(deps, { detector, progress: next, findings, atMs })
      notedMs = atMs
    }
    progress = next
  }

  const lookAt = async (now: DetectorProgress, window: Window, signal: AbortSignal) => {
    // What it changes is kept only when what follows from it is in the log.
    const state = structuredClone(now.state)
    const outcomes = step(state, spec, { window, rows: await ask(window, signal) })
    const fired = outcomes.filter(({ kind }) => kind === 'fired').length
    const findings = outcomes
      .filter(({ kind }) => spec.effect === 'alert' || kind === 'fired')
      .map((outcome) => findingOf(detector, outcome, window))
    const next: DetectorProgress = {
      ...now,
      state,
      upToMs: window.toMs,
      firedTotal: now.firedTotal + fired,
      firedAtMs: fired > 0 ? window.toMs : now.firedAtMs,
      problem: '',
    }
    await write(next, findings)
  }

  return {
    async look(signal) {
      for (let count = 0; count < WINDOWS_MAX; count += 1) {
        const from = progress?.upToMs ?? firstWindowMs(detector)
        const window = windowFrom(oldestOf(from, detector, clock.nowMs()), spec.window_min)
        const arrivedMs = window.toMs + GRACE_MS
        if (clock.nowMs() < arrivedMs || !(await deps.isStored(arrivedMs))) return
        try {
          progress ??= await begin(signal)
          await lookAt(progress, window, signal)
          tries = 0
        } catch (error) {
          if (signal.aborted || isOutage(error)) return
          tries += 1
          if (tries < TRIES_MAX) return
          tries = 0
          const now = progress ?? blankProgress(detector)
          await write({ ...now, upToMs: window.toMs, problem: messageOf(error) }, [])
        }
      }
    },
  }
}

function blankProgress({ project, id, activeFromMs }: KeptDetector): DetectorProgress {
  const none = { firedTotal: 0, firedAtMs: 0, problem: '' }
  return { project, id, activeFromMs, upToMs: 0, state: emptyState(), ...none }
}

/** The first one that lies behind the switch-on as a whole. */
function firstWindowMs({ spec, activeFromMs }: KeptDetector): number {
  const lengthMs = spec.window_min * 60_000
  return Math.ceil(activeFromMs / lengthMs) * lengthMs
}

function oldestOf(fromMs: number, { spec }: KeptDetector, nowMs: number): number {
  const oldestMs = nowMs - BEHIND_MS_MAX
  return fromMs >= oldestMs ? fromMs : windowFrom(oldestMs, spec.window_min).toMs
}

/** Not the fault of the text: it is asked again. */
function isOutage(error: unknown): boolean {
  return (
    isFaultlineError(error) &&
    (error.code === 'storage_unavailable' ||
      error.code === 'log_unavailable' ||
      error.code === 'overloaded')
  )
}
