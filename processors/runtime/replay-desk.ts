import { assert } from '#/kernel/assert.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { retry } from '#/kernel/retry.ts'
import type { GroupMembership } from '#/processors/log/port.ts'
import { BOARD, isRunning, REPLAY_GROUP, wishId } from './replay-board.ts'
import type { ReplayRecord } from './replay-board.ts'
import { createReplayLeader } from './replay-leader.ts'
import { chainNames } from './replay-plan.ts'
import type { ResetTo } from './replay-plan.ts'
import type { ReplayDeps } from './replay.ts'
import type { TableHash } from './stage.ts'
import type { RewindRequest } from './supervisor.ts'

export interface ReplayDeskDeps extends ReplayDeps {
  /** This process, for people. */
  name: string
  /** A replay that this process drove has ended. */
  onDone(report: ReplayReport): void
  onProblem(error: unknown): void
}

export interface ReplayOptions {
  group: string
  resetTo: ResetTo
  onProgress?: (progress: ReplayRecord) => void
  signal?: AbortSignal
}

export interface ReplayReport {
  group: string
  epoch: number
  /** Stages that were computed again. */
  stages: readonly string[]
  records: number
  tables: Readonly<Record<string, { before: TableHash; after: TableHash }>>
  /** Same rules, same input, same tables. */
  identical: boolean
  pausedMs: number
}

/**
 * Each process with processors has one. Of all of them the log makes one the driver (the owner of the board's
 * partition in the group `replay`), which takes wishes one after another; when it dies, another one goes on.
 */
export interface ReplayDesk {
  /** Takes part; before it, nothing is driven here. */
  start(): Promise<void>
  /** Wishes for a replay and waits for it, whoever drives it. Fails when it fails or is cancelled. */
  run(options: ReplayOptions): Promise<ReplayReport>
  /** Give this to the supervisor as `onRewind`. */
  onRewind(request: RewindRequest): void
  /** Lets go of what it drives, for another process or the next start to go on with. */
  stop(): Promise<void>
}

const WAIT_MS = 1000

export function createReplayDesk(deps: ReplayDeskDeps): ReplayDesk {
  return new Desk(deps)
}

export function isIdentical({ tables }: Pick<ReplayRecord, 'tables'>): boolean {
  return Object.values(tables).every(
    ({ before, after }) => before.rows === after.rows && before.hash === after.hash,
  )
}

class Desk implements ReplayDesk {
  readonly #deps: ReplayDeskDeps
  readonly #stopping = new AbortController()
  #membership: GroupMembership | undefined
  #leading: { stop: AbortController; done: Promise<void> } | undefined

  constructor(deps: ReplayDeskDeps) {
    this.#deps = deps
  }

  async start(): Promise<void> {
    this.#membership = await this.#deps.log.join({
      group: REPLAY_GROUP,
      topics: [BOARD.topic],
      onAssigned: async (partitions, membership) => {
        if (partitions.length > 0) this.#lead(membership)
      },
      onRevoked: async (partitions) => {
        if (partitions.length > 0) await this.#letGo()
      },
    })
  }

  async run({ group, resetTo, onProgress, signal }: ReplayOptions): Promise<ReplayReport> {
    const { board } = this.#deps
    const id = wishId(this.#deps.random)
    await board.post({ id, group, resetTo, origin: 'command' })
    for (let seen = -1; ;) {
      seen = await this.#nextVersion(seen)
      const record = board.current()
      if (record === undefined || !record.wishIds.includes(id)) continue
      onProgress?.(record)
      if (signal?.aborted === true && board.orderFor(record.epoch) === undefined)
        await board.order({ epoch: record.epoch, order: 'cancel' })
      if (isRunning(record) || (!record.isCleaned && record.phase !== 'kept')) continue
      if (record.phase === 'done') return this.#reportOf(record)
      signal?.throwIfAborted()
      throw new FaultlineError('conflict', `the replay was ${record.phase}: ${record.error}`)
    }
  }

  onRewind({ stage: group, input, offset }: RewindRequest): void {
    const { board, clock, random } = this.#deps
    const wish = {
      id: wishId(random),
      group,
      resetTo: { inputs: [{ ...input, offset }] },
      origin: 'offsets',
    } as const
    const { signal } = this.#stopping
    // The offset is back where it was: the wish is all that is left of it.
    const options = {
      clock,
      random,
      signal,
      attemptsMax: Infinity,
      delayFirstMs: 100,
      delayMaxMs: 5000,
    }
    retry(() => board.post(wish), { ...options, isRetryable: isOutage }).catch((error: unknown) =>
      this.#deps.onProblem(error),
    )
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#letGo()
    await this.#membership?.leave()
  }

  async #nextVersion(seen: number): Promise<number> {
    const { board } = this.#deps
    const { signal } = this.#stopping
    await board.next(seen, { waitMs: WAIT_MS, signal })
    signal.throwIfAborted()
    return board.version
  }

  #lead(membership: GroupMembership): void {
    assert(this.#leading === undefined, 'it leads once')
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#stopping.signal])
    const leader = createReplayLeader({
      ...this.#deps,
      membership,
      signal,
      onEnd: (record) => {
        if (record.phase === 'done') this.#deps.onDone(this.#reportOf(record))
        else if (record.phase === 'failed') this.#deps.onProblem(new Error(record.error))
      },
    })
    this.#leading = { stop, done: leader.run() }
  }

  async #letGo(): Promise<void> {
    const leading = this.#leading
    this.#leading = undefined
    leading?.stop.abort()
    await leading?.done
  }

  #reportOf(record: ReplayRecord): ReplayReport {
    const { group, epoch, records, tables, pausedMs } = record
    const stages = chainNames(this.#deps.stages, group)
    return { group, epoch, stages, records, tables, identical: isIdentical(record), pausedMs }
  }
}

function isOutage(error: unknown): boolean {
  return isFaultlineError(error) && error.retryable
}
