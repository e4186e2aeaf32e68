import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { isRunning } from './replay-board.ts'
import type { ReplayPhase, ReplayRecord, ReplayWish } from './replay-board.ts'
import { keyOf, planReplay } from './replay-plan.ts'
import type { ResetTo } from './replay-plan.ts'
import { cleanReplay, driveReplay, revertExchange } from './replay.ts'
import type { DriveDeps } from './replay.ts'

export interface ReplayLeaderDeps extends DriveDeps {
  name: string
  onEnd(record: ReplayRecord): void
  onProblem(error: unknown): void
}

/** Takes wishes from the board one after another, and what an earlier driver left. */
export interface ReplayLeader {
  /** Until the signal aborts or another one leads. Never rejects. */
  run(): Promise<void>
}

const WAIT_MS = 1000
const RETRY_MS = 5000
/** A tool sets the partitions of a group back one by one; wait for all of them. */
const GATHER_MS = 3000
/** A replay that ends every process that drives it must not do so for ever. */
const TAKEOVERS_MAX = 5

/** Somebody told the replay to end. */
class OrderedStop extends Error {
  override readonly name = 'AbortError'
  readonly order: 'cancel' | 'keep'

  constructor(order: 'cancel' | 'keep') {
    super('the replay was aborted')
    this.order = order
  }
}

export function createReplayLeader(deps: ReplayLeaderDeps): ReplayLeader {
  return new Leader(deps)
}

class Leader implements ReplayLeader {
  readonly #deps: ReplayLeaderDeps
  /** The epoch of what this one began or took over. */
  #own = 0

  constructor(deps: ReplayLeaderDeps) {
    this.#deps = deps
  }

