import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Random } from '#/kernel/random.ts'
import type {
  ConsumedRecord,
  GroupMembership,
  Log,
  ProducedRecord,
  TopicPartition,
} from '#/processors/log/port.ts'
import type { Progress } from './changelog.ts'
import type { DeadLetterDraft, Result } from './record.ts'
import type { Store, StoreCodec } from './store.ts'

/**
 * One processor of the chain. Its name is the name of its consumer group; one *worker* runs for each partition of
 * its input topics. Two kinds exist: tasks (task.ts: records in, records out, state) and sinks (they write
 * elsewhere).
 */
export interface Stage {
  readonly name: string
  readonly inputs: readonly string[]
  /** Topics it may write, besides dead letters: what makes the chain a graph. */
  readonly outputs: readonly string[]
  createWorker(context: WorkerContext): Worker
  /**
   * Its records name by their own time which slice of the other inputs they belong to. A replay reads it this much
   * earlier (ms of the records' timestamps), so that they are there before that slice closes, as they were live.
   */
  readonly aheadMs?: number
  /** Set on stages whose work is a task: how a replay runs the same code. */
  readonly createProcessor?: CreateProcessor
  /** Set on sinks: where a replay writes instead. */
  readonly shadow?: ShadowPort
}

/** The other tables a replay fills before they take the place of the live ones. Only tables of `topics` are meant. */
export interface ShadowPort {
  /**
   * Empty twins of the stage's tables (`x__e2`), left-overs of the same epoch removed. Rows that came from before
   * `keep` are copied over.
   */
  create(scope: ShadowScope, keep: readonly KeptRange[]): Promise<void>
  /**
   * Writes records of one partition, dense in what the topic held. May be repeated with the same batch. Returns the
   * rows each table took.
   */
  write(scope: ShadowScope, batch: ShadowBatch): Promise<Readonly<Record<string, number>>>
  /** Puts the twins in the place of the live tables. Goes on where an interrupted one ended. */
  exchange(scope: ShadowScope): Promise<void>
  /** Puts back what was exchanged, as much of it as there is. */
  revert(scope: ShadowScope): Promise<void>
  /** Drops the twins; after an exchange those are the tables that were live before. */
  drop(scope: ShadowScope): Promise<void>
  /** Rows of each twin, and the hash of what its views made of them. Short: live work rests meanwhile. */
  measure(scope: ShadowScope): Promise<Readonly<Record<string, TableHash>>>
  /**
   * After the exchange, while live work goes on under a later epoch: rows and content hash of each table before and
   * after, provenance left out. `derived` are the hashes `measure` gave.
   */
  compare(
    scope: ShadowScope,
    derived: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, TableChange>>>
}

export interface ShadowScope {
  epoch: number
  topics: ReadonlySet<string>
}

export interface TableHash {
  rows: number
  hash: string
}

export interface TableChange {
  before: TableHash
  after: TableHash
}

/** Rows of this partition with an offset below `offset` stay as they are. */
export interface KeptRange extends TopicPartition {
  offset: number
}

interface ShadowBatch extends TopicPartition {
  lo: number
  /** Exclusive. */
  hi: number
  records: readonly ConsumedRecord[]
}

/** What a worker gets from whoever runs it. */
export interface WorkerContext {
  input: TopicPartition
  log: Log
  clock: Clock
  metrics: Metrics
  /** The membership that owns `input`; commits rest on it. */
  membership(): GroupMembership
  /** Epoch of the group at start; replays raise it. */
  epoch: number
  partitionsOf(topic: string): number
  /** Turns a draft into the record of the dead-letter topic. */
  deadLetters: DeadLetterPort
  /** Gives other work of this process a turn. A no-op in the driver. */
  breathe(): Promise<void>
  random: Random
}

/** Where dead letters go; the encoding is the topology's. */
export interface DeadLetterPort {
  topic: string
  partitionOf(draft: DeadLetterDraft): number
  encode(draft: DeadLetterDraft): ProducedRecord
}

export interface StepOptions {
  /** How long to wait for input when there is none; 0 answers at once. */
  waitMs: number
  signal?: AbortSignal
}

/**
 * One stage on one partition. Methods never overlap: whoever runs it awaits one before calling the next.
 * Any of them may fail; the worker is then dropped, and a new one recovers from what was committed.
 */
export interface Worker {
  readonly input: TopicPartition
  /** Brings back what was committed. Fails with `RewindError` when somebody moved the offset back. */
  recover(): Promise<void>
  /** Reads, works, commits. Returns how many records were read; 0 when there was nothing. */
  step(options: StepOptions): Promise<number>
  /** Brings everything to rest before the partition is given away. */
  drain(): Promise<void>
  /** The next record to read. */
  position(): number
}

/** A deterministic step of a task: everything it knows is its input, its state and its configuration. */
export interface Processor {
  /** Awaited once per batch before its records are processed, for schemas not seen before. */
  prepare?(records: readonly ConsumedRecord[]): Promise<void> | undefined
  process(record: ConsumedRecord): Result
}

export interface ProcessorContext {
  readonly input: TopicPartition
  partitionsOf(topic: string): number
  emit(topic: string, partition: number, record: ProducedRecord): void
  /** State of this partition, already restored. Each name once. */
  openStore<T>(name: string, codec: StoreCodec<T>): Store<T>
  count(reason: string): void
}

export type CreateProcessor = (context: ProcessorContext) => Processor

/** Somebody set the group's offset back from `progress` to `offset`: a request to replay from there. */
export class RewindError extends Error {
  override readonly name = 'RewindError'
  readonly input: TopicPartition
  readonly offset: number
  readonly progress: Progress

  constructor(input: TopicPartition, offsets: { offset: number; progress: Progress }) {
    const { offset, progress } = offsets
    super(`${input.topic}/${input.partition} was set back from ${progress.offset} to ${offset}`)
    this.input = input
    this.offset = offset
    this.progress = progress
  }
}
