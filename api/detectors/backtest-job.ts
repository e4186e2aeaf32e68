import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { createBacktest, GRACE_MS } from '#/processors/domain/sql-detector/backtest.ts'
import type {
  Backtest,
  BacktestWish,
  KnownIncident,
} from '#/processors/domain/sql-detector/backtest.ts'
import type { GroupValue, Window } from '#/processors/domain/sql-detector/evaluate.ts'
import { DETECTOR_LIMITS } from '#/processors/domain/sql-detector/spec.ts'
import type { DetectorBacktest, DetectorBacktestState } from '#/schemas/detector-view.ts'
import type { Reads } from '#/schemas/reads.ts'
import { askWindow } from './ask-window.ts'

export interface BacktestJobDeps {
  clock: Clock
  reads: Pick<Reads, 'guardedSql'>
  /** Told of each that ends well, before the job says that it has. */
  keep(project: string, backtest: DetectorBacktest): Promise<void>
}

export type BacktestOrder = BacktestWish & { project: string }

/** One back-test at a time in this process. */
export interface BacktestJob {
  start(order: BacktestOrder): DetectorBacktestState
  /** Of this project; another project's is told as none. */
  state(project: string): DetectorBacktestState
  cancel(project: string): Promise<DetectorBacktestState>
  close(): Promise<void>
}

export const NO_BACKTEST: DetectorBacktestState = {
  running: false,
  phase: '',
  windows: 0,
  total: 0,
  error: '',
  backtest: null,
}
const INCIDENTS_MAX = 1_000
const KNOWN_MS = 5_000
const COUNT_MS = 20_000

export function createBacktestJob(deps: BacktestJobDeps): BacktestJob {
  let state = NO_BACKTEST
  let owner = ''
  let cancel = new AbortController()
  let work: Promise<void> = Promise.resolve()
  const run = async (order: BacktestOrder, test: Backtest): Promise<void> => {
    const { signal } = cancel
    try {
      const onWindow = (): void => void (state = { ...state, windows: state.windows + 1 })
      const backtest = await backtestOf(deps, order, { test, signal, onWindow })
      await deps.keep(order.project, backtest)
      state = { ...state, running: false, phase: 'done', backtest }
    } catch (error) {
      const phase = signal.aborted ? 'cancelled' : 'failed'
      state = { ...state, running: false, phase, error: signal.aborted ? '' : messageOf(error) }
    }
  }
  const stateFor = (project: string): DetectorBacktestState =>
    project === owner ? state : NO_BACKTEST
  return {
    start(order) {
      if (state.running)
        throw new FaultlineError('conflict', 'A back-test is running.', {
          remedy: 'Wait for it, or cancel it.',
        })
      const test = createBacktest(order)
      if (test.windows.length > DETECTOR_LIMITS.backtestWindows) throw tooLong()
      if (test.windows.length === 0)
        throw new FaultlineError('invalid_request', 'The range holds no whole window.', {
          path: 'from',
        })
      cancel = new AbortController()
      owner = order.project
      state = { ...NO_BACKTEST, running: true, phase: 'reading', total: test.windows.length }
      work = run(order, test)
      return state
    },
    state: stateFor,
    async cancel(project) {
      if (project === owner) {
        cancel.abort()
        await work
      }
      return stateFor(project)
    },
    async close() {
      cancel.abort()
      await work
    },
  }
}

interface Run {
  test: Backtest
  signal: AbortSignal
  onWindow: () => void
}

async function backtestOf(
  { reads }: BacktestJobDeps,
  order: BacktestOrder,
  { test, signal, onWindow }: Run,
): Promise<DetectorBacktest> {
  const { project, spec } = order
  const counts = await eventCounts(reads, order, { windows: test.windows, signal })
  let blank: GroupValue[] | undefined
  let events = 0
  for (const window of test.windows) {
    signal.throwIfAborted()
    const count = counts.get(window.fromMs) ?? 0
    if (window.fromMs >= order.fromMs) events += count
    try {
      // All windows without an event are the same question.
      const isKnown = count === 0 && blank !== undefined
      const rows = isKnown ? blank! : await askWindow(reads, { project, spec, window, signal })
      if (count === 0) blank = rows
      test.take(window, rows)
    } catch (error) {
      signal.throwIfAborted()
      if (isHopeless(error)) throw error
      test.skip(messageOf(error))
    }
    onWindow()
  }
  return test.finish(await knownIncidents(reads, order, signal), events)
}

/** What is wrong with the text is wrong in every window. */
function isHopeless(error: unknown): boolean {
  return isFaultlineError(error, 'invalid_sql') || isFaultlineError(error, 'storage_unavailable')
}

async function eventCounts(
  reads: Pick<Reads, 'guardedSql'>,
  { project, spec }: BacktestOrder,
  { windows, signal }: { windows: readonly Window[]; signal: AbortSignal },
): Promise<ReadonlyMap<number, number>> {
  const [first, last] = [windows[0], windows.at(-1)]
  if (first === undefined || last === undefined) return new Map()
  const lengthMs = spec.window_min * 60_000
  const { rows } = await reads.guardedSql({
    project,
    sql: `SELECT intDiv(toUnixTimestamp64Milli(occurred_at), ${lengthMs}) AS place, count() AS found FROM events GROUP BY place`,
    rowsMax: windows.length + 1,
    timeMsMax: COUNT_MS,
    // More than the windows hold, where something came late: those windows are asked all the same.
    window: { fromMs: first.fromMs, toMs: last.toMs, arrivedBeforeMs: last.toMs + GRACE_MS },
    signal,
  })
  return new Map(rows.map(([place, found]) => [Number(place) * lengthMs, Number(found)]))
}

async function knownIncidents(
  reads: Pick<Reads, 'guardedSql'>,
  { project, fromMs, toMs }: BacktestOrder,
  signal: AbortSignal,
): Promise<KnownIncident[]> {
  const { rows } = await reads.guardedSql({
    project,
    sql: `SELECT incident_id, toUnixTimestamp64Milli(opened_at), toUnixTimestamp64Milli(resolved_at), services FROM incidents WHERE redirect_to = '' AND opened_at < fromUnixTimestamp64Milli(${Math.trunc(toMs)}) AND ifNull(resolved_at, opened_at) >= fromUnixTimestamp64Milli(${Math.trunc(fromMs)}) ORDER BY opened_at DESC, incident_id`,
    rowsMax: INCIDENTS_MAX,
    timeMsMax: KNOWN_MS,
    signal,
  })
  return rows
    .map(([id, openedAt, resolvedAt, services]) => ({
      id: String(id),
      openedAt: Number(openedAt),
      resolvedAt: resolvedAt === null ? null : Number(resolvedAt),
      services: Array.isArray(services) ? services.map(String) : [],
    }))
    .toReversed()
}

function tooLong(): FaultlineError {
  return new FaultlineError(
    'invalid_request',
    `A back-test looks at ${DETECTOR_LIMITS.backtestWindows} windows at most.`,
    { path: 'from', remedy: 'Choose a shorter range, or a longer window.' },
  )
}
