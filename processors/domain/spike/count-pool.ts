import { assert } from '#/kernel/assert.ts'
import {
  CORE,
  CORE_LENGTH,
  CountStore,
  GUARD_AT,
  HABITS_LENGTH,
  PEAKS_AT,
  SIDE,
  SIDE_LENGTH,
} from './count-store.ts'
import { finishExcursion, follow, PEAK_NATS_MIN } from './count-excursion.ts'
import { isPeriodicJob, looksLikeJob } from './periodic-jobs.ts'
import { thirdPeak } from './past-peaks.ts'
import {
  dispersionOf,
  learnMinutes,
  levelOf,
  recentOf,
  skipDays,
  turnHour,
} from './count-learning.ts'
import type { CountDirection, CountExplanation, CountOptions } from './count-explanation.ts'
import { seasonAt } from './seasonal-profile.ts'

const THETAS = { spike: [3, 10], drop: [1 / 3, 1 / 10] } as const
const DAY_MIN = 1440
/** Gaps are gone through hour by hour; of longer ones only the last days, the rest at once. */
const GAP_BY_HOUR_MIN = 2 * DAY_MIN
/** No baseline is tested while it is this young. */
const COLD_MIN = 60
const RATE_MIN = 1e-3
/** A lone minute this improbable is a burst, which may be a periodic job. */
const BURST_NATS = 3
const CLEAR_SKY_NATS = 3
/** A third peak above this dampens; lower scores are too low to matter. */
const PEAK_DAMPING_NATS = 12
/** Nothing beyond 1.5 times this is ever dampened: three outages in two weeks must not hide the fourth. */
const PEAK_DAMPING_NATS_MAX = 40
const PEAK_MULTIPLE = 1.5
/** Habits are kept from this many events on. */
const HABITS_EVENTS = 8
const WINSOR_FACTOR = 8

/** ln of how much a negative binomial's r + mean grows when its mean grows by `theta`. */
function growthLog(theta: number, rate: number, dispersion: number): number {
  return Math.log1p((dispersion * (theta - 1) * rate) / (1 + dispersion * rate))
}

/**
 * A self-calibrating CUSUM over counts per minute for many keys. Counts are taken as negative binomial: their
 * expectation is level × recent correction × season, their dispersion is learned. Two excursions add the
 * log-likelihood ratio of a rate 3 and 10 times the expectation (for drops a third and a tenth); the score is
 * the larger, in nats against chance. Minutes may be left out: they count as zeros, in closed form.
 */
export class CountPool {
  readonly #store = new CountStore()
  readonly #direction: CountDirection
  readonly #thetaLow: number
  readonly #thetaHigh: number
  readonly #logLow: number
  readonly #logHigh: number
  #taken = 0

