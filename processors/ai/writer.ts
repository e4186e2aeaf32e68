import type { Clock } from '#/kernel/clock.ts'
import { ANSWER_TOKENS_MAX, summaryPrompt } from '#/processors/domain/ai-evidence/prompt.ts'
import {
  checkSummary,
  rulesSummary,
  SUMMARY_SCHEMA,
  type CheckedSummary,
} from '#/processors/domain/ai-evidence/summary-answer.ts'
import type { Outcome } from '#/processors/domain/ai-jobs/job.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { EvidenceFact } from '#/schemas/insight.ts'
import type { Insight } from '#/schemas/records.ts'
import { ModelError, type Model, type ModelUsage } from './port.ts'

/** An answer that cannot be used may be given once more, told what was wrong with it. */
const TRIES_MAX = 2
/** Forty facts of a line, the rules and the schema. */
const PROMPT_TOKENS_MAX = 5_000
/** What one attempt costs at most: kept free in the budget before it begins. */
export const SUMMARY_COST_MAX: ModelUsage = {
  prompt: TRIES_MAX * PROMPT_TOKENS_MAX,
  completion: TRIES_MAX * ANSWER_TOKENS_MAX,
}

export interface WriteRequest {
  incident: Incident
  facts: readonly EvidenceFact[]
  /** What stands in for what the model does not bring. */
  rules: Insight
}

export interface Written {
  outcome: Outcome
  /** Undefined when there was no answer at all. */
  summary: CheckedSummary | undefined
  /** Empty when the model wrote it. */
  reason: string
  usage: ModelUsage
  model: string
  latencyMs: number
  retryAfterMs: number | undefined
}

/**
 * Asks the model about the facts and holds its answer to them. Two answers that cannot be used give the rules'
 * summary, marked so. Never throws for what a model or an endpoint does.
 */
export async function writeSummary(
  { model, clock }: { model: Model; clock: Clock },
  request: WriteRequest,
  signal?: AbortSignal,
): Promise<Written> {
  const { incident, facts, rules } = request
  const usage = { prompt: 0, completion: 0 }
  const startMs = clock.monotonicMs()
  const done = (
    part: Pick<Written, 'outcome' | 'summary' | 'reason'> & Partial<Written>,
  ): Written => ({
    usage,
    model: model.name,
    retryAfterMs: undefined,
    latencyMs: Math.round(clock.monotonicMs() - startMs),
    ...part,
  })
  let reason = ''
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    try {
      const answer = await model.ask(
        {
          ...summaryPrompt(incident, facts, reason),
          schema: { name: 'incident_summary', schema: { ...SUMMARY_SCHEMA } },
          tokensMax: ANSWER_TOKENS_MAX,
        },
        signal,
      )
      usage.prompt += answer.usage.prompt
      usage.completion += answer.usage.completion
      const verdict = answer.truncated
        ? ({ ok: false, reason: 'the answer was cut off' } as const)
        : checkSummary(answer.text, { facts, rules })
      if (verdict.ok)
        return done({ outcome: 'ok', summary: verdict.summary, reason: '', model: answer.model })
      reason = verdict.reason
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      const { failure: outcome, message, retryAfterMs } = error
      return done({ outcome, summary: undefined, reason: message, retryAfterMs })
    }
  }
  return done({ outcome: 'invalid', summary: rulesSummary(rules), reason })
}
