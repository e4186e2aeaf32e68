import { assert } from '#/kernel/assert.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import type { Log, TopicPartition } from '#/processors/log/port.ts'
import { installState } from './install-state.ts'
import type { Supervisor } from './platform.ts'
import { createReplayPipe, scopeOf } from './replay-pipe.ts'
import type { ReplayPipe } from './replay-pipe.ts'
import { keyOf, planReplay } from './replay-plan.ts'
import type { ReplayPlan, ResetTo } from './replay-plan.ts'
import type { Stage, TableHash } from './stage.ts'

/** The epoch of each group, kept in config.v1. */
export interface EpochPort {
  current(group: string): number
  /** Gives all of them the same epoch, higher than any of them ever had; durable when it resolves. */
  raise(groups: readonly string[]): Promise<number>
}

export interface ReplayDeps {
  log: Log
  clock: Clock
  random: Random
  stages: readonly Stage[]
  supervisor: Supervisor
  epochs: EpochPort
  breathe(): Promise<void>
}

export interface ReplayOptions {
  group: string
  resetTo: ResetTo
  onProgress?(progress: ReplayProgress): void
  signal?: AbortSignal
}

export interface ReplayProgress {
  phase: 'reading' | 'pausing' | 'exchanging' | 'done'
  /** Records of the root's input that were computed again, of those there are now. */
  records: number
  total: number
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

const READ_BYTES = 512 * 1024
/** How far behind the live end the replay may be when the live stages pause, in records. */
const NEAR_RECORDS = 5000
const ROUNDS_MAX = 20
const DRAIN_MS_MAX = 120_000
const DRAIN_POLL_MS = 50
/** Decisions are read this far ahead of telemetry, so that they are there before their slice closes. */
const FEEDER_AHEAD_MS = 2000

/**
 * Computes a group and everything behind it again, from its durable input, into other tables, while the live chain
 * goes on; then pauses the live chain for a moment, does the rest, exchanges tables and state, and lets it go on.
 * Cancelled or failed, it leaves everything as it was. Topics behind the group keep the history they have: only
 * tables and state are replaced. One replay at a time.
 */
export async function replayGroup(deps: ReplayDeps, options: ReplayOptions): Promise<ReplayReport> {
  const plan = await planReplay(deps.log, deps.stages, options)
  const epoch = await deps.epochs.raise(plan.stages.map(({ name }) => name))
  const replay = new Replay(deps, options, plan, epoch)
  return replay.run()
}

class Replay {
  readonly #deps: ReplayDeps
  readonly #options: ReplayOptions
  readonly #plan: ReplayPlan
  readonly #epoch: number
  readonly #positions: Map<string, number>
  #pipe!: ReplayPipe
  #records = 0

  constructor(deps: ReplayDeps, options: ReplayOptions, plan: ReplayPlan, epoch: number) {
    this.#deps = deps
    this.#options = options
    this.#plan = plan
    this.#epoch = epoch
    this.#positions = new Map([...plan.from].map(([key, { offset }]) => [key, offset]))
  }

