import { assert } from '#/kernel/assert.ts'
import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { retry } from '#/kernel/retry.ts'
import type { ConsumedRecord, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { encodeProgress, stateTopicOf } from '#/processors/runtime/changelog.ts'
import { createDeadLetterGuard } from '#/processors/runtime/dead-letter-limit.ts'
import { commitMetadata, findProgress } from '#/processors/runtime/progress.ts'
import type { StepOptions, Worker, WorkerContext } from '#/processors/runtime/stage.ts'
import { insertRows } from './insert-rows.ts'
import type { RowRange } from './insert-rows.ts'
import { SINK_BYTES_MAX, SINK_DELAY_MS, SINK_ROWS_MAX, tokenOf } from './sink-table.ts'
import type { SinkOptions, SinkTable } from './sink-table.ts'

/** A range of offsets that is inserted as a whole; `hi` is exclusive. */
interface Range {
  lo: number
  hi: number
  epoch: number
}

/** Records of a range that has been announced or soon will be. */
interface Collected {
  lo: number
  hi: number
  rows: ConsumedRecord[]
  bytes: number
  schemaId: number | undefined
  sinceMs: number
  /** The next record is of another schema. */
  isClosed: boolean
}

const READ_BYTES = 1 << 20
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 10_000

export function createSinkWorker(options: SinkOptions, context: WorkerContext): Worker {
  return new SinkWorker(options, context)
}

/**
 * Exactly once into ClickHouse: announce the range (commit offset `lo` with metadata `{epoch, hi}`), insert
 * exactly that range under a token made of it, retry until it holds; the announcement of the next range completes
 * this one. Whoever takes over after a kill reads the announcement and inserts the same bytes under the same
 * token, which ClickHouse recognises.
 */
class SinkWorker implements Worker {
  readonly input: TopicPartition
  readonly #options: SinkOptions
  readonly #context: WorkerContext
  readonly #tables: readonly SinkTable[]
  readonly #guard = createDeadLetterGuard()
  #position = 0
  /** Announced by an earlier owner, or by this one before a failure. */
  #intent: Range | undefined
  #collected: Collected | undefined
  #isCompletionDue = false
  #letters: ProducedRecord[][] = []

  constructor(options: SinkOptions, context: WorkerContext) {
    this.#options = options
    this.#context = context
    this.input = context.input
    this.#tables = options.tables.filter((table) => table.topic === context.input.topic)
  }

  position(): number {
    return this.#position
  }

  async recover(): Promise<void> {
    const { resume, note, end } = await findProgress(this.#context, this.#stateTp())
    this.#position = resume.position
    const isWhole = note?.hi !== undefined && note.hi <= end
    if (note?.hi !== undefined && isWhole && this.#options.intent !== false)
      this.#intent = { lo: resume.position, hi: note.hi, epoch: note.epoch }
    if (resume.isFirst) await this.#commit(commitMetadata(this.#context.epoch))
  }

  async step({ waitMs, signal }: StepOptions): Promise<number> {
    if (this.#intent !== undefined) return this.#redo(this.#intent, signal)
    const read = await this.#collect(waitMs, signal)
    const collected = this.#collected
    if (collected === undefined) {
      if (this.#isCompletionDue) await this.#complete()
      return read
    }
    if (!this.#isFull(collected)) return read
    this.#collected = undefined
    if (collected.rows.length === 0) {
      this.#position = collected.hi
      this.#isCompletionDue = true
      return read
    }
    const range = { lo: collected.lo, hi: collected.hi, epoch: this.#context.epoch }
    await this.#announce(range)
    await this.#insertRange(range, collected.rows, signal)
    return read
  }

  async drain(): Promise<void> {
    if (this.#isCompletionDue) await this.#complete()
  }

  #stateTp(): TopicPartition {
    return { topic: stateTopicOf(this.#options.name), partition: this.input.partition }
  }

  async #redo(range: Range, signal: AbortSignal | undefined): Promise<number> {
    const rows: ConsumedRecord[] = []
    let count = 0
    const beginning = await this.#context.log.beginningOffset(this.input)
    for (let from = Math.max(range.lo, beginning); from < range.hi;) {
      const read = await readBelow(this.#context.log, this.input, { from, bytesMax: READ_BYTES })
      const records = read.filter(({ offset }) => offset < range.hi)
      for (const record of records)
        if (this.#options.schemaOf(record) !== undefined) rows.push(record)
      count += records.length
      // A compacted topic may have lost the end of the range; then its rows were not the last of their keys.
      from = (records.at(-1)?.offset ?? range.hi) + 1
    }
    await this.#insertRange(range, rows, signal)
    return count
  }

  /** Reads on and adds to what waits. Returns how many records came. */
  async #collect(waitMs: number, signal: AbortSignal | undefined): Promise<number> {
    const { log, clock } = this.#context
    const waiting = this.#collected
    if (waiting !== undefined && this.#isFull(waiting)) return 0
    const from = waiting?.hi ?? this.#position
    const leftMs = waiting === undefined ? waitMs : Math.min(waitMs, this.#leftMs(waiting))
    const idleMs = this.#isCompletionDue && waiting === undefined ? 0 : leftMs
    const records = await log.read(this.input, from, {
      bytesMax: READ_BYTES,
      waitMs: idleMs,
      ...(signal === undefined ? {} : { signal }),
    })
    if (records.length === 0) return 0
    const collected = (this.#collected ??= {
      lo: from,
      hi: from,
      rows: [],
      bytes: 0,
      schemaId: undefined,
      sinceMs: clock.monotonicMs(),
      isClosed: false,
    })
    for (const record of records) {
      if (!this.#fits(collected, record)) break
      collected.hi = record.offset + 1
    }
    return records.length
  }

  /** Takes the record, or closes the batch before it. */
  #fits(collected: Collected, record: ConsumedRecord): boolean {
    const schemaId = this.#options.schemaOf(record)
    if (schemaId === undefined) return true
    const isOther = collected.schemaId !== undefined && collected.schemaId !== schemaId
    const isFull =
      collected.rows.length >= (this.#options.rowsMax ?? SINK_ROWS_MAX) ||
      collected.bytes >= (this.#options.bytesMax ?? SINK_BYTES_MAX)
    if (isOther || isFull) {
      collected.isClosed = true
      return false
    }
    collected.schemaId = schemaId
    collected.rows.push(record)
    collected.bytes += record.value?.length ?? 0
    return true
  }

  #isFull(collected: Collected): boolean {
    return collected.isClosed || this.#leftMs(collected) <= 0
  }

  #leftMs(collected: Collected): number {
    const delayMs = this.#options.delayMs ?? SINK_DELAY_MS
    return Math.max(0, collected.sinceMs + delayMs - this.#context.clock.monotonicMs())
  }

  async #announce(range: Range): Promise<void> {
    assert(range.lo === this.#position, 'ranges follow each other without a hole')
    if (this.#options.intent === false) return
    await this.#commit(commitMetadata(range.epoch, range.hi))
    this.#intent = range
  }

  async #complete(): Promise<void> {
    await this.#commit(commitMetadata(this.#context.epoch))
    this.#isCompletionDue = false
  }

  async #commit(metadata: string): Promise<void> {
    const { log, clock, deadLetters } = this.#context
    const progress = { offset: this.#position, metadata }
    await log.commit({
      membership: this.#context.membership(),
      outputs: [
        {
          ...this.#stateTp(),
          records: [encodeProgress(this.input.topic, progress, clock.nowMs())],
        },
        ...this.#letters.flatMap((records, partition) =>
          records.length === 0 ? [] : [{ topic: deadLetters.topic, partition, records }],
        ),
      ],
      offsets: [{ ...this.input, ...progress }],
    })
    this.#letters = []
  }

  async #insertRange(
    range: Range,
    rows: readonly ConsumedRecord[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const letters: ProducedRecord[][] = []
    let failure: Error | undefined
    for (const table of this.#tables) {
      const refused = await insertRows({
        table,
        rows,
        insert: (part) => this.#insert(table, { ...this.input, ...range, ...part }, signal),
        onRefused: (record, error) => {
          failure = this.#sendToDeadLetters(record, error, letters) ?? failure
        },
      })
      this.#guard.ok(rows.length - refused)
    }
    this.#letters = letters
    this.#intent = undefined
    this.#position = range.hi
    this.#isCompletionDue = true
    if (this.#options.intent === false || letters.length > 0) await this.#complete()
    if (failure !== undefined) throw failure
  }

  async #insert(
    table: SinkTable,
    { rows, ...range }: RowRange & TopicPartition & { epoch: number },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock, random, metrics } = this.#context
    const token = tokenOf(this.#options.name, range)
    const startMs = clock.monotonicMs()
    await retry(() => table.insert({ ...range, token, records: rows, shadow: false }), {
      clock,
      random,
      attemptsMax: Infinity,
      delayFirstMs: RETRY_FIRST_MS,
      delayMaxMs: RETRY_MAX_MS,
      isRetryable: (error) => isFaultlineError(error) && error.retryable,
      onRetry: () => metrics.add('faultline_sink_retries_total', 1, { table: table.name }),
      ...(signal === undefined ? {} : { signal }),
    })
    const seconds = (clock.monotonicMs() - startMs) / 1000
    metrics.observe('faultline_sink_insert_seconds', seconds, { table: table.name })
    metrics.add('faultline_sink_rows_total', rows.length, { table: table.name })
  }

  #sendToDeadLetters(
    record: ConsumedRecord,
    error: unknown,
    letters: ProducedRecord[][],
  ): Error | undefined {
    const { deadLetters, metrics } = this.#context
    const stage = this.#options.name
    const draft = { stage, ...this.input, record, code: 'invalid_event', error: messageOf(error) }
    const partition = deadLetters.partitionOf(draft)
    while (letters.length <= partition) letters.push([])
    letters[partition]!.push(deadLetters.encode(draft))
    metrics.add('faultline_dead_letters_total', 1, { stage })
    return this.#guard.failed(draft.error)
  }
}
