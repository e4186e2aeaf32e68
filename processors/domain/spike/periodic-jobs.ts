/**
 * The guard against periodic jobs: a lone burst that comes exactly one learned period after an earlier one is
 * a job, not an incident. Works on a stretch of a Float32Array; times are whole minutes of the series' age plus
 * one, so that 0 means empty and 32 bits hold 31 years exactly.
 */
const BURSTS = 5
const JOBS = 2
const JOBS_AT = 2 * BURSTS
export const GUARD_LENGTH = JOBS_AT + 3 * JOBS

const HOUR_MIN = 60
/** A burst this many times as improbable as another one may be its like. */
const LIKE_SHARE = 0.5
const YOUNG_MIN = 3 * HOUR_MIN
/** Shorter periods are the texture of the series itself, and of incidents. */
const PERIOD_MIN = 20
/** A job that stayed away for this many periods is forgotten. */
const PERIODS_AWAY_MAX = 5
/** A burst's worth halves in two days, so that strong daily ones outlive the noise of an hour. */
const WORTH_HALF_LIFE_MIN = 2880

export interface Burst {
  /** Age of the series in minutes, plus one. */
  time: number
  /** How improbable this one minute was, in nats. */
  nats: number
  /** False while an excursion is under way, whose bursts teach nothing about periods. */
  clearSky: boolean
  /** The minute before was no burst. */
  first: boolean
}

/** Whether this burst is a known periodic job. Remembers the burst either way. */
export function isPeriodicJob(guard: Float32Array, start: number, burst: Burst): boolean {
  const known = recogniseJob(guard, start, burst.time) || isOnTheHour(guard, start, burst)
  const learned = !known && burst.clearSky && learnJob(guard, start, burst.time)
  if (burst.first && (burst.clearSky || known)) remember(guard, start, burst)
  return known || learned
}

/**
 * Jobs mostly run by the calendar: two earlier bursts at whole hours from now make this one a job too, however
 * many runs in between had too little to do to be seen. A series of its first hours cannot have two: there one that
 * was half as improbable is enough. Chance does that once in sixty bursts, and then costs a minute, for an outage
 * goes on in the next one.
 */
function isOnTheHour(
  guard: Float32Array,
  start: number,
  { time, nats }: Pick<Burst, 'time' | 'nats'>,
): boolean {
  const isYoung = time < YOUNG_MIN
  let matches = 0
  for (let index = 0; index < BURSTS; index += 1) {
    const earlier = guard[start + 2 * index] as number
    if (earlier === 0 || earlier >= time || (time - earlier) % HOUR_MIN !== 0) continue
    if (isYoung && (guard[start + 2 * index + 1] as number) >= LIKE_SHARE * nats) return true
    matches += 1
  }
  return matches >= 2
}

/** The same question without remembering anything: for a minute that is still open. */
export function looksLikeJob(
  guard: Float32Array,
  start: number,
  burst: Pick<Burst, 'time' | 'nats'>,
): boolean {
  const { time } = burst
  for (let index = 0; index < JOBS; index += 1) {
    const at = start + JOBS_AT + 3 * index
    const period = guard[at] as number
    const away = time - (guard[at + 1] as number)
    if (period > 0 && away <= PERIODS_AWAY_MAX * period && away % period === 0) return true
  }
  return isOnTheHour(guard, start, burst) || shortestPeriod(guard, start, time) > 0
}

function recogniseJob(guard: Float32Array, start: number, time: number): boolean {
  let found = false
  for (let index = 0; index < JOBS; index += 1) {
    const at = start + JOBS_AT + 3 * index
    const period = guard[at] as number
    if (period === 0) continue
    const away = time - (guard[at + 1] as number)
    if (away > PERIODS_AWAY_MAX * period) guard.fill(0, at, at + 3)
    else if (away % period === 0 && !found) {
      guard[at + 1] = time
      guard[at + 2] = (guard[at + 2] as number) + 1
      found = true
    }
  }
  return found
}

/** Two equal distances between three bursts are a period; the shortest such wins. 0 when there is none. */
function shortestPeriod(guard: Float32Array, start: number, time: number): number {
  let shortest = 0
  for (let index = 0; index < BURSTS; index += 1) {
    const earlier = guard[start + 2 * index] as number
    const period = time - earlier
    if (earlier === 0 || period < PERIOD_MIN || earlier - period <= 0) continue
    if (hasBurst(guard, start, earlier - period) && (shortest === 0 || period < shortest)) {
      shortest = period
    }
  }
  return shortest
}

function learnJob(guard: Float32Array, start: number, time: number): boolean {
  const shortest = shortestPeriod(guard, start, time)
  if (shortest === 0) return false
  let weakest = start + JOBS_AT
  for (let index = 1; index < JOBS; index += 1) {
    const at = start + JOBS_AT + 3 * index
    if ((guard[at + 2] as number) < (guard[weakest + 2] as number)) weakest = at
  }
  guard[weakest] = shortest
  guard[weakest + 1] = time
  guard[weakest + 2] = 1
  return true
}

function hasBurst(guard: Float32Array, start: number, time: number): boolean {
  for (let index = 0; index < BURSTS; index += 1) {
    if (guard[start + 2 * index] === time) return true
  }
  return false
}

/** Takes the place of the burst that is worth least by now. */
function remember(guard: Float32Array, start: number, burst: Burst): void {
  let lowest = start
  let worthMin = Infinity
  for (let index = 0; index < BURSTS; index += 1) {
    const at = start + 2 * index
    const ageMin = burst.time - (guard[at] as number)
    const worth = (guard[at + 1] as number) * 2 ** (-ageMin / WORTH_HALF_LIFE_MIN)
    if (worth < worthMin) {
      worthMin = worth
      lowest = at
    }
  }
  guard[lowest] = burst.time
  guard[lowest + 1] = burst.nats
}
