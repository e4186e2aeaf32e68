import { hostname } from 'node:os'
import { openAiNotesDesk } from '#/api/ai/notes-desk.ts'
import type { AiParts } from '#/api/ai/routes.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { messageOf } from '#/kernel/errors.ts'
import { randomSecret, systemRandom } from '#/kernel/random.ts'
import type { CallParts } from '#/processors/ai/calls.ts'
import { createAiDesk, pastOf } from '#/processors/ai/desk.ts'
import { openJournal } from '#/processors/ai/journal.ts'
import { createOpenAiModel } from '#/processors/ai/openai.ts'
import { Planner } from '#/processors/ai/planner.ts'
import { AiWorker } from '#/processors/ai/worker.ts'
import { solutionEvidence } from '#/processors/domain/ai-evidence/solution-evidence.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { Storage } from './engine.ts'
import type { Kit } from './kit.ts'

const MICROS = 1_000_000

/** The AI part of a process with role api: the desk always, a model with its worker where one is configured. */
export async function openAi(kit: Kit, { clickhouse }: Storage): Promise<AiParts> {
  const reads = createReads(clickhouse)
  const calls = await openModel(kit, reads)
  const notes = await openAiNotesDesk({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a note about the AI', { error }),
  })
  kit.closers.push(() => notes.close())
  return { desk: createAiDesk(reads, { nowMs: () => systemClock.nowMs(), calls }), notes }
}

async function openModel(kit: Kit, reads: Reads): Promise<CallParts | undefined> {
  const { config, log, logger, metrics, registry, schemaIds, closers } = kit
  const { aiUrl, aiModel, aiKey } = config
  if (aiUrl === undefined || aiModel === undefined) return undefined
  const onProblem = (error: unknown): void =>
    logger.warn('the AI worker', { error: messageOf(error) })
  const deps = { log, registry, schemaIds, onProblem, clock: systemClock }
  const journal = await openJournal(deps)
  closers.push(() => journal.close())
  const timeoutMs = config.aiTimeoutS * 1000
  const calls: CallParts = {
    journal,
    metrics,
    timeoutMs,
    clock: systemClock,
    model: createOpenAiModel({
      url: aiUrl,
      key: aiKey,
      model: aiModel,
      timeoutMs,
      clock: systemClock,
    }),
    budget: { tokensMax: config.aiTokensADay, costMicrosMax: config.aiDollarsADay * MICROS },
    // Dollars for a million tokens are millionths of a dollar for one.
    price: { promptMicros: config.aiPricePrompt, completionMicros: config.aiPriceCompletion },
    owner: `${hostname()}/${process.pid}/${randomSecret(4)}`,
  }
  const worker = new AiWorker({
    ...calls,
    reads,
    onProblem,
    random: systemRandom,
    async incidentOf(project, id) {
      const detail = await reads.incident({ project, id })
      if (detail === null || detail.incident.redirectTo !== '') return undefined
      const { incident, similar } = detail
      return {
        incident,
        similar: pastOf(similar),
        more: solutionEvidence(similar.map((one) => one.id)),
      }
    },
  })
  const planner = new Planner({ ...deps, journal })
  worker.start()
  closers.push(() => worker.stop())
  await planner.start()
  closers.push(() => planner.stop())
  logger.info('a language model is configured', { model: aiModel, timeoutS: config.aiTimeoutS })
  return calls
}
