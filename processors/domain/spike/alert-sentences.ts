import type { Measurement } from './episode.ts'
import { COLD_EVENTS, COLD_WINDOW_MS, WARM_EVENTS, WARM_USERS, WARM_WINDOW_MS } from './novelty.ts'
import type { NoveltyRule } from './novelty.ts'

/** The facts of a new fingerprint when its rule was met. */
export interface NoveltyFacts {
  rule: NoveltyRule
  count: number
  users: number
  windowMin: number
  /** By the rate at which it came before, if it did. */
  expected: number
}

const minutes = (ms: number): number => ms / 60_000

const some = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** "New: 3 events by 2 users in 2 min; a new error counts from 3 events in 10 min". */
export function noveltySentence(facts: NoveltyFacts): string {
  const seen = `New: ${some(facts.count, 'event')}${facts.users > 0 ? ` by ${some(facts.users, 'user')}` : ''} in ${facts.windowMin} min`
  switch (facts.rule) {
    case 'first_event':
      return `${seen}; every new error opens at its first event here`
    case 'fatal':
      return `${seen}; a fatal one counts at once`
    case 'burst':
      return `${seen}; in a service's first hour a new error counts from ${COLD_EVENTS} events in ${minutes(COLD_WINDOW_MS)} min`
    case 'events':
      return `${seen}; a new error counts from ${WARM_EVENTS} events in ${minutes(WARM_WINDOW_MS)} min`
    case 'users':
      return `${seen}; a new error counts from ${WARM_USERS} users in ${minutes(WARM_WINDOW_MS)} min`
  }
}

/** The measurement of a new fingerprint: events against the number its rule asks for. */
export function noveltyMeasurement(facts: NoveltyFacts): Measurement {
  const thresholds: Record<NoveltyRule, number> = {
    first_event: 1,
    fatal: 1,
    burst: COLD_EVENTS,
    events: WARM_EVENTS,
    users: WARM_USERS,
  }
  const score = facts.rule === 'users' ? facts.users : facts.count
  return {
    observed: facts.count,
    expected: facts.expected,
    windowMin: facts.windowMin,
    score,
    threshold: thresholds[facts.rule],
  }
}
