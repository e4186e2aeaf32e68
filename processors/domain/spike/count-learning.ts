import { CORE, SIDE } from './count-store.ts'
import type { CountStore } from './count-store.ts'
import { learnDay, learnHour, learnSilentDays } from './seasonal-profile.ts'

const DAY_MIN = 1440
/** The level's half-life is half the age, within these bounds. */
const LEVEL_HALF_LIFE_MIN = 60
const LEVEL_HALF_LIFE_MAX_MIN = 7 * DAY_MIN
const RECENT_KEEP = 2 ** (-1 / 480)
/** How much of the last hour the recent correction still holds at its end. */
const RECENT_HOUR_SHARE = 0.7
const DISPERSION_KEEP = 2 ** (-1 / DAY_MIN)
/** Priors: the level's events and exposure, the weight of "no change lately", dispersion and its weight. */
const LEVEL_PRIOR_EVENTS = 0.3
const LEVEL_PRIOR_MIN = 10
const RECENT_PRIOR = 40
const DISPERSION_PRIOR = 0.3
const DISPERSION_PRIOR_WEIGHT = 20
const DISPERSION_MIN = 1e-6
/** A residual counts at most this many times the variance, so that one outage does not blunt the test. */
const RESIDUAL_FACTOR = 30
/** In an alarm a minute teaches this much of what it would. */
const ALARM_WEIGHT = 0.1
/**
 * While the last hours differ from level × season by more than this factor, level and season learn less: an
 * outage that lasts must not be expected again at the same hour of the days after. A young series has to learn.
 */
const SHIFT_FACTOR = 1.6
const SHIFT_WEIGHT = 0.3
const SHIFT_AGE_MIN = 8 * DAY_MIN
const RELEARN_EXPECTED = 30

/** Events per minute of exposure, season taken out. */
export function levelOf(core: Float64Array, at: number): number {
  return (
    ((core[at + CORE.events] as number) + LEVEL_PRIOR_EVENTS) /
    ((core[at + CORE.exposure] as number) + LEVEL_PRIOR_MIN)
  )
}

/** What the last hours were above or below level × season, as a factor. */
export function recentOf(core: Float64Array, at: number): number {
  return (
    ((core[at + CORE.recentEvents] as number) + RECENT_PRIOR) /
    ((core[at + CORE.recentExpected] as number) + RECENT_PRIOR)
  )
}

/** α of the variance λ + α·λ². */
export function dispersionOf(core: Float64Array, at: number): number {
  const excess = (core[at + CORE.excess] as number) + DISPERSION_PRIOR * DISPERSION_PRIOR_WEIGHT
  const square = (core[at + CORE.square] as number) + DISPERSION_PRIOR_WEIGHT
  return Math.max(0, excess / square) + DISPERSION_MIN
}

/** One minute, or `spanMin` equal ones without events. */
export interface Lesson {
  count: number
  spanMin: number
  /** Season × exposure of one minute. */
  season: number
  level: number
  /** Events one minute was expected to have. */
  expected: number
}

/** Learns level, recent correction, dispersion and the open hour. */
export function learnMinutes(store: CountStore, slot: number, lesson: Lesson): void {
  const core = store.core(slot)
  const at = store.coreAt(slot)
  const side = store.side(slot)
  const sideAt = store.sideAt(slot)
  const { count, spanMin, season, level, expected } = lesson
  const weight = side[sideAt + SIDE.alarmAt] === 0 ? 1 : ALARM_WEIGHT
  const age = (core[at + CORE.last] as number) - (core[at + CORE.birth] as number)
  const halfLife = Math.min(LEVEL_HALF_LIFE_MAX_MIN, Math.max(LEVEL_HALF_LIFE_MIN, age / 2))
  const recently = recentOf(core, at)
  const isShifted = recently > SHIFT_FACTOR || recently < 1 / SHIFT_FACTOR
  const slowWeight = isShifted && age > SHIFT_AGE_MIN ? Math.min(weight, SHIFT_WEIGHT) : weight
  const keepOne = 1 - (1 - Math.exp(-Math.LN2 / halfLife)) * slowWeight
  const recentOne = 1 - (1 - RECENT_KEEP) * weight
  const keep = spanMin === 1 ? keepOne : keepOne ** spanMin
  const recent = spanMin === 1 ? recentOne : recentOne ** spanMin
  // Sum of keep^i over the span: how many minutes' worth of exposure it leaves behind.
  const span = spanMin === 1 ? 1 : (1 - keep) / (1 - keepOne)
  const recentSpan = spanMin === 1 ? 1 : (1 - recent) / (1 - recentOne)
  core[at + CORE.events] = (core[at + CORE.events] as number) * keep + slowWeight * count
  core[at + CORE.exposure] =
    (core[at + CORE.exposure] as number) * keep + slowWeight * season * span
  core[at + CORE.recentEvents] = (core[at + CORE.recentEvents] as number) * recent + weight * count
  core[at + CORE.recentExpected] =
    (core[at + CORE.recentExpected] as number) * recent + weight * level * season * recentSpan
  side[sideAt + SIDE.hourObserved] =
    (side[sideAt + SIDE.hourObserved] as number) + slowWeight * count
  side[sideAt + SIDE.hourExpected] =
    (side[sideAt + SIDE.hourExpected] as number) + slowWeight * level * spanMin
  const variance = expected + dispersionOf(core, at) * expected * expected
  const residual = Math.min((count - expected) ** 2, RESIDUAL_FACTOR * variance + 1)
  const forget = spanMin === 1 ? DISPERSION_KEEP : DISPERSION_KEEP ** spanMin
  core[at + CORE.excess] =
    (core[at + CORE.excess] as number) * forget + weight * spanMin * (residual - expected)
  core[at + CORE.square] =
    (core[at + CORE.square] as number) * forget + weight * spanMin * expected * expected
}

