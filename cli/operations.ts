import type { Operations, ReplayState } from '#/api/ports.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { isRunning, wishId } from '#/processors/runtime/replay-board.ts'
import type { ReplayBoard, ReplayOrder, ReplayRecord } from '#/processors/runtime/replay-board.ts'
import { isIdentical } from '#/processors/runtime/replay-desk.ts'
import type { DeadLetterDesk } from './dead-letters.ts'
import type { DiffDesk } from './diff-desk.ts'
import type { ExplainDesk } from './explain-desk.ts'
import type { SweepDesk } from './sweep-desk.ts'

export interface OperationsParts {
  board: ReplayBoard
  groups: readonly string[]
}

const NEVER: ReplayState = {
  running: false,
  group: '',
  epoch: 0,
  phase: '',
  started_at: 0,
  driver: '',
  takeovers: 0,
  records: 0,
  total: 0,
  error: '',
  tables: {},
  identical: null,
  paused_ms: 0,
}

const CANCEL_MS_MAX = 30_000
const POLL_MS = 1000

function stateOf(record: ReplayRecord): ReplayState {
  const { group, epoch, phase, driver, takeovers, records, total, error, tables } = record
  return {
    running: isRunning(record),
    group,
    epoch,
    phase,
    started_at: record.startedAtMs,
    driver,
    takeovers,
    records,
    total,
    error,
    tables,
    identical: phase === 'done' ? isIdentical(record) : null,
    paused_ms: record.pausedMs,
  }
}

type Replays = Pick<Operations, 'startReplay' | 'replayState' | 'cancelReplay' | 'resumeReplay'>

export interface OperationsDesks {
  deadLetters: DeadLetterDesk
  diffs: DiffDesk
  sweeps: SweepDesk
  explains: ExplainDesk
  snapshots: Pick<Operations, 'takeSnapshot' | 'dropSnapshot'>
}

/** What the operator may do with this platform, from any of its processes. */
export function createOperations(
  parts: OperationsParts,
  { deadLetters, diffs, sweeps, explains, snapshots }: OperationsDesks,
): Operations {
  return {
    ...createReplays(parts),
    ...diffs,
    ...sweeps,
    ...explains,
    ...snapshots,
    deadLetters: (limit) => deadLetters.deadLetters(limit),
    deadLetter: (id) => deadLetters.deadLetter(id),
    redrive: (ids) => deadLetters.redrive(ids),
  }
}

/** Wishes and orders go through the log: whoever drives replays reads them there. */
function createReplays({ board, groups }: OperationsParts): Replays {
  const state = async (): Promise<ReplayState> => {
    await board.refresh()
    const record = board.current()
    const [wish] = board.wishes()
    if (wish !== undefined && (record === undefined || !isRunning(record)))
      return { ...NEVER, running: true, group: wish.group, phase: 'waiting', started_at: wish.atMs }
    return record === undefined ? NEVER : stateOf(record)
  }
  const order = async (what: ReplayOrder['order']): Promise<void> => {
    const record = board.current()
    if (record !== undefined) await board.order({ epoch: record.epoch, order: what })
  }
  const start: Operations['startReplay'] = async ({ group, resetTo }) => {
    if (!groups.includes(group)) {
      throw new FaultlineError('not_found', `there is no group ${group}`, {
        path: 'group',
        remedy: `known: ${groups.join(', ')}`,
      })
    }
    const { running, phase } = await state()
    if (running)
      throw new FaultlineError('conflict', 'a replay is running', {
        remedy: 'wait for it, or cancel it',
      })
    if (phase === 'kept')
      throw new FaultlineError('conflict', 'a cancelled replay was kept', {
        remedy: 'resume it, or cancel it without keeping it',
      })
    await board.post({ id: wishId(systemRandom), group, resetTo, origin: 'command' })
    return state()
  }
  const cancel = async (keep: boolean): Promise<ReplayState> => {
    const before = await state()
    if (before.phase === 'waiting') {
      throw new FaultlineError('conflict', 'no process with processors has taken it yet', {
        remedy: 'try again in a moment; if it stays so, start one with --role processors',
      })
    }
    if (!before.running && before.phase !== 'kept') return before
    if (before.phase !== 'kept' || !keep) await order(keep ? 'keep' : 'cancel')
    const deadlineMs = systemClock.monotonicMs() + CANCEL_MS_MAX
    let now = await state()
    const isWaiting = (): boolean => now.running || (now.phase === 'kept' && !keep)
    while (isWaiting() && systemClock.monotonicMs() < deadlineMs) {
      const signal = AbortSignal.timeout(POLL_MS)
      await board.next(board.version, { waitMs: POLL_MS, signal })
      now = await state()
    }
    return now
  }
  return {
    startReplay: start,
    replayState: state,
    cancelReplay: ({ keep } = { keep: false }) => cancel(keep),
    async resumeReplay() {
      const { phase } = await state()
      if (phase !== 'kept')
        throw new FaultlineError('conflict', 'there is no kept replay', {
          remedy: '`faultline replay status` tells about the last one',
        })
      await order('resume')
      return state()
    },
  }
}