  async run(): Promise<void> {
    const { board, clock, signal } = this.#deps
    while (!signal.aborted) {
      const seen = board.version
      try {
        await board.refresh()
        if (!(await this.#step())) await board.next(seen, { waitMs: WAIT_MS, signal })
      } catch (error) {
        if (signal.aborted || isFaultlineError(error, 'stale_owner')) return
        this.#deps.onProblem(error)
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }

  /** Returns whether there was something to do. */
  async #step(): Promise<boolean> {
    const record = this.#deps.board.current()
    if (record !== undefined && isRunning(record)) {
      await this.#drive(record)
      return true
    }
    if (record?.phase === 'kept') return this.#decideKept(record)
    if (record !== undefined && !record.isCleaned) {
      await cleanReplay(this.#deps)
      this.#deps.onEnd(record)
      return true
    }
    const wishes = this.#ready()
    if (wishes.length === 0) return false
    await this.#begin(wishes)
    return true
  }

  async #decideKept(record: ReplayRecord): Promise<boolean> {
    const order = this.#deps.board.orderFor(record.epoch)
    if (order !== 'resume' && order !== 'cancel') return false
    this.#own = record.epoch
    await this.#write({ ...record, phase: order === 'resume' ? 'reading' : 'cancelled' })
    return true
  }

  /** The oldest wish, with those that belong to it. */
  #ready(): readonly ReplayWish[] {
    const { board, clock } = this.#deps
    const [first] = board.wishes()
    if (first === undefined || first.origin === 'command') return first === undefined ? [] : [first]
    const together = board
      .wishes()
      .filter(({ group, origin }) => group === first.group && origin === 'offsets')
    const latestMs = Math.max(...together.map(({ atMs }) => atMs))
    return clock.nowMs() - latestMs < GATHER_MS ? [] : together
  }

  async #begin(wishes: readonly ReplayWish[]): Promise<void> {
    const { log, stages, board, clock, name, membership } = this.#deps
    const [{ group }] = wishes as [ReplayWish]
    const resetTo = togetherOf(wishes)
    const wishIds = wishes.map(({ id }) => id)
    const nowMs = clock.nowMs()
    const record: ReplayRecord = {
      epoch: board.freshEpoch(),
      wishIds,
      group,
      resetTo,
      phase: 'reading',
      paused: [],
      from: [],
      keep: [],
      records: 0,
      total: 0,
      startedAtMs: nowMs,
      updatedAtMs: nowMs,
      pausedAtMs: 0,
      pausedMs: 0,
      driver: name,
      takeovers: 0,
      error: '',
      tables: {},
      isCleaned: false,
    }
    this.#own = record.epoch
    try {
      const { from, keep } = await planReplay(log, stages, { group, resetTo })
      await board.write(
        { record: { ...record, from: [...from.values()], keep }, taken: wishIds },
        membership,
      )
    } catch (error) {
      // A group there is not: the wish must not come again and again.
      if (!isFaultlineError(error, 'usage')) throw error
      const failed = {
        ...record,
        phase: 'failed',
        error: messageOf(error),
        isCleaned: true,
      } as const
      await board.write({ record: failed, taken: wishIds }, membership)
      this.#deps.onEnd(failed)
    }
  }

  async #drive(record: ReplayRecord): Promise<void> {
    if (this.#own !== record.epoch) await this.#takeOver(record)
    const stop = new AbortController()
    const over = new AbortController()
    const signal = AbortSignal.any([this.#deps.signal, stop.signal])
    const watching = this.#watch(stop, AbortSignal.any([this.#deps.signal, over.signal]))
    try {
      await driveReplay({ ...this.#deps, signal })
    } catch (error) {
      await this.#failed(error, stop.signal)
    } finally {
      over.abort()
      await watching
    }
  }

  async #takeOver(record: ReplayRecord): Promise<void> {
    this.#own = record.epoch
    const takeovers = record.takeovers + 1
    await this.#write({ ...record, takeovers, driver: this.#deps.name })
  }

  /** Hears orders while the replay is driven. Never rejects. */
  async #watch(stop: AbortController, signal: AbortSignal): Promise<void> {
    const { board, clock } = this.#deps
    while (!signal.aborted) {
      const seen = board.version
      const record = board.current()
      const order = record === undefined ? undefined : board.orderFor(record.epoch)
      const mayStop =
        record?.phase !== 'comparing' && (record?.phase !== 'exchanging' || record.error !== '')
      if (record !== undefined && isRunning(record) && mayStop) {
        if (order === 'cancel' || order === 'keep') stop.abort(new OrderedStop(order))
        else if (record.takeovers > TAKEOVERS_MAX && record.phase !== 'exchanging')
          stop.abort(new Error(`given up: ${record.takeovers} processes ended while they drove it`))
      }
      try {
        await board.next(seen, { waitMs: WAIT_MS, signal })
      } catch {
        // The drive itself meets the same log, and says so.
        await clock.sleep(WAIT_MS, signal)
      }
    }
  }

  /** Ends the replay, unless somebody else goes on with it or the exchange has begun. */
  async #failed(error: unknown, stop: AbortSignal): Promise<void> {
    if (this.#deps.signal.aborted || isFaultlineError(error, 'stale_owner')) throw error
    const { board } = this.#deps
    await board.refresh()
    const record = board.current()
    const ordered =
      stop.aborted && stop.reason instanceof OrderedStop ? stop.reason.order : undefined
    if (record?.phase === 'comparing') throw error
    if (record?.phase === 'exchanging') {
      if (ordered !== 'cancel') throw error
      await revertExchange(this.#deps)
    }
    const phase = ordered === undefined ? 'failed' : ordered === 'keep' ? 'kept' : 'cancelled'
    const reason = stop.aborted && ordered === undefined ? stop.reason : error
    await this.#settle(phase, ordered === undefined ? messageOf(reason) : '')
  }

  async #settle(phase: ReplayPhase, error: string): Promise<void> {
    const record = this.#deps.board.current()
    if (record === undefined) return
    const sinceMs = record.pausedAtMs === 0 ? 0 : this.#deps.clock.nowMs() - record.pausedAtMs
    const pausedMs = record.pausedMs + sinceMs
    await this.#write({ ...record, phase, error, paused: [], pausedAtMs: 0, pausedMs })
  }

  async #write(record: ReplayRecord): Promise<void> {
    const { board, clock, membership } = this.#deps
    await board.write({ record: { ...record, updatedAtMs: clock.nowMs() } }, membership)
  }
}

function togetherOf(wishes: readonly ReplayWish[]): ResetTo {
  const [first] = wishes
  if (first === undefined || wishes.length === 1) return first?.resetTo ?? 'earliest'
  const inputs = wishes.flatMap(({ resetTo }) =>
    typeof resetTo === 'object' && 'inputs' in resetTo ? resetTo.inputs : [],
  )
  return { inputs: [...new Map(inputs.map((one) => [keyOf(one), one])).values()] }
}
