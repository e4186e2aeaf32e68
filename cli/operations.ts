import type { Operations, ReplayState } from '#/api/ports.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { ReplayDesk } from '#/processors/runtime/replay-desk.ts'
import type { DeadLetterDesk } from './dead-letters.ts'

const NEVER: ReplayState = {
  running: false,
  group: '',
  phase: '',
  records: 0,
  total: 0,
  error: '',
  tables: {},
  identical: null,
  paused_ms: 0,
}

/** What the operator may do with this platform; one replay at a time. */
export function createOperations(
  desk: ReplayDesk,
  deadLetters: DeadLetterDesk,
  groups: readonly string[],
): Operations {
  let last = NEVER
  let cancel = new AbortController()
  let work: Promise<void> = Promise.resolve()

  const state = (): ReplayState => {
    const progress = desk.progress()
    return progress === undefined ? last : { ...NEVER, ...progress, running: true }
  }
  const follow = async (
    wish: Parameters<ReplayDesk['run']>[0] & { signal: AbortSignal },
  ): Promise<void> => {
    const { group } = wish
    try {
      const { records, tables, identical, pausedMs } = await desk.run(wish)
      last = {
        ...NEVER,
        group,
        phase: 'done',
        records,
        total: records,
        tables,
        identical,
        paused_ms: pausedMs,
      }
    } catch (error) {
      last = {
        ...NEVER,
        group,
        phase: wish.signal.aborted ? 'cancelled' : 'failed',
        error: messageOf(error),
      }
    }
  }
  return {
    async startReplay({ group, resetTo }) {
      if (!groups.includes(group)) {
        throw new FaultlineError('not_found', `there is no group ${group}`, {
          path: 'group',
          remedy: `known: ${groups.join(', ')}`,
        })
      }
      if (desk.progress() !== undefined)
        throw new FaultlineError('conflict', 'a replay is running', {
          remedy: 'wait for it, or cancel it',
        })
      cancel = new AbortController()
      last = { ...NEVER, running: true, group, phase: 'reading' }
      work = follow({ group, resetTo, signal: cancel.signal })
      return state()
    },
    replayState: state,
    async cancelReplay() {
      cancel.abort()
      await work
      return state()
    },
    deadLetters: (limit) => deadLetters.deadLetters(limit),
    deadLetter: (id) => deadLetters.deadLetter(id),
    redrive: (ids) => deadLetters.redrive(ids),
  }
}
