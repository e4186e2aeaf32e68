import type { AiJob } from '#/schemas/records.ts'
import { admits, answered, began, CLOSED, failed, reset, type Breaker } from './breaker.ts'
import {
  APART_MS,
  ATTEMPTS_MAX,
  detailOf,
  jobIdOf,
  NO_USAGE,
  SETTLE_MS,
  usageOf,
  WAIT_MS_MAX,
  type EndedDetail,
  type Job,
  type JobKind,
  type LeasedDetail,
  type PlannedDetail,
  type RetriedDetail,
  type Usage,
} from './job.ts'
import { Spending, type Budget, type DaySpending } from './spending.ts'

/** What a record of ai.jobs.v1 did to the book; a refused one changed nothing but what was spent. */
export type Verdict = 'planned' | 'leased' | 'retried' | 'ended' | 'reset' | 'refused'

/** Jobs remembered, those that ended included. At the bound the oldest ended ones go, then the oldest waiting ones. */
const JOBS_MAX = 5_000

export interface Wish {
  project: string
  incidentId: string
  promptVersion: string
  priority: number
  /** The person who asks, or empty: the platform waits for the first seconds to settle. */
  actor: string
  at: number
}

/** Either the job that will do already, or the one to be written down. */
export type Plan = { coalesced: Job } | { planned: PlannedDetail; jobId: string }

export interface Choice {
  budget: Budget
  /** What the attempt may cost at most. */
  reserve: Usage
}

interface Last {
  jobId: string
  notBefore: number
  /** JSON knows no infinity: 0 for never. */
  doneAt: number
}

export interface BookSnapshot {
  jobs: readonly Job[]
  last: readonly (readonly [string, Last])[]
  breaker: Breaker
  quietUntil: number
  spending: readonly (readonly [string, DaySpending])[]
}

/**
 * The state machine of jobs, spending and breaker: a fold over ai.jobs.v1. Everybody who reads the topic sees the
 * same state at the same offset, so a lease belongs to whoever is first in the log, without any other lock.
 * SPEC.md has the rules.
 */
export class JobBook {
  readonly #jobs = new Map<string, Job>()
  /** By project and incident: when its last summary was planned for, and when the last one was done. */
  readonly #last = new Map<string, Last>()
  readonly spending = new Spending()
  #breaker: Breaker = CLOSED
  /** The endpoint asked for quiet until then. */
  #quietUntil = 0

  static restore({ jobs, last, breaker, quietUntil, spending }: BookSnapshot): JobBook {
    const book = new JobBook()
    for (const job of jobs) book.#jobs.set(job.id, { ...job })
    for (const [key, value] of last) book.#last.set(key, value)
    book.#breaker = breaker
    book.#quietUntil = quietUntil
    book.spending.restore(spending)
    return book
  }

