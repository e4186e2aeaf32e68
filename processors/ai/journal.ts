import type { Clock } from '#/kernel/clock.ts'
import { JobBook, type Verdict } from '#/processors/domain/ai-jobs/job-book.ts'
import type { ConsumedRecord, Log, ProducedBatch } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { encode } from '#/schemas/codec.ts'
import type { AiJob } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordDecoder, type RecordDecoderDeps } from './record-decoder.ts'

export interface JournalDeps extends RecordDecoderDeps {
  log: Log
  clock: Clock
  /** Told of records that cannot be read and of a log that does not answer; neither ends it. */
  onProblem: (error: unknown) => void
}

/** ai.jobs.v1 as this process has read it. What is written counts once it has been read back. */
export interface Journal {
  readonly book: JobBook
  /** Appends, waits until it is read back, and says what it did to the book. */
  write(record: AiJob): Promise<Verdict>
  /** For a commit that carries records of jobs with it. */
  batchOf(records: readonly AiJob[]): ProducedBatch
  /** Everything that is in the topic now has been applied when this resolves. */
  refresh(): Promise<void>
  /** Resolves at the next record, after `waitMs`, or when it closes. */
  next(waitMs: number, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const TP = { topic: TOPICS.aiJobs.name, partition: 0 }
/** Budgets are by the day, and days are UTC. */
const LOOK_BACK_MS = 2 * 86_400_000
const READ_BYTES_MAX = 1 << 20
const WAIT_MS = 5_000
const RETRY_MS = 1_000
const VERDICTS_MAX = 1_000

export async function openJournal(deps: JournalDeps): Promise<Journal> {
  const journal = new TopicJournal(deps)
  await journal.open()
  return journal
}

class TopicJournal implements Journal {
  readonly book = new JobBook()
  readonly #deps: JournalDeps
  readonly #decode
  readonly #verdicts = new Map<number, Verdict>()
  readonly #stop = new AbortController()
  #waiters = new Set<() => void>()
  #next = 0
  #following: Promise<void> = Promise.resolve()

  constructor(deps: JournalDeps) {
    this.#deps = deps
    this.#decode = createRecordDecoder('AiJob', deps)
  }

  async open(): Promise<void> {
    const { log, clock } = this.#deps
    this.#next = await log.offsetForTimestamp(TP, clock.nowMs() - LOOK_BACK_MS)
    const end = await log.endOffset(TP)
    while (this.#next < end)
      await this.#take(await readBelow(log, TP, { from: this.#next, bytesMax: READ_BYTES_MAX }))
    this.#following = this.#follow()
  }

  batchOf(records: readonly AiJob[]): ProducedBatch {
    return {
      ...TP,
      records: records.map((record) => ({
        key: Buffer.from(record.incident_id),
        value: encode('AiJob', this.#deps.schemaIds.AiJob, record),
        timestampMs: record.at,
      })),
    }
  }

  async write(record: AiJob): Promise<Verdict> {
    const [written] = await this.#deps.log.append([this.batchOf([record])])
    const offset = written?.baseOffset ?? 0
    await this.#reached(offset + 1)
    return this.#verdicts.get(offset) ?? 'refused'
  }

  async refresh(): Promise<void> {
    await this.#reached(await this.#deps.log.endOffset(TP))
  }

  async next(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#stop.signal.aborted || signal.aborted) return
    const woken = new AbortController()
    const wake = (): void => woken.abort()
    this.#waiters.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    await this.#deps.clock.sleep(waitMs, woken.signal)
    signal.removeEventListener('abort', wake)
    this.#waiters.delete(wake)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    await this.#following
  }

  async #reached(offset: number): Promise<void> {
    while (this.#next < offset && !this.#stop.signal.aborted)
      await new Promise<void>((resolve) => {
        const once = (): void => {
          this.#waiters.delete(once)
          resolve()
        }
        this.#waiters.add(once)
      })
  }

  #wake(): void {
    const waiters = [...this.#waiters]
    for (const wake of waiters) wake()
  }

  async #follow(): Promise<void> {
    const { log, clock, onProblem } = this.#deps
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const options = { bytesMax: READ_BYTES_MAX, waitMs: WAIT_MS, signal }
        await this.#take(await log.read(TP, this.#next, options))
      } catch (error) {
        if (signal.aborted) return
        onProblem(error)
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #take(records: readonly ConsumedRecord[]): Promise<void> {
    for (const { offset, value } of records) {
      const record = await this.#decode(value)
      const verdict = record === undefined ? 'refused' : this.book.apply(record)
      this.#verdicts.set(offset, verdict)
      const oldest = this.#verdicts.keys().next()
      if (this.#verdicts.size > VERDICTS_MAX && oldest.done === false)
        this.#verdicts.delete(oldest.value)
      this.#next = offset + 1
    }
    if (records.length > 0) this.#wake()
  }
}
