import { assert } from '#/kernel/assert.ts'
import type { Clock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import type { ConsumedRecord, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import { processOne } from './process-one.ts'
import { createProcessorHost } from './processor-host.ts'
import type { ProcessorHost } from './processor-host.ts'
import { keyOf } from './replay-plan.ts'
import type { ReplayPlan } from './replay-plan.ts'
import type { SavedReplay, SavedStores } from './replay-save.ts'
import type { ShadowScope, Stage } from './stage.ts'
import type { PersistentStore } from './store.ts'
import { createTurn } from './turn.ts'

export interface ReplayPipeDeps {
  plan: ReplayPlan
  epoch: number
  clock: Clock
  random: Random
  partitionsOf(topic: string): number
  breathe(): Promise<void>
  signal: AbortSignal
  /** To go on from. */
  saved: SavedReplay | undefined
}

/**
 * The stages of a replay without a log in between: what one emits the next takes at once, so that memory holds a
 * batch and what it led to. The code of the stages is the same as live.
 */
export interface ReplayPipe {
  /** Runs records of a root or feeder input through everything behind it. */
  push(stage: Stage, tp: TopicPartition, records: readonly ConsumedRecord[]): Promise<void>
  /** Writes what the sinks still hold. */
  flush(): Promise<void>
  /** Rows written by table. */
  rows(): ReadonlyMap<string, number>
  /** Next offset of each computed topic. */
  offsets(): ReadonlyMap<string, number>
  /** Every store of every host. */
  allStores(): Iterable<[host: string, PersistentStore]>
  /** State of a task stage on one partition; undefined when it never saw a record. */
  stores(stage: Stage, tp: TopicPartition): Iterable<PersistentStore> | undefined
}

interface SinkBuffer {
  stage: Stage
  tp: TopicPartition
  records: ConsumedRecord[]
  bytes: number
}

const SINK_ROWS = 20_000
const SINK_BYTES = 4 << 20
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 10_000

export function scopeOf(plan: ReplayPlan, stage: Stage, epoch: number): ShadowScope {
  const topics =
    stage === plan.root ? stage.inputs : stage.inputs.filter((i) => plan.produced.has(i))
  return { epoch, topics: new Set(topics) }
}

export function createReplayPipe(deps: ReplayPipeDeps): ReplayPipe {
  return new Pipe(deps)
}

function hostKey(stage: Stage, { topic, partition }: TopicPartition): string {
  return `${stage.name}@${topic}@${partition}`
}

class Pipe implements ReplayPipe {
  readonly #deps: ReplayPipeDeps
  readonly #hosts = new Map<string, ProcessorHost>()
  readonly #sinks = new Map<string, SinkBuffer>()
  readonly #offsets = new Map<string, number>()
  readonly #consumers = new Map<string, Stage[]>()
  readonly #rows = new Map<string, number>()
  readonly #turn
  #queues = new Map<string, { tp: TopicPartition; records: ConsumedRecord[] }>()

  constructor(deps: ReplayPipeDeps) {
    this.#deps = deps
    this.#turn = createTurn(deps.clock, () => deps.breathe())
    for (const range of deps.plan.keep) this.#offsets.set(keyOf(range), range.offset)
    for (const stage of deps.plan.stages) {
      if (stage === deps.plan.root) continue
      for (const topic of stage.inputs)
        this.#consumers.set(topic, [...(this.#consumers.get(topic) ?? []), stage])
    }
    if (deps.saved !== undefined) this.#restore(deps.saved)
  }

  #restore({ place, hosts }: SavedReplay): void {
    for (const [key, offset] of Object.entries(place.offsets)) this.#offsets.set(key, offset)
    for (const [table, rows] of Object.entries(place.rows)) this.#rows.set(table, rows)
    const { stages, feeders } = this.#deps.plan
    for (const [key, stores] of hosts) {
      const [name = '', topic = '', partition] = key.split('@')
      const stage = [...stages, ...feeders].find((one) => one.name === name)
      assert(stage !== undefined, `saved state is of a stage there is: ${name}`)
      this.#hostOf(stage, { topic, partition: Number(partition) }, stores)
    }
  }

  async push(stage: Stage, tp: TopicPartition, records: readonly ConsumedRecord[]): Promise<void> {
    await this.#feed(stage, tp, records)
    // Each stage comes after all that feed it, so one pass empties everything.
    for (const next of this.#deps.plan.stages) {
      for (const topic of next.inputs) {
        for (const queue of this.#takeQueues(next, topic))
          await this.#feed(next, queue.tp, queue.records)
      }
    }
    this.#queues.clear()
  }

  async flush(): Promise<void> {
    for (const buffer of this.#sinks.values()) await this.#write(buffer)
  }

  rows(): ReadonlyMap<string, number> {
    return this.#rows
  }

  stores(stage: Stage, tp: TopicPartition): Iterable<PersistentStore> | undefined {
    return this.#hosts.get(hostKey(stage, tp))?.stores()
  }

  offsets(): ReadonlyMap<string, number> {
    return this.#offsets
  }

  *allStores(): Generator<[string, PersistentStore]> {
    for (const [key, host] of this.#hosts) for (const store of host.stores()) yield [key, store]
  }

  #takeQueues(stage: Stage, topic: string) {
    if (this.#consumers.get(topic)?.includes(stage) !== true) return []
    return [...this.#queues.values()].filter(({ tp }) => tp.topic === topic)
  }

  async #feed(stage: Stage, tp: TopicPartition, records: readonly ConsumedRecord[]) {
    this.#deps.signal.throwIfAborted()
    if (stage.shadow !== undefined) return this.#collect(stage, tp, records)
    const host = this.#hostOf(stage, tp)
    await host.prepare(records)
    this.#turn.begin()
    for (const record of records) {
      const result = processOne(host, record)
      if (result.kind === 'redirect') this.#deliver(result.topic, tp.partition, record)
      if (this.#turn.isOver()) await this.#turn.next()
    }
    host.takeCounts()
  }

  #hostOf(stage: Stage, tp: TopicPartition, stores: SavedStores = new Map()): ProcessorHost {
    const key = hostKey(stage, tp)
    let host = this.#hosts.get(key)
    if (host === undefined) {
      assert(stage.createProcessor !== undefined, `${stage.name} is a task`)
      host = createProcessorHost({
        createProcessor: stage.createProcessor,
        input: tp,
        stores,
        partitionsOf: (topic) => this.#deps.partitionsOf(topic),
        emit: (topic, partition, record) => this.#deliver(topic, partition, record),
      })
      this.#hosts.set(key, host)
    }
    return host
  }

  #deliver(topic: string, partition: number, record: ProducedRecord): void {
    if (!this.#consumers.has(topic)) return
    const tp = { topic, partition }
    const key = keyOf(tp)
    const offset = this.#offsets.get(key) ?? 0
    this.#offsets.set(key, offset + 1)
    let queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, (queue = { tp, records: [] }))
    queue.records.push({ ...record, offset })
  }

  async #collect(stage: Stage, tp: TopicPartition, records: readonly ConsumedRecord[]) {
    const key = `${stage.name}/${keyOf(tp)}`
    let buffer = this.#sinks.get(key)
    if (buffer === undefined) this.#sinks.set(key, (buffer = { stage, tp, records: [], bytes: 0 }))
    for (const record of records) {
      buffer.records.push(record)
      buffer.bytes += record.value?.length ?? 0
      if (buffer.records.length >= SINK_ROWS || buffer.bytes >= SINK_BYTES)
        await this.#write(buffer)
    }
  }

  async #write(buffer: SinkBuffer): Promise<void> {
    const { stage, tp, records } = buffer
    const [first, last] = [records[0], records.at(-1)]
    if (first === undefined || last === undefined) return
    const { plan, epoch, clock, random, signal } = this.#deps
    const batch = { ...tp, lo: first.offset, hi: last.offset + 1, records }
    const taken = await retry(async () => stage.shadow!.write(scopeOf(plan, stage, epoch), batch), {
      clock,
      random,
      signal,
      attemptsMax: Infinity,
      delayFirstMs: RETRY_FIRST_MS,
      delayMaxMs: RETRY_MAX_MS,
      isRetryable: (error) => isFaultlineError(error) && error.retryable,
    })
    for (const [table, rows] of Object.entries(taken))
      this.#rows.set(table, (this.#rows.get(table) ?? 0) + rows)
    buffer.records = []
    buffer.bytes = 0
  }
}