  /** Plain data: a restored book behaves as this one does from then on. */
  snapshot(): BookSnapshot {
    return {
      jobs: [...this.#jobs.values()],
      last: [...this.#last],
      breaker: this.#breaker,
      quietUntil: this.#quietUntil,
      spending: this.spending.entries(),
    }
  }

  get breaker(): Breaker {
    return this.#breaker
  }

  get quietUntil(): number {
    return this.#quietUntil
  }

  job(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  jobs(): Iterable<Job> {
    return this.#jobs.values()
  }

  apply(record: AiJob): Verdict {
    switch (record.status) {
      case 'pending':
        return this.#jobs.has(record.job_id) ? this.#retry(record) : this.#plan(record)
      case 'leased':
        return this.#lease(record)
      case 'completed':
      case 'failed':
        return this.#end(record)
      case 'reset':
        this.#breaker = reset(this.#breaker, record.at)
        this.#quietUntil = 0
        return 'reset'
      default:
        return 'refused'
    }
  }

  /** What to do about a wish for a summary: nothing new while one waits, else one that is far enough from the last. */
  plan(wish: Wish): Plan {
    const last = this.#last.get(keyOf(wish))
    const job = last === undefined ? undefined : this.#jobs.get(last.jobId)
    if (job?.status === 'pending') return { coalesced: job }
    const settled = wish.actor === '' ? wish.at + SETTLE_MS : wish.at
    const notBefore = last === undefined ? settled : Math.max(settled, last.notBefore + APART_MS)
    const { project, incidentId, promptVersion, priority, actor } = wish
    const jobId = jobIdOf({
      project,
      incidentId,
      kind: 'summary',
      windowEnd: notBefore,
      promptVersion,
    })
    return { planned: { kind: 'summary', notBefore, promptVersion, priority, actor }, jobId }
  }

  /** The job to try next: the most urgent, then the one that has waited longest; undefined when none may run. */
  next(at: number, { budget, reserve }: Choice): Job | undefined {
    if (!admits(this.#breaker, at) || at < this.#quietUntil) return undefined
    let best: Job | undefined
    const busy = this.#busy(at)
    for (const job of this.#jobs.values()) {
      if (!this.#mayLease(job, at, busy)) continue
      if (!this.spending.allows(job.project, at, { budget, wanted: reserve })) continue
      if (best === undefined || isBefore(job, best)) best = job
    }
    return best
  }

  /** Jobs to be given up: they waited too long, or their last attempt died with its worker. */
  hopeless(at: number): Job[] {
    return [...this.#jobs.values()].filter((job) => isHopeless(job, at))
  }

  /** When it is worth asking `next` again, if nothing is written before. */
  wakeAt(at: number): number {
    const gate = Math.max(
      this.#breaker.state === 'closed' ? 0 : this.#breaker.probeAt,
      this.#quietUntil,
    )
    let soonest = Infinity
    for (const job of this.#jobs.values()) {
      const due = job.status === 'pending' ? this.#dueAt(job) : job.until
      if (job.status === 'pending' || job.status === 'leased')
        soonest = Math.min(soonest, Math.max(due, gate))
    }
    return Math.max(soonest, at)
  }

  #dueAt(job: Job): number {
    const doneAt = this.#last.get(keyOf(job))?.doneAt ?? 0
    return Math.max(job.notBefore, doneAt === 0 ? 0 : doneAt + APART_MS)
  }

  /** Incidents a summary is being written of. */
  #busy(at: number): ReadonlySet<string> {
    const keys = new Set<string>()
    for (const job of this.#jobs.values())
      if (job.status === 'leased' && at < job.until && job.kind === 'summary') keys.add(keyOf(job))
    return keys
  }

  #mayLease(job: Job, at: number, busy: ReadonlySet<string>): boolean {
    if (job.kind !== 'summary' || job.attempt >= ATTEMPTS_MAX) return false
    if (job.status === 'leased') return at >= job.until
    if (job.status !== 'pending' || at < this.#dueAt(job)) return false
    return at - job.plannedAt <= WAIT_MS_MAX && !busy.has(keyOf(job))
  }

  #plan(record: AiJob): Verdict {
    const detail = detailOf<PlannedDetail>(record)
    if (record.job_id === '' || typeof detail.notBefore !== 'number') return 'refused'
    const job = newJob(record, detail.kind ?? 'summary')
    job.notBefore = detail.notBefore
    job.promptVersion = detail.promptVersion ?? ''
    job.priority = detail.priority ?? 5
    job.actor = detail.actor ?? ''
    this.#keep(job)
    const { notBefore } = job
    const doneAt = this.#last.get(keyOf(job))?.doneAt ?? 0
    this.#remember(job, { jobId: job.id, notBefore, doneAt })
    return 'planned'
  }

  #lease(record: AiJob): Verdict {
    const detail = detailOf<LeasedDetail>(record)
    const { job_id: id, at, owner, attempt } = record
    if (typeof detail.until !== 'number' || !(detail.until > at) || owner === '') return 'refused'
    if (!admits(this.#breaker, at) || at < this.#quietUntil) return 'refused'
    let job = this.#jobs.get(id)
    if (job === undefined) {
      // A person waits for it: nobody else may take it, so it need not wait in the queue first.
      if (detail.kind !== 'ask' && detail.kind !== 'post_mortem') return 'refused'
      job = newJob(record, detail.kind)
      this.#keep(job)
    } else if (!this.#mayLease(job, at, this.#busy(at))) return 'refused'
    if (attempt !== job.attempt + 1) return 'refused'
    if (job.status === 'leased') this.#release(job)
    Object.assign(job, { status: 'leased', owner, attempt, until: detail.until, reservedAt: at })
    job.reserve = usageOf(detail.reserve)
    const { reserved } = this.spending.take(job.project, at)
    reserved.tokens += job.reserve.tokens
    reserved.costMicros += job.reserve.costMicros
    this.#breaker = began(this.#breaker, { job: id, until: detail.until })
    return 'leased'
  }

  /** Whether a record is of the attempt that holds the lease. */
  #isHolder(record: AiJob): boolean {
    const job = this.#jobs.get(record.job_id)
    if (job?.status !== 'leased') return false
    return job.owner === record.owner && job.attempt === record.attempt
  }

  #retry(record: AiJob): Verdict {
    const detail = detailOf<RetriedDetail>(record)
    const isHolder = this.#isHolder(record)
    const wasProbe = this.#settle(record, detail)
    const job = this.#jobs.get(record.job_id)
    if (!isHolder || job === undefined || typeof detail.notBefore !== 'number') return 'refused'
    this.#release(job)
    job.status = 'pending'
    job.notBefore = Math.max(job.notBefore, detail.notBefore)
    job.reason = detail.reason ?? ''
    // The probe asked for all the others: that it failed is not its own fault.
    if (wasProbe) job.attempt -= 1
    return 'retried'
  }

  #end(record: AiJob): Verdict {
    const detail = detailOf<EndedDetail>(record)
    const job = this.#jobs.get(record.job_id)
    const mayGiveUp = record.status === 'failed' && job !== undefined && isHopeless(job, record.at)
    const isHolder = this.#isHolder(record)
    this.#settle(record, detail)
    if (job === undefined || (!isHolder && !mayGiveUp)) return 'refused'
    if (job.status === 'leased') this.#release(job)
    job.status = record.status as 'completed' | 'failed'
    job.reason = detail.reason ?? ''
    if (isHolder && record.status === 'completed') {
      const day = this.spending.take(record.project, record.at)
      if (job.reason === '') day.answers += 1
      else day.fallbacks += 1
    }
    const last = this.#last.get(keyOf(job))
    if (job.kind === 'summary' && last !== undefined)
      this.#remember(job, { ...last, doneAt: record.at })
    return 'ended'
  }

  /**
   * What an attempt cost is counted whoever tells it, because it was paid; what it came to moves the breaker.
   * Answers whether it was the probe of a half-open breaker.
   */
  #settle(record: AiJob, detail: Partial<RetriedDetail & EndedDetail>): boolean {
    const { project, at, job_id: job } = record
    if (detail.outcome === undefined) return false
    const usage = usageOf(detail.usage)
    const day = this.spending.take(project, at)
    day.tokens += usage.tokens
    day.costMicros += usage.costMicros
    day.calls += 1
    const wasProbe = this.#breaker.state === 'half-open' && this.#breaker.probe === job
    const { outcome } = detail
    const hasFailed = outcome === 'unavailable' || outcome === 'refused'
    if (hasFailed || (outcome === 'limited' && wasProbe))
      this.#breaker = failed(this.#breaker, { job, at })
    else if (outcome !== 'limited') this.#breaker = answered(this.#breaker, job)
    const wait = detail.retryAfterMs
    if (outcome === 'limited' && typeof wait === 'number' && wait > 0)
      this.#quietUntil = Math.max(this.#quietUntil, at + Math.min(wait, WAIT_MS_MAX))
    return wasProbe && this.#breaker.state === 'open'
  }

  #release(job: Job): void {
    const { reserved } = this.spending.take(job.project, job.reservedAt)
    reserved.tokens = Math.max(0, reserved.tokens - job.reserve.tokens)
    reserved.costMicros = Math.max(0, reserved.costMicros - job.reserve.costMicros)
    job.reserve = NO_USAGE
  }

  #remember(job: Job, last: Last): void {
    if (job.kind !== 'summary') return
    const key = keyOf(job)
    this.#last.delete(key)
    this.#last.set(key, last)
    const oldest = this.#last.keys().next()
    if (this.#last.size > JOBS_MAX && oldest.done === false) this.#last.delete(oldest.value)
  }

  #keep(job: Job): void {
    if (this.#jobs.size >= JOBS_MAX) {
      const ended = [...this.#jobs.values()].find(
        ({ status }) => status === 'completed' || status === 'failed',
      )
      const oldest = ended ?? [...this.#jobs.values()].find(({ status }) => status === 'pending')
      if (oldest !== undefined) this.#jobs.delete(oldest.id)
    }
    this.#jobs.set(job.id, job)
  }
}

function keyOf({ project, incidentId }: { project: string; incidentId: string }): string {
  return `${project} ${incidentId}`
}

function isHopeless(job: Job, at: number): boolean {
  if (job.status === 'pending') return at - job.plannedAt > WAIT_MS_MAX
  if (job.status !== 'leased' || at < job.until) return false
  return job.attempt >= ATTEMPTS_MAX || job.kind !== 'summary'
}

function isBefore(left: Job, right: Job): boolean {
  if (left.priority !== right.priority) return left.priority < right.priority
  if (left.notBefore !== right.notBefore) return left.notBefore < right.notBefore
  return left.id < right.id
}

function newJob(record: AiJob, kind: JobKind): Job {
  return {
    id: record.job_id,
    project: record.project,
    incidentId: record.incident_id,
    kind,
    status: 'pending',
    plannedAt: record.at,
    notBefore: record.at,
    promptVersion: '',
    priority: 5,
    actor: '',
    attempt: 0,
    owner: '',
    until: 0,
    reserve: NO_USAGE,
    reservedAt: 0,
    reason: '',
  }
}