/**
 * Called when `minute` begins an hour: learns the hour that ended, and at midnight the day. What the profile
 * explains from now on is taken back from the level and its correction; where that is in doubt (did the level
 * rise, or is it the weekday?) the larger expectation of a spike test, the smaller of a drop test, is kept.
 */
export function turnHour(store: CountStore, slot: number, minute: number, spike: boolean): void {
  const core = store.core(slot)
  const at = store.coreAt(slot)
  const side = store.side(slot)
  const sideAt = store.sideAt(slot)
  const observed = side[sideAt + SIDE.hourObserved] as number
  const expected = side[sideAt + SIDE.hourExpected] as number
  side[sideAt + SIDE.hourObserved] = 0
  side[sideAt + SIDE.hourExpected] = 0
  const habits = store.habitsSlot(slot)
  if (habits < 0) return
  const sums = store.habits(habits)
  const start = store.habitsAt(habits)
  const ageMin = minute - (core[at + CORE.birth] as number)
  const time = minute - 30
  const growth = learnHour(sums, start, { minute: time, observed, expected, ageMin })
  if (growth < 0 === spike) {
    const taken = expected * growth * RECENT_HOUR_SHARE
    core[at + CORE.recentExpected] = Math.max(0, (core[at + CORE.recentExpected] as number) + taken)
  }
  if (minute % DAY_MIN !== 0) return
  const level = levelOf(core, at)
  const day = learnDay(sums, start, { minute: time, ageMin, level })
  const grown = (day.expected / level) * day.growth
  core[at + CORE.exposure] = Math.max(1, (core[at + CORE.exposure] as number) + grown)
  if (day.ratio < 1 === spike) {
    core[at + CORE.recentExpected] = (core[at + CORE.recentExpected] as number) * day.ratio
  }
}

/** Passes whole days without any event at once. */
export function skipDays(store: CountStore, slot: number, days: number): void {
  const core = store.core(slot)
  const at = store.coreAt(slot)
  const side = store.side(slot)
  const sideAt = store.sideAt(slot)
  const level = levelOf(core, at)
  const last = (core[at + CORE.last] as number) + days * DAY_MIN
  core[at + CORE.last] = last
  const ageMin = last - (core[at + CORE.birth] as number)
  const halfLife = Math.min(LEVEL_HALF_LIFE_MAX_MIN, Math.max(LEVEL_HALF_LIFE_MIN, ageMin / 2))
  const keepOne = 2 ** (-1 / halfLife)
  const keep = keepOne ** (days * DAY_MIN)
  core[at + CORE.events] = (core[at + CORE.events] as number) * keep
  core[at + CORE.exposure] =
    (core[at + CORE.exposure] as number) * keep + (1 - keep) / (1 - keepOne)
  core[at + CORE.recentEvents] = 0
  core[at + CORE.recentExpected] = 0
  core[at + CORE.excess] = (core[at + CORE.excess] as number) * DISPERSION_KEEP ** (days * DAY_MIN)
  core[at + CORE.square] = (core[at + CORE.square] as number) * DISPERSION_KEEP ** (days * DAY_MIN)
  side[sideAt + SIDE.hourObserved] = 0
  side[sideAt + SIDE.hourExpected] = 0
  const habits = store.habitsSlot(slot)
  if (habits < 0) return
  learnSilentDays(store.habits(habits), store.habitsAt(habits), { days, level, ageMin })
}

/** The recent correction forgets, so that it follows a new level within minutes. */
export function relearn(core: Float64Array, at: number): void {
  const keep = Math.min(1, RELEARN_EXPECTED / ((core[at + CORE.recentExpected] as number) + 1))
  core[at + CORE.recentEvents] = (core[at + CORE.recentEvents] as number) * keep
  core[at + CORE.recentExpected] = (core[at + CORE.recentExpected] as number) * keep
}
