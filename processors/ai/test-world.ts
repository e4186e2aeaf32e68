/** A log, a journal and a stage over a clock that only moves when told to, for tests of the AI worker. */
import { createManualClock, type ManualClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { PROMPT_VERSION } from '#/processors/domain/ai-evidence/prompt.ts'
import type { JobBook } from '#/processors/domain/ai-jobs/job-book.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createAiAnswersStage } from '#/processors/stages/ai-answers.ts'
import { createDeadLetterPort } from '#/processors/stages/dead-letter-record.ts'
import { topicConfigsOf } from '#/processors/topology.ts'
import { createDecoder } from '#/schemas/codec.ts'
import type { Insight } from '#/schemas/records.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { SqlReads } from './evidence.ts'
import { openJournal, type Journal } from './journal.ts'
import { plannedRecord } from './planner.ts'
import { testModel, type TestEndpoint } from './test-endpoint.ts'
import { incidentAt } from './test-incident.ts'
import { AiWorker, type AiWorkerDeps } from './worker.ts'

export const T0 = Date.UTC(2026, 10, 25, 10)
export const S = 1000
export const MINUTE = 60_000
export const incident = incidentAt(T0)

/** The counts of the fixture; everything else has no rows. */
export const READS: SqlReads = {
  async guardedSql({ sql }) {
    const isCounts = sql.startsWith('SELECT count() AS events, uniqExactIf')
    const rows = isCounts ? [['60', '7', '2', String(T0), String(T0 + MINUTE)]] : []
    return { columns: [], rows, rows_read: 0, bytes_read: 0, elapsed_ms: 0, truncated: false }
  },
}
export const RICH = { tokensMax: 1e9, costMicrosMax: 1e9 }
export const PRICE = { promptMicros: 0.15, completionMicros: 0.6 }

export interface World {
  log: Log
  clock: ManualClock
  journal: Journal
  book: JobBook
  problems: unknown[]
  metrics: ReturnType<typeof createMetrics>
  worker(part?: Partial<AiWorkerDeps>): AiWorker
  wish(incidentId?: string, actor?: string): Promise<string>
  /** Steps and moves the time until nothing is left to do within `durationMs`. */
  play(worker: AiWorker, durationMs: number): Promise<void>
  insights(): Promise<Insight[]>
  reopen(): Promise<Journal>
}

export async function createWorld(endpoint: TestEndpoint): Promise<World> {
  const clock = createManualClock(T0)
  const log = createMemoryLog({ clock })
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const schemas = { ids: schemaIds, registry }
  const stages = [createAiAnswersStage({ schemas })]
  const topics = topicConfigsOf(stages, { partitions: 1, retentionMs: Infinity })
  await log.createTopics(topics)
  const problems: unknown[] = []
  const onProblem = (error: unknown): void => void problems.push(error)
  const deps = { log, clock, schemaIds, registry, onProblem }
  const journal = await openJournal(deps)
  const metrics = createMetrics()
  const model = testModel(endpoint.url, 3000)
  const { book } = journal
  return {
    log,
    clock,
    journal,
    book,
    problems,
    metrics,
    reopen: () => openJournal(deps),
    worker: (part) =>
      new AiWorker({
        journal,
        model,
        reads: READS,
        incidentOf: async (_, id) => ({ incident: { ...incident, id }, similar: [], more: [] }),
        clock,
        metrics,
        random: createSeededRandom(1),
        budget: RICH,
        price: PRICE,
        owner: 'w1',
        timeoutMs: 3000,
        onProblem,
        ...part,
      }),
    async wish(incidentId = 'i1', actor = 'anna') {
      const at = clock.nowMs()
      const wish = {
        project: 'shop',
        incidentId,
        promptVersion: PROMPT_VERSION,
        priority: 2,
        actor,
        at,
      }
      const plan = book.plan(wish)
      if ('coalesced' in plan) return plan.coalesced.id
      await journal.write(plannedRecord({ project: 'shop', incidentId, at, ...plan }))
      return plan.jobId
    },
    play: (worker, durationMs) => play({ clock, book }, worker, durationMs),
    insights: () =>
      runAnswers({ log, clock, stages, topics, deadLetters: createDeadLetterPort(schemaIds) }),
  }
}

/** The stage from where it got to until nothing is left, and all insights there are then. */
async function runAnswers(options: Parameters<typeof createDriver>[0]): Promise<Insight[]> {
  const driver = await createDriver(options)
  await driver.run()
  const decoder = createDecoder('Insight')
  const records = await driver.read(TOPICS.insights.name)
  await driver.close()
  return records.map(({ value }) => decoder.decode(value!))
}

async function play(
  { clock, book }: { clock: ManualClock; book: JobBook },
  worker: AiWorker,
  durationMs: number,
): Promise<void> {
  const endMs = clock.nowMs() + durationMs
  while (clock.nowMs() < endMs) {
    while (await worker.step());
    const wakeMs = Math.max(book.wakeAt(clock.nowMs()), clock.nowMs() + S)
    await clock.advance(Math.min(wakeMs, endMs) - clock.nowMs())
  }
}
