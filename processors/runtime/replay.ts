import { assert } from '#/kernel/assert.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import type { GroupMembership, Log } from '#/processors/log/port.ts'
import { installState } from './install-state.ts'
import type { BoardChange, ReplayBoard, ReplayRecord } from './replay-board.ts'
import { pauseChain } from './replay-pause.ts'
import { createReplayPipe, scopeOf } from './replay-pipe.ts'
import type { ReplayPipe } from './replay-pipe.ts'
import { restorePlan } from './replay-plan.ts'
import type { ReplayPlan } from './replay-plan.ts'
import { createReplayReader } from './replay-reader.ts'
import type { ReplayReader } from './replay-reader.ts'
import { createReplaySaver } from './replay-save.ts'
import type { ReplaySaver, SavedReplay } from './replay-save.ts'
import type { Stage, TableChange } from './stage.ts'

export interface ReplayDeps {
  log: Log
  clock: Clock
  random: Random
  stages: readonly Stage[]
  board: ReplayBoard
  breathe(): Promise<void>
  /** Records between two checkpoints of a replay. */
  checkpointRecords?: number
  /** How long a stage may take to come to rest. */
  restMsMax?: number
}

/** What the one who drives has besides: its place, and when to let go of it. */
export interface DriveDeps extends ReplayDeps {
  membership: GroupMembership
  signal: AbortSignal
}

const NEAR_RECORDS = 5000
const ROUNDS_MAX = 20
const TELL_MS = 1000
const RETRY = { attemptsMax: Infinity, delayFirstMs: 200, delayMaxMs: 10_000 }

/**
 * Drives the replay of the board's record to its end: computes a group and everything behind it again, from its
 * durable input, into other tables, while the live chain goes on; then lets the live chain rest for a moment, does
 * what is left, exchanges tables and state, and lets it go on. Topics behind the group keep the history they have:
 * only tables and state are replaced.
 *
 * It may die anywhere. Until `exchanging` is written nobody sees anything of it, and whoever takes over goes on from
 * the last checkpoint or gives up; from then on whoever takes over does the rest of the exchange.
 */
export async function driveReplay(deps: DriveDeps): Promise<void> {
  await new Drive(deps).run()
}

class Drive {
  readonly #deps: DriveDeps
  readonly #plan: ReplayPlan
  readonly #epoch: number
  readonly #saver: ReplaySaver
  #pipe!: ReplayPipe
  #reader!: ReplayReader
  #toldAtMs = -Infinity

  constructor(deps: DriveDeps) {
    const record = recordOf(deps.board)
    this.#deps = deps
    this.#plan = restorePlan(deps.stages, record)
    this.#epoch = record.epoch
    this.#saver = createReplaySaver({ ...deps, epoch: record.epoch })
  }

