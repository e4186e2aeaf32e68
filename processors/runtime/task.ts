import { assert } from '#/kernel/assert.ts'
import type { ConsumedRecord, ProducedRecord } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { encodeCheckpoint, encodeEntry, encodeProgress, stateTopicOf } from './changelog.ts'
import type { RestoredState } from './changelog.ts'
import { createDeadLetterGuard } from './dead-letter-limit.ts'
import type { DeadLetterLimits } from './dead-letter-limit.ts'
import { createOutputs } from './outputs.ts'
import { processOne } from './process-one.ts'
import { commitMetadata, findProgress } from './progress.ts'
import { createProcessorHost } from './processor-host.ts'
import type { ProcessorHost } from './processor-host.ts'
import type { CreateProcessor, StepOptions, Stage, Worker, WorkerContext } from './stage.ts'
import { createTurn } from './turn.ts'

export interface TaskOptions {
  name: string
  inputs: readonly string[]
  outputs: readonly string[]
  createProcessor: CreateProcessor
  /** As in the stage. */
  aheadMs?: number
  /** Bytes of one read; about what one commit covers. */
  batchBytesMax?: number
  /** State is written at most this often, and after `checkpointRecords` at the latest. */
  checkpointMs?: number
  checkpointRecords?: number
  deadLetterLimits?: DeadLetterLimits
}

const BATCH_BYTES_MAX = 512 * 1024
const CHECKPOINT_MS = 10_000
const CHECKPOINT_RECORDS = 500_000
/** A checkpoint may take at most this share of the time. */
const CHECKPOINT_SHARE = 1 / 50
/** A batch that fans out is committed in parts of about this size. */
const OUTPUT_BYTES_MAX = 4 << 20

/** A stage that turns records into records. */
export function createTaskStage(options: TaskOptions): Stage {
  assert(options.inputs.length === 1, `${options.name} reads one topic: its state is by partition`)
  return {
    name: options.name,
    inputs: options.inputs,
    outputs: options.outputs,
    createProcessor: options.createProcessor,
    ...(options.aheadMs === undefined ? {} : { aheadMs: options.aheadMs }),
    createWorker: (context) => new Task(options, context),
  }
}

/**
 * One stage on one partition, single-threaded. Between checkpoints only outputs and the input offset are
 * committed; recovery loads the state as of the checkpoint and processes the records since then again, without
 * emitting. Because a processor is deterministic, this gives exactly the state that was lost.
 */
class Task implements Worker {
  readonly input
  readonly #options: TaskOptions
  readonly #context: WorkerContext
  readonly #outputs = createOutputs()
  readonly #guard
  readonly #turn
  #host: ProcessorHost | undefined
  #position = 0
  #committed = -1
  #checkpointOffset = 0
  #checkpointAtMs: number
  #checkpointPauseMs: number
  #recordsSinceCheckpoint = 0

  constructor(options: TaskOptions, context: WorkerContext) {
    this.#options = options
    this.#context = context
    this.input = context.input
    this.#guard = createDeadLetterGuard(options.deadLetterLimits)
    this.#turn = createTurn(context.clock, () => context.breathe())
    this.#checkpointAtMs = context.clock.monotonicMs()
    this.#checkpointPauseMs = options.checkpointMs ?? CHECKPOINT_MS
  }

  position(): number {
    return this.#position
  }

  async recover(): Promise<void> {
    const { log } = this.#context
    const { state, resume } = await findProgress(this.#context, this.#stateTp())
    this.#host = this.#createHost(state)
    const beginning = await log.beginningOffset(this.input)
    this.#checkpointOffset = resume.isFirst ? resume.position : (state.checkpoint?.offset ?? 0)
    assert(
      this.#checkpointOffset <= resume.progress + resume.lost,
      'a checkpoint is never ahead of its commit',
    )
    await this.#reprocess(Math.max(this.#checkpointOffset, beginning), resume.progress)
    this.#position = Math.max(resume.position, beginning)
    if (beginning > resume.position) this.#count('expired', beginning - resume.position)
    // From here on the state is not what processing everything from the last checkpoint would give.
    const isOdd = resume.isFirst || resume.lost > 0 || this.#position !== resume.progress
    if (resume.lost > 0) this.#count('lost', resume.lost)
    if (isOdd) await this.#checkpoint()
  }

  async step({ waitMs, signal }: StepOptions): Promise<number> {
    const records = await this.#context.log.read(this.input, this.#position, {
      bytesMax: this.#options.batchBytesMax ?? BATCH_BYTES_MAX,
      waitMs,
      ...(signal === undefined ? {} : { signal }),
    })
    if (records.length > 0) await this.#processBatch(records)
    if (this.#checkpointDue()) await this.#checkpoint()
    return records.length
  }

