import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import { uuidV7 } from '#/kernel/random.ts'
import type { JobKind } from '#/processors/domain/ai-jobs/job.ts'
import type { Budget } from '#/processors/domain/ai-jobs/spending.ts'
import { admits } from '#/processors/domain/ai-jobs/breaker.ts'
import type { AiJob } from '#/schemas/records.ts'
import type { Journal } from './journal.ts'
import {
  ModelError,
  tokensOfText,
  type Model,
  type ModelAnswer,
  type ModelRequest,
} from './port.ts'
import { costOf, countCall, type Price } from './worker.ts'

export interface CallParts {
  journal: Journal
  model: Model
  clock: Clock
  metrics: Metrics
  budget: Budget
  price: Price
  owner: string
  timeoutMs: number
}

/** Why a model is not asked, in words; undefined when it may be. */
function whyNot(
  { journal, clock, budget, price }: CallParts,
  project: string,
  wanted: { prompt: number; completion: number },
): string | undefined {
  const at = clock.nowMs()
  if (!journal.book.spending.allows(project, at, { budget, wanted: costOf(wanted, price) }))
    return 'the budget of today is used up'
  if (!admits(journal.book.breaker, at))
    return 'the model’s endpoint has failed; it is tried again soon'
  return at < journal.book.quietUntil
    ? 'the model’s endpoint asked to be left alone for a while'
    : undefined
}

/**
 * Asks a model while a person waits: within budget and breaker as every job, written down as one. Fails with
 * `conflict` when it may not be asked or does not answer.
 */
export async function callModel(
  parts: CallParts,
  call: {
    project: string
    kind: Exclude<JobKind, 'summary'>
    incidentId: string
    request: ModelRequest
  },
): Promise<ModelAnswer> {
  const { journal, clock, price, owner, timeoutMs, model } = parts
  const { project, kind, incidentId, request } = call
  const most = {
    prompt: tokensOfText(request.system + request.user + JSON.stringify(request.schema)) + 100,
    completion: request.tokensMax,
  }
  const reason = whyNot(parts, project, most)
  if (reason !== undefined) throw notNow(reason)
  const at = clock.nowMs()
  const record: AiJob = {
    project,
    incident_id: incidentId,
    job_id: uuidV7(at),
    status: 'leased',
    at,
    owner,
    attempt: 1,
    detail: '',
  }
  const until = at + timeoutMs + 10_000
  const lease = JSON.stringify({ kind, until, reserve: costOf(most, price) })
  if ((await journal.write({ ...record, detail: lease })) !== 'leased') throw notNow('it is busy')
  const startMs = clock.monotonicMs()
  const end = async (
    outcome: 'ok' | ModelError['failure'],
    rest: {
      usage: { prompt: number; completion: number }
      reason: string
      retryAfterMs?: number | undefined
    },
  ): Promise<void> => {
    const latencyMs = Math.round(clock.monotonicMs() - startMs)
    countCall(parts, { kind, outcome, usage: rest.usage, latencyMs })
    const detail = {
      ...rest,
      outcome,
      usage: costOf(rest.usage, price),
      latencyMs,
      model: model.name,
    }
    const status = outcome === 'ok' ? 'completed' : 'failed'
    await journal.write({ ...record, status, at: clock.nowMs(), detail: JSON.stringify(detail) })
  }
  try {
    const answer = await model.ask(request)
    await end('ok', { usage: answer.usage, reason: '' })
    return answer
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    const { failure, message, retryAfterMs } = error
    await end(failure, { usage: { prompt: 0, completion: 0 }, reason: message, retryAfterMs })
    throw notNow(message)
  }
}

function notNow(reason: string): FaultlineError {
  return new FaultlineError('conflict', `The model is not asked: ${reason}.`, {
    remedy:
      'GET /api/ai/health tells more. Common questions and all summaries by rules work without it.',
  })
}
