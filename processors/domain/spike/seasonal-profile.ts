/**
 * How a rate moves over the day and the week: 24 hour factors times 7 day factors, each observed ÷ expected.
 * Two short lists learn faster than 24 × 2 cells and need no idea of which days are a weekend.
 * Everything lies in one stretch of a Float32Array; sums are kept, so that factors are shrunk towards 1.
 */
const HOURS = 24
const DAYS = 7
const DAY_MIN = 1440
const DAY_AT = 2 * HOURS
const OPEN_DAY_AT = DAY_AT + 2 * DAYS
/** Numbers a profile takes. */
export const PROFILE_LENGTH = OPEN_DAY_AT + 2

/** Pseudo-counts that hold a factor at 1 until there is evidence. */
const HOUR_PRIOR = 5
const WEEKDAY_PRIOR = 20
/** Half-lives of what a bin knows; shorter in a young series, whose level was still being learned. */
const HOUR_HALF_LIFE_DAYS = 14
const WEEKDAY_HALF_LIFE_WEEKS = 8
const YOUNG_SHARE = 0.5
/** A smaller factor would be the noise of an almost empty bin. */
const FACTOR_MIN = 0.02

function factor(sums: Float32Array, at: number, prior: number): number {
  return ((sums[at] as number) + prior) / ((sums[at + 1] as number) + prior)
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by
const weekdayAt = (minute: number): number =>
  DAY_AT + 2 * modulo(Math.floor(minute / DAY_MIN), DAYS)

function weekdayFactor(sums: Float32Array, start: number, minute: number): number {
  return factor(sums, start + weekdayAt(minute), WEEKDAY_PRIOR)
}

/** Expected rate at `minute` relative to the level: hours are joined by straight lines between their middles. */
export function seasonAt(sums: Float32Array, start: number, minute: number): number {
  const position = modulo(minute - 30, DAY_MIN) / 60
  const left = Math.floor(position)
  const share = position - left
  const right = left === HOURS - 1 ? 0 : left + 1
  const byHour =
    factor(sums, start + 2 * left, HOUR_PRIOR) * (1 - share) +
    factor(sums, start + 2 * right, HOUR_PRIOR) * share
  return Math.max(FACTOR_MIN, byHour * weekdayFactor(sums, start, minute))
}

/** Events seen in a closed hour, and events the level alone would have given. */
export interface HourLesson {
  /** Any minute of that hour. */
  minute: number
  observed: number
  expected: number
  ageMin: number
}

/**
 * Learns one hour and returns by how much the season at its middle grew. Called once an hour, so that an
 * excursion cannot raise its own expectation.
 */
export function learnHour(sums: Float32Array, start: number, lesson: HourLesson): number {
  const at = start + 2 * Math.floor(modulo(lesson.minute, DAY_MIN) / 60)
  const keep = keepAt(lesson.ageMin / DAY_MIN, HOUR_HALF_LIFE_DAYS)
  const byDay = weekdayFactor(sums, start, lesson.minute)
  const before = seasonAt(sums, start, lesson.minute)
  learn(sums, at, { keep, observed: lesson.observed, expected: lesson.expected * byDay })
  const open = start + OPEN_DAY_AT
  const byHour = factor(sums, at, HOUR_PRIOR)
  sums[open] = (sums[open] as number) + lesson.observed
  sums[open + 1] = (sums[open + 1] as number) + lesson.expected * byHour
  return seasonAt(sums, start, lesson.minute) - before
}

export interface DayChange {
  /** The day's factor after ÷ before. */
  ratio: number
  /** What the level alone, without the day's factor, gave in that day, and by how much its factor grew. */
  expected: number
  growth: number
}

/**
 * Learns the day that holds `minute`, once it is over: within a day its factor would chase the hours' errors.
 * What the day's factor now explains is taken back from the hours; the caller takes it back from the level.
 */
export function learnDay(
  sums: Float32Array,
  start: number,
  time: { minute: number; ageMin: number; level: number },
): DayChange {
  const at = start + weekdayAt(time.minute)
  const open = start + OPEN_DAY_AT
  const before = factor(sums, at, WEEKDAY_PRIOR)
  const expected = sums[open + 1] as number
  const keep = keepAt(time.ageMin / (DAYS * DAY_MIN), WEEKDAY_HALF_LIFE_WEEKS)
  learn(sums, at, { keep, observed: sums[open] as number, expected })
  sums[open] = 0
  sums[open + 1] = 0
  const after = factor(sums, at, WEEKDAY_PRIOR)
  const growth = after - before
  for (let hour = 0; hour < HOURS; hour += 1) {
    const index = start + 2 * hour + 1
    sums[index] = Math.max(0, (sums[index] as number) + 60 * time.level * growth)
  }
  return { ratio: after / before, expected, growth }
}

/** Ages every bin by whole days without any event, at this level; for gaps of days. */
export function learnSilentDays(
  sums: Float32Array,
  start: number,
  silence: { days: number; level: number; ageMin: number },
): void {
  const keep = keepAt(silence.ageMin / DAY_MIN, HOUR_HALF_LIFE_DAYS) ** silence.days
  const expected = (60 * silence.level * (1 - keep)) / (1 - keep ** (1 / silence.days))
  for (let hour = 0; hour < HOURS; hour += 1) {
    learn(sums, start + 2 * hour, { keep, observed: 0, expected })
  }
}

/** The share that stays after one round when `ageRounds` have passed. */
function keepAt(ageRounds: number, halfLifeRounds: number): number {
  return 2 ** (-1 / Math.min(halfLifeRounds, Math.max(YOUNG_SHARE, ageRounds * YOUNG_SHARE)))
}

function learn(
  sums: Float32Array,
  at: number,
  lesson: { keep: number; observed: number; expected: number },
): void {
  sums[at] = (sums[at] as number) * lesson.keep + lesson.observed
  sums[at + 1] = (sums[at + 1] as number) * lesson.keep + lesson.expected
}