  async drain(): Promise<void> {
    if (this.#host !== undefined && this.#position > this.#checkpointOffset)
      await this.#checkpoint()
  }

  #stateTp() {
    return { topic: stateTopicOf(this.#options.name), partition: this.input.partition }
  }

  #createHost(state: RestoredState): ProcessorHost {
    return createProcessorHost({
      createProcessor: this.#options.createProcessor,
      input: this.input,
      stores: state.stores,
      partitionsOf: (topic) => this.#context.partitionsOf(topic),
      emit: (topic, partition, record) => this.#outputs.add(topic, partition, record),
    })
  }

  /** Goes from the checkpoint to the committed offset again; what it emits is there already. */
  async #reprocess(from: number, to: number): Promise<void> {
    const { log } = this.#context
    const host = this.#host!
    let position = from
    while (position < to) {
      const bytesMax = this.#options.batchBytesMax ?? BATCH_BYTES_MAX
      const read = await readBelow(log, this.input, { from: position, bytesMax })
      const records = read.filter((record) => record.offset < to)
      await host.prepare(records)
      for (const record of records) {
        processOne(host, record)
        if (this.#turn.isOver()) await this.#turn.next()
      }
      this.#outputs.take()
      host.takeCounts()
      position = (read.at(-1)?.offset ?? to) + 1
    }
  }

  async #processBatch(records: readonly ConsumedRecord[]): Promise<void> {
    const host = this.#host!
    await host.prepare(records)
    this.#turn.begin()
    let failure: Error | undefined
    for (const record of records) {
      failure = this.#processOne(host, record)
      this.#position = record.offset + 1
      if (failure !== undefined) break
      if (this.#outputs.bytes() >= OUTPUT_BYTES_MAX) await this.#commit([])
      if (this.#turn.isOver()) await this.#turn.next()
    }
    this.#recordsSinceCheckpoint += records.length
    this.#context.metrics.add('faultline_stage_seconds_total', this.#turn.takeBusyMs() / 1000, {
      stage: this.#options.name,
    })
    for (const [result, count] of host.takeCounts()) this.#count(result, count)
    await this.#commit([])
    if (failure !== undefined) throw failure
  }

  #processOne(host: ProcessorHost, record: ConsumedRecord): Error | undefined {
    const result = processOne(host, record)
    switch (result.kind) {
      case 'ok':
        host.count('ok')
        this.#guard.ok()
        return undefined
      case 'drop':
        host.count(result.reason)
        this.#guard.ok()
        return undefined
      case 'redirect':
        host.count(result.reason)
        this.#guard.ok()
        this.#outputs.add(result.topic, this.input.partition, copyOf(record))
        return undefined
      case 'dlq': {
        host.count('dlq')
        this.#sendToDeadLetters(record, result)
        return this.#guard.failed(result.error)
      }
    }
  }

  #sendToDeadLetters(record: ConsumedRecord, { code, error }: { code: string; error: string }) {
    const { deadLetters, metrics } = this.#context
    const draft = { stage: this.#options.name, ...this.input, record, code, error }
    this.#outputs.add(deadLetters.topic, deadLetters.partitionOf(draft), deadLetters.encode(draft))
    metrics.add('faultline_dead_letters_total', 1, { stage: this.#options.name })
  }

  #checkpointDue(): boolean {
    if (this.#position === this.#checkpointOffset) return false
    const limit = this.#options.checkpointRecords ?? CHECKPOINT_RECORDS
    if (this.#recordsSinceCheckpoint >= limit) return true
    return this.#context.clock.monotonicMs() - this.#checkpointAtMs >= this.#checkpointPauseMs
  }

  async #checkpoint(): Promise<void> {
    const { clock, epoch } = this.#context
    const startMs = clock.monotonicMs()
    const nowMs = clock.nowMs()
    const records: ProducedRecord[] = []
    this.#turn.begin()
    for (const store of this.#host!.stores()) {
      for (const entry of store.takeDirty()) {
        records.push(...encodeEntry(store.name, entry, nowMs))
        if (this.#turn.isOver()) await this.#turn.next()
      }
    }
    records.push(encodeCheckpoint({ offset: this.#position, epoch }, nowMs))
    await this.#commit(records)
    const endMs = clock.monotonicMs()
    this.#checkpointOffset = this.#position
    this.#checkpointAtMs = endMs
    this.#recordsSinceCheckpoint = 0
    const leastMs = this.#options.checkpointMs ?? CHECKPOINT_MS
    this.#checkpointPauseMs = Math.max(leastMs, (endMs - startMs) / CHECKPOINT_SHARE)
  }

  async #commit(state: readonly ProducedRecord[]): Promise<void> {
    if (this.#position === this.#committed && state.length === 0) return
    const { log, clock, epoch } = this.#context
    const progress = { offset: this.#position, metadata: commitMetadata(epoch) }
    const stateRecords = [...state, encodeProgress(this.input.topic, progress, clock.nowMs())]
    await log.commit({
      membership: this.#context.membership(),
      outputs: [...this.#outputs.take(), { ...this.#stateTp(), records: stateRecords }],
      offsets: [{ ...this.input, ...progress }],
    })
    this.#committed = this.#position
  }

  #count(result: string, count: number): void {
    this.#context.metrics.add('faultline_stage_records_total', count, {
      stage: this.#options.name,
      result,
    })
  }
}

function copyOf({ key, value, timestampMs, headers }: ConsumedRecord): ProducedRecord {
  return { key, value, timestampMs, headers }
}
