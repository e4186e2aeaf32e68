import type { Clock } from '#/kernel/clock.ts'
import { messageOf } from '#/kernel/errors.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Random } from '#/kernel/random.ts'
import type { EvidenceQuery } from '#/processors/domain/ai-evidence/evidence-plan.ts'
import {
  ATTEMPTS_MAX,
  backoffMs,
  type EndedDetail,
  type Job,
  type RetriedDetail,
  type Usage,
} from '#/processors/domain/ai-jobs/job.ts'
import type { Budget } from '#/processors/domain/ai-jobs/spending.ts'
import { summarizeByRules, type PastIncident } from '#/processors/domain/insight/rules.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { InsightDetail } from '#/schemas/insight.ts'
import type { AiJob, Insight } from '#/schemas/records.ts'
import { collectEvidence, type SqlReads } from './evidence.ts'
import type { Journal } from './journal.ts'
import type { Model, ModelUsage } from './port.ts'
import { SUMMARY_COST_MAX, writeSummary, type Written } from './writer.ts'

/** What models cost, in millionths of a dollar a token. */
export interface Price {
  promptMicros: number
  completionMicros: number
}

export interface AiWorkerDeps {
  journal: Journal
  model: Model
  reads: SqlReads
  /** The incident as it stands, with what is known of similar ones; undefined while the tables do not have it yet. */
  incidentOf(
    project: string,
    id: string,
  ): Promise<
    | { incident: Incident; similar: readonly PastIncident[]; more: readonly EvidenceQuery[] }
    | undefined
  >
  clock: Clock
  random: Random
  metrics: Metrics
  budget: Budget
  price: Price
  /** One name for each worker that runs at the same time. */
  owner: string
  /** How long the model may take for one answer. */
  timeoutMs: number
  onProblem: (error: unknown) => void
}

/** Besides two answers, time for the store and for writing down. */
const LEASE_EXTRA_MS = 60_000
const IDLE_MS_MAX = 60_000

export function costOf(usage: ModelUsage, price: Price): Usage {
  const { prompt, completion } = usage
  return {
    tokens: prompt + completion,
    costMicros: Math.ceil(prompt * price.promptMicros + completion * price.completionMicros),
  }
}

/**
 * Takes jobs one at a time, first come first served among all workers that read the same topic. Killed anywhere it
 * leaves a lease that ends by itself. It writes nothing but records of jobs: the summary in a completed one becomes
 * an insight in a stage of the chain.
 */