  async run(): Promise<void> {
    const { phase } = recordOf(this.#deps.board)
    if (phase === 'exchanging') await this.#restore(await this.#saver.load())
    else if (phase !== 'comparing') {
      await this.#open()
      await this.#readAll()
      await this.#decide()
    }
    if (phase !== 'comparing') await this.#exchange()
    await this.#compare()
  }

  /** Live stages that rested for a driver that died go on until they have to rest again. */
  async #open(): Promise<void> {
    const { paused } = recordOf(this.#deps.board)
    if (paused.length > 0) await this.#tell({ phase: 'reading', paused: [], ...this.#pauseOver() })
    const saved = await this.#saver.load()
    if (saved === undefined) {
      await this.#saver.clear()
      for (const sink of this.#sinks())
        await sink.shadow!.create(scopeOf(this.#plan, sink, this.#epoch), this.#plan.keep)
    }
    await this.#restore(saved)
    if (saved !== undefined) return
    this.#reader.extend(await this.#ends())
    await this.#save()
  }

  async #restore(saved: SavedReplay | undefined): Promise<void> {
    const { log, clock, random, signal } = this.#deps
    const counts = new Map((await log.topics()).map((t) => [t.name, t.partitions]))
    this.#pipe = createReplayPipe({
      plan: this.#plan,
      epoch: this.#epoch,
      clock,
      random,
      partitionsOf: (topic) => counts.get(topic) ?? 1,
      breathe: () => this.#deps.breathe(),
      signal,
      saved,
    })
    const { checkpointRecords } = this.#deps
    this.#reader = createReplayReader({
      log,
      plan: this.#plan,
      place: saved?.place,
      ...(checkpointRecords === undefined ? {} : { partRecords: checkpointRecords }),
    })
  }

  #sinks(): Stage[] {
    return this.#plan.stages.filter(({ shadow }) => shadow !== undefined)
  }

  /** Part after part, each followed by a checkpoint; near the live end the live chain is brought to rest. */
  async #readAll(): Promise<void> {
    let isLast = false
    for (let rounds = 0; ;) {
      await this.#readPart()
      if (this.#reader.isAtEnd()) {
        if (isLast) return this.#save()
        rounds += 1
        let ends = await this.#ends()
        if (this.#reader.behind(ends) < NEAR_RECORDS || rounds >= ROUNDS_MAX) {
          await this.#pause()
          ends = await this.#ends()
          isLast = true
        }
        this.#reader.extend(ends)
      }
      await this.#save()
    }
  }

  async #readPart(): Promise<void> {
    for await (const { stage, tp, records } of this.#reader.part()) {
      this.#deps.signal.throwIfAborted()
      await this.#pipe.push(stage, tp, records)
      await this.#tellProgress()
    }
    await this.#pipe.flush()
  }

  async #save(): Promise<void> {
    const place = {
      ...this.#reader.place(),
      offsets: Object.fromEntries(this.#pipe.offsets()),
      rows: Object.fromEntries(this.#pipe.rows()),
    }
    await this.#saver.save(place, this.#pipe.allStores())
  }

  /** Where reading stops: never beyond what the live stage has done, whose place the result takes. */
  async #ends(): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    for (const [key, tp] of this.#plan.from) {
      const stage = this.#reader.readerOf(tp)
      const committed = await this.#deps.log.committed(stage.name, tp)
      ends.set(key, Math.max(tp.offset, committed?.offset ?? tp.offset))
    }
    return ends
  }

  async #pause(): Promise<void> {
    const { log, clock, signal, restMsMax } = this.#deps
    await this.#tell({ phase: 'pausing', pausedAtMs: clock.nowMs() })
    await pauseChain({
      ...(restMsMax === undefined ? {} : { restMsMax }),
      log,
      clock,
      signal,
      plan: this.#plan,
      epoch: this.#epoch,
      tell: (paused) => this.#tell({ phase: 'pausing', paused: [...paused] }),
    })
  }

  /** The last moment to turn back: what the twins hold is counted. Live work rests, so only what has to be done now. */
  async #decide(): Promise<void> {
    const tables: Record<string, TableChange> = {}
    for (const sink of this.#sinks()) {
      const measured = await sink.shadow!.measure(scopeOf(this.#plan, sink, this.#epoch))
      for (const [name, after] of Object.entries(measured)) {
        const written = this.#pipe.rows().get(name) ?? 0
        if (after.rows < written)
          throw new FaultlineError(
            'internal',
            `${name} has ${after.rows} rows of ${written} written`,
          )
        tables[name] = { before: { rows: 0, hash: '' }, after }
      }
    }
    await this.#deps.board.refresh()
    this.#deps.signal.throwIfAborted()
    await this.#tell({ phase: 'exchanging', tables })
  }

  /** What follows is not given up, only repeated. The live stages get an epoch no token was ever made of. */
  async #exchange(): Promise<void> {
    for (const sink of this.#sinks())
      await this.#insist(() => sink.shadow!.exchange(scopeOf(this.#plan, sink, this.#epoch)))
    const epoch = this.#deps.board.freshEpoch()
    await installState({ ...this.#deps, plan: this.#plan, pipe: this.#pipe, epoch })
    const groups = this.#plan.stages.map(({ name }) => name)
    const { records } = this.#reader.place()
    const change = { records, total: records, error: '', paused: [], ...this.#pauseOver() }
    await this.#tell({ phase: 'comparing', ...change }, { epochs: { groups, epoch } })
  }

  /** The old tables lie still under the twins' names; rows of live work that goes on carry a later epoch. */
  async #compare(): Promise<void> {
    const derived = Object.fromEntries(
      Object.entries(recordOf(this.#deps.board).tables).map(([name, { after }]) => [
        name,
        after.hash,
      ]),
    )
    const tables: Record<string, TableChange> = {}
    for (const sink of this.#sinks()) {
      const scope = scopeOf(this.#plan, sink, this.#epoch)
      Object.assign(tables, await this.#insist(() => sink.shadow!.compare(scope, derived)))
    }
    await this.#tell({ phase: 'done', error: '', tables })
  }

  async #insist<T>(work: () => Promise<T>): Promise<T> {
    const { clock, random, signal } = this.#deps
    const onRetry = (error: unknown): void => void this.#complain(error)
    return retry(work, { ...RETRY, clock, random, isRetryable: isOutage, onRetry, signal })
  }

  async #complain(error: unknown): Promise<void> {
    try {
      await this.#tell({ error: messageOf(error) })
    } catch {
      // Who lost its place, or the log, hears so at the next step.
    }
  }

  #pauseOver(): Pick<ReplayRecord, 'pausedAtMs' | 'pausedMs'> {
    const { pausedAtMs, pausedMs } = recordOf(this.#deps.board)
    const sinceMs = pausedAtMs === 0 ? 0 : Math.max(0, this.#deps.clock.nowMs() - pausedAtMs)
    return { pausedAtMs: 0, pausedMs: pausedMs + sinceMs }
  }

  async #tellProgress(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs()
    if (nowMs - this.#toldAtMs < TELL_MS) return
    this.#toldAtMs = nowMs
    const { records, left } = this.#reader.progress()
    await this.#tell({ records, total: records + left })
  }

  async #tell(change: Partial<ReplayRecord>, more: Omit<BoardChange, 'record'> = {}) {
    const { board, clock, membership } = this.#deps
    const record = { ...recordOf(board), ...change, updatedAtMs: clock.nowMs() }
    await board.write({ record, ...more }, membership)
  }
}

function isOutage(error: unknown): boolean {
  return isFaultlineError(error) && error.retryable
}

function recordOf(board: ReplayBoard): ReplayRecord {
  const record = board.current()
  assert(record !== undefined, 'a replay was begun')
  return record
}

/** Removes what a replay that is over left: its twins (after an exchange those are the old tables), its saved state. */
export async function cleanReplay(deps: DriveDeps): Promise<void> {
  const record = recordOf(deps.board)
  const plan = restorePlan(deps.stages, record)
  for (const stage of plan.stages) await stage.shadow?.drop(scopeOf(plan, stage, record.epoch))
  await createReplaySaver({ ...deps, epoch: record.epoch }).clear()
  await deps.board.write({ record: { ...record, isCleaned: true } }, deps.membership)
}

/** Puts back what an exchange that cannot be finished has exchanged so far. */
export async function revertExchange(deps: DriveDeps): Promise<void> {
  const record = recordOf(deps.board)
  const plan = restorePlan(deps.stages, record)
  for (const stage of plan.stages) await stage.shadow?.revert(scopeOf(plan, stage, record.epoch))
}