  async run(): Promise<ReplayReport> {
    const paused: Stage[] = []
    try {
      await this.#prepare()
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        if ((await this.#readUpTo(await this.#ends())) < NEAR_RECORDS) break
      }
      this.#tell('pausing')
      const pausedAtMs = this.#deps.clock.monotonicMs()
      await this.#pauseChain(paused)
      await this.#readUpTo(await this.#ends())
      await this.#pipe.flush()
      const tables = await this.#exchange()
      await this.#resume(paused)
      const report = {
        group: this.#options.group,
        epoch: this.#epoch,
        stages: this.#plan.stages.map(({ name }) => name),
        records: this.#records,
        tables,
        identical: Object.values(tables).every(
          ({ before, after }) => before.rows === after.rows && before.hash === after.hash,
        ),
        pausedMs: this.#deps.clock.monotonicMs() - pausedAtMs,
      }
      this.#tell('done')
      return report
    } finally {
      // After an exchange the twins are the old tables; before it they are what was given up.
      await this.#resume(paused)
      for (const sink of this.#sinks()) await sink.shadow!.drop(this.#scope(sink))
    }
  }

  async #prepare(): Promise<void> {
    const counts = new Map((await this.#deps.log.topics()).map((t) => [t.name, t.partitions]))
    for (const sink of this.#sinks()) await sink.shadow!.create(this.#scope(sink), this.#plan.keep)
    this.#pipe = createReplayPipe({
      plan: this.#plan,
      epoch: this.#epoch,
      clock: this.#deps.clock,
      random: this.#deps.random,
      partitionsOf: (topic) => counts.get(topic) ?? 1,
      breathe: () => this.#deps.breathe(),
      signal: this.#options.signal ?? new AbortController().signal,
    })
  }

  #sinks(): Stage[] {
    return this.#plan.stages.filter(({ shadow }) => shadow !== undefined)
  }

  #scope(sink: Stage) {
    return scopeOf(this.#plan, sink, this.#epoch)
  }

  /** Where reading stops: never beyond what the live stage has done, whose place the result takes. */
  async #ends(): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    for (const [key, tp] of this.#plan.from) {
      const committed = await this.#deps.log.committed(this.#readerOf(tp).name, tp)
      ends.set(key, committed?.offset ?? tp.offset)
    }
    return ends
  }

