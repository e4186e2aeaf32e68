import type { Familiarity, IncidentPolicy } from './types.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** How long a service is observed before its fingerprints can be called new. */
export const COLD_START_MS = 60 * MINUTE_MS
/** In that first hour a newcomer counts at this many events in five minutes, or at once when fatal. */
export const COLD_EVENTS = 10
export const COLD_WINDOW_MS = 5 * MINUTE_MS
export const FATAL_SEVERITY = 5
/** Afterwards at this many events, or this many users, in ten minutes. */
export const WARM_EVENTS = 3
export const WARM_USERS = 2
export const WARM_WINDOW_MS = 10 * MINUTE_MS
/**
 * Two users are enough only once a service has been seen round the clock: before that its rare, old errors
 * still introduce themselves, and pairs of them are common (measured: 3 of 4 false alerts).
 */
export const SETTLED_MS = DAY_MS

/** One sighting of a fingerprint. */
export interface Sighting {
  atMs: number
  /** Hash of the user, where there is one. */
  user?: number
}

export interface NoveltyEvidence {
  /** The newest sightings, at most ten, in order of arrival. */
  sightings: readonly Sighting[]
  severityMax: number
}

export interface NoveltyContext {
  /** Age of the service when the fingerprint was first seen. */
  serviceAgeMs: number
  /** The fingerprint was over and comes back. */
  returns: boolean
  policy: IncidentPolicy
}

/** The rule that makes a new fingerprint worth an alert, or undefined while it is not. */
export type NoveltyRule = 'first_event' | 'fatal' | 'burst' | 'events' | 'users'

/** Which rule a new fingerprint meets now. */
export function noveltyRule(
  evidence: NoveltyEvidence,
  context: NoveltyContext,
): NoveltyRule | undefined {
  if (context.policy === 'first_event') return 'first_event'
  if (context.serviceAgeMs < COLD_START_MS) {
    if (evidence.severityMax >= FATAL_SEVERITY) return 'fatal'
    return within(evidence.sightings, COLD_WINDOW_MS).length >= COLD_EVENTS ? 'burst' : undefined
  }
  const recent = recentSightings(evidence.sightings)
  if (recent.length >= WARM_EVENTS) return 'events'
  if (context.returns || context.serviceAgeMs < SETTLED_MS) return undefined
  return usersAmong(recent) >= WARM_USERS ? 'users' : undefined
}

/** The sightings of the ten minutes up to the latest. */
export function recentSightings(sightings: readonly Sighting[]): readonly Sighting[] {
  return within(sightings, WARM_WINDOW_MS)
}

export function usersAmong(sightings: readonly Sighting[]): number {
  const users = new Set<number>()
  for (const { user } of sightings) if (user !== undefined) users.add(user)
  return users.size
}

function within(sightings: readonly Sighting[], windowMs: number): readonly Sighting[] {
  let latest = -Infinity
  for (const { atMs } of sightings) latest = Math.max(latest, atMs)
  return sightings.filter(({ atMs }) => atMs > latest - windowMs)
}

/** Days of the last 30 on which a fingerprint occurred: bit 0 is `lastDay`, bit n the n-th day before it. */
export interface DaysSeen {
  lastDay: number
  bits: number
}

export const FAMILIARITY_DAYS = 30
const DAY_BITS = 2 ** FAMILIARITY_DAYS - 1

export const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS)

/** Marks the day of `atMs`. */
export function seeDay(days: DaysSeen | undefined, atMs: number): DaysSeen {
  const day = dayOf(atMs)
  if (days === undefined) return { lastDay: day, bits: 1 }
  const away = day - days.lastDay
  if (away === 0) return days
  if (away < 0) {
    const bits = away > -FAMILIARITY_DAYS ? days.bits | (1 << -away) : days.bits
    return { lastDay: days.lastDay, bits }
  }
  return {
    lastDay: day,
    bits: away < FAMILIARITY_DAYS ? (((days.bits << away) & DAY_BITS) | 1) >>> 0 : 1,
  }
}

/**
 * How familiar a fingerprint is on the day of `atMs`: the share of the last 30 days, that day included, on
 * which it occurred. Up to 5 % (one day) is novel, up to 20 % (six days) rare, more is frequent.
 */
export function familiarity(days: DaysSeen, atMs: number): Familiarity {
  const seen = seeDay(days, atMs)
  let count = 0
  for (let rest = seen.bits; rest !== 0; rest &= rest - 1) count += 1
  const share = count / FAMILIARITY_DAYS
  if (share <= 0.05) return 'novel'
  return share <= 0.2 ? 'rare' : 'frequent'
}
