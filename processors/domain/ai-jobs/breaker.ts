/**
 * The circuit breaker, folded from what attempts came to: closed, then open after five failures within a minute,
 * then half-open for one probe after half a minute. Values in, values out; times are those of the records.
 */
export interface Breaker {
  state: 'closed' | 'open' | 'half-open'
  /** Times of the failures that still count, oldest first; at most `FAILURES_MAX`. */
  failures: readonly number[]
  openedAt: number
  /** Open: when a probe may run. Half-open: when the probe is taken for dead. */
  probeAt: number
  /** The job that probes. */
  probe: string
  /** How often it opened since the journal begins, and when somebody last reset it. */
  openings: number
  resetAt: number
}

const FAILURES_MAX = 5
const WINDOW_MS = 60_000
const PAUSE_MS = 30_000

export const CLOSED: Breaker = Object.freeze({
  state: 'closed',
  failures: [],
  openedAt: 0,
  probeAt: 0,
  probe: '',
  openings: 0,
  resetAt: 0,
})

/** Whether an attempt may begin now. */
export function admits({ state, probeAt }: Breaker, at: number): boolean {
  return state === 'closed' || at >= probeAt
}

/** An attempt begins that `admits` let in. */
export function began(breaker: Breaker, { job, until }: { job: string; until: number }): Breaker {
  if (breaker.state === 'closed') return breaker
  return { ...breaker, state: 'half-open', probe: job, probeAt: until }
}

export function failed(breaker: Breaker, { job, at }: { job: string; at: number }): Breaker {
  if (breaker.state === 'half-open') return breaker.probe === job ? opened(breaker, at) : breaker
  if (breaker.state === 'open') return breaker
  const failures = [...breaker.failures.filter((time) => time > at - WINDOW_MS), at]
  return failures.length >= FAILURES_MAX ? opened(breaker, at) : { ...breaker, failures }
}

/** The endpoint answered, whatever the answer was worth. */
export function answered(breaker: Breaker, job: string): Breaker {
  if (breaker.state === 'closed')
    return breaker.failures.length === 0 ? breaker : { ...breaker, failures: [] }
  // A straggler from before it opened says nothing about now.
  return breaker.state === 'half-open' && breaker.probe === job ? closed(breaker) : breaker
}

export function reset(breaker: Breaker, at: number): Breaker {
  return { ...closed(breaker), resetAt: at }
}

function opened({ openings, resetAt }: Breaker, at: number): Breaker {
  return {
    state: 'open',
    failures: [],
    openedAt: at,
    probeAt: at + PAUSE_MS,
    probe: '',
    openings: openings + 1,
    resetAt,
  }
}

function closed({ openings, resetAt }: Breaker): Breaker {
  return { ...CLOSED, openings, resetAt }
}