export class AiWorker {
  readonly #deps: AiWorkerDeps
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(deps: AiWorkerDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { journal, clock, onProblem } = this.#deps
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        if (await this.step()) continue
        const nowMs = clock.nowMs()
        const waitMs = Math.max(50, journal.book.wakeAt(nowMs) - nowMs)
        await journal.next(Math.min(waitMs, IDLE_MS_MAX), signal)
      } catch (error) {
        if (signal.aborted) return
        onProblem(error)
        await clock.sleep(1_000, signal)
      }
    }
  }

  /** Does one thing if there is one to do. For the loop, and for tests that keep the time themselves. */
  async step(): Promise<boolean> {
    const { journal, clock, budget, price, owner, timeoutMs } = this.#deps
    const at = clock.nowMs()
    for (const job of journal.book.hopeless(at)) await this.#giveUp(job, at)
    const reserve = costOf(SUMMARY_COST_MAX, price)
    const job = journal.book.next(at, { budget, reserve })
    if (job === undefined) return false
    const attempt = job.attempt + 1
    const until = at + 2 * timeoutMs + LEASE_EXTRA_MS
    const lease = { ...recordOf(job, at), status: 'leased', owner, attempt }
    const verdict = await journal.write({
      ...lease,
      detail: JSON.stringify({ kind: job.kind, until, reserve }),
    })
    // Somebody else was first in the log.
    if (verdict !== 'leased') return true
    await this.#work({ ...job, attempt, owner })
    return true
  }

  async #giveUp(job: Job, at: number): Promise<void> {
    const reason = job.status === 'pending' ? 'it waited too long' : 'its last worker died'
    this.#deps.metrics.add('faultline_ai_jobs_total', 1, { result: 'given_up' })
    await this.#deps.journal.write({
      ...recordOf(job, at),
      status: 'failed',
      owner: this.#deps.owner,
      detail: JSON.stringify({ reason }),
    })
  }

  async #work(job: Job): Promise<void> {
    const { reads, clock, journal, onProblem } = this.#deps
    try {
      const found = await this.#deps.incidentOf(job.project, job.incidentId)
      if (found === undefined)
        return await this.#postpone(job, 'the incident is not in the tables yet')
      const { incident, similar, more } = found
      const asOf = clock.nowMs()
      const { facts, problems } = await collectEvidence(reads, incident, {
        windowEnd: job.notBefore,
        asOf,
        more,
      })
      for (const problem of problems)
        onProblem(new Error(`evidence of ${job.incidentId}: ${problem}`))
      if (facts.length === 0) return await this.#postpone(job, 'there are no facts about it yet')
      const rules = summarizeByRules(incident, similar)
      const written = await writeSummary(this.#deps, { incident, facts, rules }, this.#stop.signal)
      this.#count(written)
      if (written.summary === undefined) {
        if (job.attempt >= ATTEMPTS_MAX) await this.#fail(job, written)
        else await this.#retry(job, written)
        return
      }
      const detail = {
        ...endOf(written, this.#deps.price),
        insight: insightOf(job, rules, { written, facts }),
      }
      await journal.write({
        ...recordOf(job, clock.nowMs()),
        status: 'completed',
        detail: JSON.stringify(detail),
      })
    } catch (error) {
      if (this.#stop.signal.aborted) return
      onProblem(error)
      await this.#postpone(job, messageOf(error))
    }
  }

  /** Nobody was asked: it costs nothing and says nothing about the endpoint. */
  async #postpone(job: Job, reason: string): Promise<void> {
    const { clock, random, journal } = this.#deps
    const at = clock.nowMs()
    const notBefore = at + backoffMs(job.attempt, random.unit())
    const status = job.attempt >= ATTEMPTS_MAX ? 'failed' : 'pending'
    await journal.write({
      ...recordOf(job, at),
      status,
      detail: JSON.stringify({ notBefore, reason }),
    })
  }

  async #retry(job: Job, written: Written): Promise<void> {
    const { clock, random, journal, price } = this.#deps
    const at = clock.nowMs()
    const { outcome, reason, retryAfterMs } = written
    const detail: RetriedDetail = {
      notBefore: at + backoffMs(job.attempt, random.unit(), retryAfterMs),
      outcome,
      reason,
      usage: costOf(written.usage, price),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
    await journal.write({ ...recordOf(job, at), detail: JSON.stringify(detail) })
  }

  async #fail(job: Job, written: Written): Promise<void> {
    const { clock, journal, price } = this.#deps
    const detail = endOf(written, price)
    const record = { ...recordOf(job, clock.nowMs()), status: 'failed' }
    await journal.write({ ...record, detail: JSON.stringify(detail) })
  }

  #count({ outcome, usage, latencyMs }: Written): void {
    countCall(this.#deps, { kind: 'summary', outcome, usage, latencyMs })
    const writer = outcome === 'ok' ? 'model' : outcome === 'invalid' ? 'rules' : 'nobody'
    this.#deps.metrics.add('faultline_ai_summaries_total', 1, { writer })
  }
}

/** One call of the endpoint in the metrics, whoever made it. */
export function countCall(
  { metrics, price }: { metrics: Metrics; price: Price },
  call: { kind: string; outcome: string; usage: ModelUsage; latencyMs: number },
): void {
  const { kind, outcome, usage, latencyMs } = call
  metrics.add('faultline_ai_calls_total', 1, { kind, outcome })
  metrics.observe('faultline_ai_seconds', latencyMs / 1000)
  metrics.add('faultline_ai_tokens_total', usage.prompt, { direction: 'prompt' })
  metrics.add('faultline_ai_tokens_total', usage.completion, { direction: 'completion' })
  metrics.add('faultline_ai_cost_dollars_total', costOf(usage, price).costMicros / 1e6)
}

function recordOf(job: Job, at: number): AiJob {
  return {
    project: job.project,
    incident_id: job.incidentId,
    job_id: job.id,
    status: 'pending',
    at,
    owner: job.owner,
    attempt: job.attempt,
    detail: '{}',
  }
}

function endOf(written: Written, price: Price): EndedDetail {
  const { outcome, reason, latencyMs, model } = written
  return { outcome, reason, latencyMs, model, usage: costOf(written.usage, price) }
}

function insightOf(
  job: Job,
  rules: Insight,
  given: { written: Written; facts: InsightDetail['facts'] },
): Insight {
  const { written, facts } = given
  const { summary, reason, usage, latencyMs } = written
  const isRules = written.outcome !== 'ok'
  const { sentences = [], dropped = 0 } = summary ?? {}
  const detail: InsightDetail = {
    job_id: job.id,
    sentences,
    facts,
    reason,
    dropped,
    latency_ms: latencyMs,
  }
  const { title, impact, likely_causes, next_steps, evidence, confidence } = summary ?? rules
  return {
    ...rules,
    title,
    impact,
    likely_causes,
    next_steps,
    evidence,
    confidence,
    model: isRules ? rules.model : written.model,
    prompt_version: job.promptVersion,
    tokens: usage.prompt + usage.completion,
    fallback: isRules,
    detail: JSON.stringify(detail),
  }
}
