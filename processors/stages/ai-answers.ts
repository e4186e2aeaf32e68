import { detailOf, type EndedDetail } from '#/processors/domain/ai-jobs/job.ts'
import { JobBook } from '#/processors/domain/ai-jobs/job-book.ts'
import type { BookSnapshot } from '#/processors/domain/ai-jobs/job-book.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { deadLetter, drop, OK } from '#/processors/runtime/record.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import type { Store } from '#/processors/runtime/store.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createInsightEmitter } from './emit-insight.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

const BOOK = 'book'

/**
 * ai.jobs → ai.insights: the summary in a completed job becomes an insight, if the job was its writer's to complete.
 * The same fold that gives out leases decides it, so two workers that were both at it give one insight; and a replay
 * makes insights from what was answered then, without asking anybody again.
 */
export function createAiAnswersStage(deps: { schemas: SchemaSource }): Stage {
  return createTaskStage({
    name: 'ai-answers',
    inputs: [TOPICS.aiJobs.name],
    outputs: [TOPICS.insights.name],
    createProcessor: (context) => new AiAnswersProcessor(deps.schemas, context),
  })
}

class AiAnswersProcessor implements Processor {
  readonly #emit
  readonly #reader
  readonly #books: Store<JobBook>

  constructor(schemas: SchemaSource, context: ProcessorContext) {
    this.#emit = createInsightEmitter(schemas, context)
    this.#reader = createRecordReader('AiJob', schemas)
    this.#books = context.openStore<JobBook>('jobs', {
      create: () => new JobBook(),
      encode: (book) => Buffer.from(JSON.stringify(book.snapshot())),
      decode: (bytes) => JobBook.restore(JSON.parse(bytes.toString()) as BookSnapshot),
    })
  }

  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined {
    return this.#reader.prepare(records)
  }

  process(record: ConsumedRecord) {
    const read = this.#reader.read(record.value)
    if (read.kind === 'poison') return deadLetter(read.code, read.error)
    if (read.kind === 'tick') return drop('tick')
    const job = read.record
    const verdict = this.#books.take(BOOK).apply(job)
    if (verdict === 'refused') return drop('refused')
    const { insight } = detailOf<EndedDetail>(job)
    if (job.status !== 'completed' || insight === undefined) return drop('no_answer')
    this.#emit(
      { ...insight, project: job.project, incident_id: job.incident_id },
      record.timestampMs,
    )
    return OK
  }
}
