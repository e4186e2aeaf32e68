import { createHash } from 'node:crypto'
import type { AiJob, Insight } from '#/schemas/records.ts'

/** `summary` is of an incident; `ask` and `post_mortem` are asked by a person who waits, so they begin as leased. */
export type JobKind = 'summary' | 'ask' | 'post_mortem'

/** What became of one attempt: what the model said could be used, or it could not, or there was no answer. */
export type Outcome = 'ok' | 'invalid' | 'limited' | 'unavailable' | 'refused'

export interface Usage {
  tokens: number
  /** Millionths of a dollar. */
  costMicros: number
}

/** JSON in `AiJob.detail`, by status. */
export interface PlannedDetail {
  kind: JobKind
  /** When it may run, ms; also the end of what its evidence is about. */
  notBefore: number
  promptVersion: string
  /** 1 is most urgent: the severity of the incident. */
  priority: number
  /** The person who asked; empty for the platform itself. */
  actor: string
}

export interface LeasedDetail {
  kind: JobKind
  /** The lease ends then, ms: whoever holds it is taken for dead. */
  until: number
  /** What it may cost at most, kept free in the budget until it is known. */
  reserve: Usage
}

/** Back in the queue after an attempt that brought nothing. */
export interface RetriedDetail {
  notBefore: number
  outcome: Outcome
  reason: string
  usage: Usage
  /** The endpoint asked to be left alone this long. */
  retryAfterMs?: number
}

export interface EndedDetail {
  outcome: Outcome
  /** Why rules speak, or why nobody does; empty for an answer of the model. */
  reason: string
  usage: Usage
  latencyMs: number
  model: string
  /** Of completed summaries. */
  insight?: Insight
}

export type JobStatus = 'pending' | 'leased' | 'completed' | 'failed'

export interface Job {
  id: string
  project: string
  incidentId: string
  kind: JobKind
  status: JobStatus
  plannedAt: number
  notBefore: number
  promptVersion: string
  priority: number
  actor: string
  /** Attempts begun, the one that runs included. */
  attempt: number
  owner: string
  until: number
  reserve: Usage
  /** When it was kept free: it is given back on the same day. */
  reservedAt: number
  /** Of the last attempt. */
  reason: string
}

export const ATTEMPTS_MAX = 4
/** Summaries of one incident are at least this far apart. */
export const APART_MS = 30_000
/** What happens in the first seconds of an incident goes into one summary. */
export const SETTLE_MS = 10_000
/** An answer that nobody waits for any more is not worth its price. */
export const WAIT_MS_MAX = 6 * 3_600_000
const BACKOFF_MS = 5_000
export const NO_USAGE: Usage = Object.freeze({ tokens: 0, costMicros: 0 })

/** The same question about the same window with the same prompt has the same id: it is paid for once. */
export function jobIdOf(job: {
  project: string
  incidentId: string
  kind: JobKind
  windowEnd: number
  promptVersion: string
}): string {
  const { project, incidentId, kind, windowEnd, promptVersion } = job
  const text = JSON.stringify([project, incidentId, kind, windowEnd, promptVersion])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** 5 s · 2ⁿ⁻¹ after attempt n, half of it by chance (`unit` in [0, 1)), and never earlier than the endpoint asked for. */
export function backoffMs(attempt: number, unit: number, retryAfterMs = 0): number {
  return Math.ceil(Math.max(BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + unit / 2), retryAfterMs))
}

export function detailOf<T>(record: Pick<AiJob, 'detail'>): Partial<T> {
  try {
    const value: unknown = JSON.parse(record.detail)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function whole(number: unknown): number {
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? Math.ceil(number) : 0
}

export function usageOf(value: Partial<Usage> | undefined): Usage {
  return { tokens: whole(value?.tokens), costMicros: whole(value?.costMicros) }
}