  #readerOf({ topic }: TopicPartition): Stage {
    const { root, feeders } = this.#plan
    return [root, ...feeders].find(({ inputs }) => inputs.includes(topic))!
  }

  /** Returns how many records were read. The partition furthest back in time goes first. */
  async #readUpTo(ends: ReadonlyMap<string, number>): Promise<number> {
    let count = 0
    const heads = new Map<string, number>()
    for (;;) {
      const next = this.#furthestBack(ends, heads)
      if (next === undefined) return count
      const records = await this.#read(next, ends.get(keyOf(next))!)
      const last = records.at(-1)
      if (last === undefined) {
        assert(!this.#isOpen(next, ends), 'there is something to read below the end')
        continue
      }
      await this.#readFeeders(ends, last.timestampMs + FEEDER_AHEAD_MS)
      await this.#pipe.push(this.#readerOf(next), next, records)
      heads.set(keyOf(next), last.timestampMs)
      count += records.length
      this.#records += records.length
      this.#tell('reading', ends)
    }
  }

  #furthestBack(
    ends: ReadonlyMap<string, number>,
    heads: ReadonlyMap<string, number>,
  ): TopicPartition | undefined {
    const { root, from } = this.#plan
    const open = [...from.values()].filter(
      (tp) => root.inputs.includes(tp.topic) && this.#isOpen(tp, ends),
    )
    return open.toSorted(
      (a, b) => (heads.get(keyOf(a)) ?? -Infinity) - (heads.get(keyOf(b)) ?? -Infinity),
    )[0]
  }

  #isOpen(tp: TopicPartition, ends: ReadonlyMap<string, number>): boolean {
    return (this.#positions.get(keyOf(tp)) ?? 0) < (ends.get(keyOf(tp)) ?? 0)
  }

  async #readFeeders(ends: ReadonlyMap<string, number>, untilMs: number): Promise<void> {
    for (const tp of this.#plan.from.values()) {
      if (this.#plan.root.inputs.includes(tp.topic)) continue
      while (this.#isOpen(tp, ends)) {
        const [first] = await this.#peek(tp)
        if (first === undefined || first.timestampMs > untilMs) break
        const records = await this.#read(tp, ends.get(keyOf(tp))!, untilMs)
        await this.#pipe.push(this.#readerOf(tp), tp, records)
      }
    }
  }

  #peek(tp: TopicPartition) {
    const from = this.#positions.get(keyOf(tp)) ?? 0
    return this.#deps.log.read(tp, from, { bytesMax: 1, waitMs: 0 })
  }

  async #read(tp: TopicPartition, end: number, untilMs = Infinity) {
    this.#options.signal?.throwIfAborted()
    const from = this.#positions.get(keyOf(tp)) ?? 0
    const read = await this.#deps.log.read(tp, from, { bytesMax: READ_BYTES, waitMs: 0 })
    const stop = read.findIndex((r) => r.offset >= end || r.timestampMs > untilMs)
    const records = stop < 0 ? read : read.slice(0, stop)
    const last = records.at(-1)
    if (last !== undefined) this.#positions.set(keyOf(tp), last.offset + 1)
    // A compacted end of the range holds nothing more.
    else if (read.length > 0 && read[0]!.offset >= end) this.#positions.set(keyOf(tp), end)
    return records
  }

  /** The root first, so that nothing new comes; then each stage behind it when it has done what was left. */
  async #pauseChain(paused: Stage[]): Promise<void> {
    const { supervisor, clock } = this.#deps
    const { root, feeders, stages } = this.#plan
    const deadlineMs = clock.monotonicMs() + DRAIN_MS_MAX
    for (const stage of [root, ...feeders, ...stages.slice(1)]) {
      const runner = supervisor.runner(stage.name)
      const isSource = stage === root || feeders.includes(stage)
      for (
        let isReady = isSource || (await runner.isCaughtUp());
        !isReady;
        isReady = await runner.isCaughtUp()
      ) {
        this.#options.signal?.throwIfAborted()
        if (clock.monotonicMs() > deadlineMs)
          throw new FaultlineError('overloaded', `${stage.name} does not catch up`, {
            remedy: 'Run the replay again when the live chain has no lag.',
          })
        await clock.sleep(DRAIN_POLL_MS, this.#options.signal)
      }
      paused.push(stage)
      await runner.pause()
    }
  }

  async #resume(paused: Stage[]): Promise<void> {
    // Those at the end first, so that they wait for what comes.
    for (let stage = paused.pop(); stage !== undefined; stage = paused.pop())
      await this.#deps.supervisor.runner(stage.name).resume()
  }

  async #exchange(): Promise<ReplayReport['tables']> {
    this.#tell('exchanging')
    const tables: Record<string, { before: TableHash; after: TableHash }> = {}
    for (const sink of this.#sinks()) {
      const scope = this.#scope(sink)
      const [before, after] = [
        await sink.shadow!.hash(scope, 'live'),
        await sink.shadow!.hash(scope, 'shadow'),
      ]
      for (const [name, hash] of Object.entries(after)) {
        this.#checkRows(name, hash)
        tables[name] = { before: before[name] ?? { rows: 0, hash: '' }, after: hash }
      }
    }
    this.#options.signal?.throwIfAborted()
    // What follows is not interrupted. The live stages get an epoch no token was ever made of.
    const live = await this.#deps.epochs.raise(this.#plan.stages.map(({ name }) => name))
    await this.#exchangeAll()
    await installState({ ...this.#deps, plan: this.#plan, pipe: this.#pipe, epoch: live })
    return tables
  }

  /** All sinks or none. */
  async #exchangeAll(): Promise<void> {
    const done: Stage[] = []
    try {
      for (const sink of this.#sinks()) {
        await sink.shadow!.exchange(this.#scope(sink))
        done.push(sink)
      }
    } catch (error) {
      for (const sink of done) await sink.shadow!.exchange(this.#scope(sink))
      throw error
    }
  }

  #checkRows(table: string, { rows }: TableHash): void {
    const written = this.#pipe.rows().get(table) ?? 0
    if (rows < written)
      throw new FaultlineError('internal', `${table} has ${rows} rows of ${written} written`)
  }

  #tell(phase: ReplayProgress['phase'], ends?: ReadonlyMap<string, number>): void {
    let total = this.#records
    for (const [key, end] of ends ?? []) total += Math.max(0, end - (this.#positions.get(key) ?? 0))
    this.#options.onProgress?.({ phase, records: this.#records, total })
  }
}