  constructor(options: CountOptions = {}) {
    this.#direction = options.direction ?? 'spike'
    const [low, high] = THETAS[this.#direction]
    this.#thetaLow = low
    this.#thetaHigh = high
    this.#logLow = Math.log(low)
    this.#logHigh = Math.log(high)
  }

  add(): number {
    return this.#store.add()
  }

  remove(slot: number): void {
    this.#store.remove(slot)
  }

  snapshot(slot: number): number[] {
    return this.#store.snapshot(slot)
  }

  restore(numbers: readonly number[]): number {
    const length = CORE_LENGTH + SIDE_LENGTH + (numbers[CORE.habits] === 1 ? HABITS_LENGTH : 0)
    assert(numbers.length === length, 'a snapshot of a count has the length its head says')
    return this.#store.restore(numbers)
  }

  /**
   * Closes `minute` with `count` events and returns the score in nats. `exposure` is the share of a usual
   * minute that was observed, or the number of requests where the rate is per request. Minutes only go up.
   */
  update(slot: number, count: number, minute: number, exposure = 1): number {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    if (core[at + CORE.exposure] === 0 && core[at + CORE.events] === 0) {
      if (count === 0) return 0
      core[at + CORE.birth] = minute
      core[at + CORE.last] = minute - 1
    }
    const next = (core[at + CORE.last] as number) + 1
    assert(minute >= next, 'minutes of a count go up')
    if (minute > next) this.#skip(slot, next, minute)
    if (minute % 60 === 0) turnHour(this.#store, slot, minute, this.#direction === 'spike')
    this.#closeMinute(slot, count, minute, exposure)
    return this.#score(slot)
  }

  /** Adds events that came late: to the excursion when they belong to it, else to the baseline only. */
  correct(slot: number, count: number, minute: number): void {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    if (core[at + CORE.exposure] === 0) return
    core[at + CORE.events] = (core[at + CORE.events] as number) + count
    const side = this.#store.side(slot)
    const sideAt = this.#store.sideAt(slot)
    const start = side[sideAt + SIDE.startAt] as number
    if (start === 0 || minute - (core[at + CORE.birth] as number) + 1 < start) return
    side[sideAt + SIDE.observed] = (side[sideAt + SIDE.observed] as number) + count
    // The log-likelihood ratio is linear in the count: a late event adds what it would have added in time.
    const rate = this.#cautious(core, at, this.expectedAt(slot, minute))
    const dispersion = dispersionOf(core, at)
    const low = this.#logLow - growthLog(this.#thetaLow, rate, dispersion)
    const high = this.#logHigh - growthLog(this.#thetaHigh, rate, dispersion)
    core[at + CORE.low] = Math.max(0, (core[at + CORE.low] as number) + count * low)
    core[at + CORE.high] = Math.max(0, (core[at + CORE.high] as number) + count * high)
  }

  /** The score if the open minute closed now with `count` events; nothing is learned. For early alarms. */
  peek(slot: number, count: number, minute: number): number {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    const birth = core[at + CORE.birth] as number
    const gap = minute - (core[at + CORE.last] as number)
    if (core[at + CORE.exposure] === 0 || gap <= 0 || minute - birth < COLD_MIN) return 0
    const rate = this.#cautious(core, at, this.expectedAt(slot, minute))
    const dispersion = dispersionOf(core, at)
    const growthLow = growthLog(this.#thetaLow, rate, dispersion)
    const growthHigh = growthLog(this.#thetaHigh, rate, dispersion)
    const burst = count * (this.#logHigh - growthHigh) - growthHigh / dispersion
    const habits = this.#store.habitsSlot(slot)
    if (burst > BURST_NATS && habits >= 0) {
      const start = this.#store.habitsAt(habits) + GUARD_AT
      const time = minute - birth + 1
      if (looksLikeJob(this.#store.habits(habits), start, { time, nats: burst })) return 0
    }
    // Quiet minutes that are not closed yet weigh in like this one.
    const rest = gap / dispersion
    const low = (core[at + CORE.low] as number) - growthLow * rest
    const high = (core[at + CORE.high] as number) - growthHigh * rest
    const best = Math.max(
      low + count * (this.#logLow - growthLow),
      high + count * (this.#logHigh - growthHigh),
    )
    return this.#damp(slot, Math.max(0, best))
  }

  /** Events of the minute closed last, without those of a periodic job beyond what is usual. */
  get taken(): number {
    return this.#taken
  }

  /** Ends the excursion: what it was about is over, and has been told. */
  endExcursion(slot: number): void {
    finishExcursion(this.#store, slot)
  }

  /** Score in nats as of the last closed minute. */
  score(slot: number): number {
    return this.#score(slot)
  }

  /** The excursion under way as of the last closed minute, or undefined when there is none. */
  explain(slot: number): CountExplanation | undefined {
    const side = this.#store.side(slot)
    const sideAt = this.#store.sideAt(slot)
    const start = side[sideAt + SIDE.startAt] as number
    if (start === 0) return undefined
    return {
      observed: side[sideAt + SIDE.observed] as number,
      expected: side[sideAt + SIDE.expected] as number,
      windowMin: this.#age(slot) - start + 2,
      score: this.#score(slot),
      direction: this.#direction,
    }
  }

  /** Events expected in that minute, as far as is known now. */
  expectedAt(slot: number, minute: number): number {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    const frozen = core[at + CORE.frozen] as number
    const level = frozen > 0 ? frozen : levelOf(core, at) * recentOf(core, at)
    return level * this.#season(slot, minute)
  }

  /** The level's discounted events and minutes of exposure, for the test of one release against another. */
  baseline(slot: number): { events: number; exposureMin: number; dispersion: number } {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    return {
      events: core[at + CORE.events] as number,
      exposureMin: core[at + CORE.exposure] as number,
      dispersion: dispersionOf(core, at),
    }
  }

  /** Minute of the first event, and the last minute closed. */
  span(slot: number): { birth: number; last: number } {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    return { birth: core[at + CORE.birth] as number, last: core[at + CORE.last] as number }
  }

  #age(slot: number): number {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    return (core[at + CORE.last] as number) - (core[at + CORE.birth] as number)
  }

  #season(slot: number, minute: number): number {
    const habits = this.#store.habitsSlot(slot)
    if (habits < 0) return 1
    return seasonAt(this.#store.habits(habits), this.#store.habitsAt(habits), minute)
  }

  /** The expectation moved towards silence by one standard error of the level. */
  #cautious(core: Float64Array, at: number, expected: number): number {
    const doubt = 1 + 1 / Math.sqrt((core[at + CORE.events] as number) + 1)
    return Math.max(RATE_MIN, this.#direction === 'spike' ? expected * doubt : expected / doubt)
  }

  #score(slot: number): number {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    return this.#damp(slot, Math.max(core[at + CORE.low] as number, core[at + CORE.high] as number))
  }

  /** What this series reaches now and then anyway counts for little. */
  #damp(slot: number, best: number): number {
    const habits = this.#store.habitsSlot(slot)
    if (best <= PEAK_NATS_MIN || habits < 0) return best
    const start = this.#store.habitsAt(habits) + PEAKS_AT
    const third = thirdPeak(this.#store.habits(habits), start, this.#age(slot) + 1)
    const usual = Math.min(PEAK_DAMPING_NATS_MAX, third)
    if (usual <= PEAK_DAMPING_NATS) return best
    return best * Math.min(1, best / (PEAK_MULTIPLE * usual)) ** 3
  }

  #closeMinute(slot: number, count: number, minute: number, exposure: number): void {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    core[at + CORE.last] = minute
    const season = this.#season(slot, minute) * exposure
    const level = levelOf(core, at)
    const live = level * recentOf(core, at)
    const frozen = core[at + CORE.frozen] as number
    const expected = (frozen > 0 ? frozen : live) * season
    const rate = this.#cautious(core, at, expected)
    const dispersion = dispersionOf(core, at)
    const growthHigh = growthLog(this.#thetaHigh, rate, dispersion)
    const gainHigh = this.#logHigh - growthHigh
    const lossHigh = growthHigh / dispersion
    let seen = count
    if (count >= 2 && this.#direction === 'spike') {
      const nats = count * gainHigh - lossHigh
      if (nats > BURST_NATS && this.#isJob(slot, nats)) seen = Math.min(count, Math.ceil(rate))
    }
    if (minute - (core[at + CORE.birth] as number) >= COLD_MIN) {
      const growthLow = growthLog(this.#thetaLow, rate, dispersion)
      const low = seen * (this.#logLow - growthLow) - growthLow / dispersion
      core[at + CORE.low] = Math.max(0, (core[at + CORE.low] as number) + low)
      core[at + CORE.high] = Math.max(
        0,
        (core[at + CORE.high] as number) + seen * gainHigh - lossHigh,
      )
    }
    this.#taken = seen
    follow(this.#store, slot, { seen, expected })
    const winsorised = Math.min(seen, WINSOR_FACTOR * rate + WINSOR_FACTOR)
    learnMinutes(this.#store, slot, {
      count: winsorised,
      spanMin: 1,
      season,
      level,
      expected: live * season,
    })
    const habits = core[at + CORE.habits] as number
    if (habits === 0 && (core[at + CORE.events] as number) >= HABITS_EVENTS)
      this.#store.addHabits(slot)
  }

  /** Passes the minutes from `from` up to, not including, `to`: nothing happened in them. */
  #skip(slot: number, from: number, to: number): void {
    let minute = from
    const days = Math.floor((to - from - GAP_BY_HOUR_MIN) / DAY_MIN)
    if (days > 0) {
      finishExcursion(this.#store, slot)
      skipDays(this.#store, slot, days)
      minute += days * DAY_MIN
    }
    while (minute < to) {
      if (minute % 60 === 0) turnHour(this.#store, slot, minute, this.#direction === 'spike')
      const end = Math.min(to, Math.floor(minute / 60) * 60 + 60)
      this.#closeQuiet(slot, minute, end - minute)
      minute = end
    }
  }

  /** Closes `spanMin` minutes of one hour without events. */
  #closeQuiet(slot: number, minute: number, spanMin: number): void {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    core[at + CORE.last] = minute + spanMin - 1
    const season = this.#season(slot, minute + spanMin / 2)
    const level = levelOf(core, at)
    const live = level * recentOf(core, at)
    const frozen = core[at + CORE.frozen] as number
    const expected = (frozen > 0 ? frozen : live) * season
    if (minute - (core[at + CORE.birth] as number) >= COLD_MIN) {
      const rate = this.#cautious(core, at, expected)
      const loss = spanMin / dispersionOf(core, at)
      const low = growthLog(this.#thetaLow, rate, dispersionOf(core, at)) * loss
      const high = growthLog(this.#thetaHigh, rate, dispersionOf(core, at)) * loss
      core[at + CORE.low] = Math.max(0, (core[at + CORE.low] as number) - low)
      core[at + CORE.high] = Math.max(0, (core[at + CORE.high] as number) - high)
    }
    follow(this.#store, slot, { seen: 0, expected: expected * spanMin })
    learnMinutes(this.#store, slot, { count: 0, spanMin, season, level, expected: live * season })
  }

  #isJob(slot: number, nats: number): boolean {
    const core = this.#store.core(slot)
    const at = this.#store.coreAt(slot)
    const side = this.#store.side(slot)
    const sideAt = this.#store.sideAt(slot)
    const time = this.#age(slot) + 1
    const first = side[sideAt + SIDE.burstAt] !== time - 1
    side[sideAt + SIDE.burstAt] = time
    let habits = this.#store.habitsSlot(slot)
    // A job is often seen by its bursts alone: the first of them are what recognises the next.
    if (habits < 0) habits = this.#store.addHabits(slot)
    const clearSky =
      Math.max(core[at + CORE.low] as number, core[at + CORE.high] as number) < CLEAR_SKY_NATS
    const start = this.#store.habitsAt(habits) + GUARD_AT
    return isPeriodicJob(this.#store.habits(habits), start, { time, nats, clearSky, first })
  }
}
