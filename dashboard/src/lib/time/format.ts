/**
 * Times in words. Everything is UTC, so that server and browser render the same text and two people on the
 * phone read the same minute; the reader's own zone is in the tooltip.
 */
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const two = (value: number): string => String(value).padStart(2, '0')
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** A date that Intl and Date accept; others become null rather than an exception. */
function valid(at: number): Date | null {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? null : date
}

/** 02:31 */
export function clockTime(at: number): string {
  const date = valid(at)
  return date === null ? '–' : `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`
}

/** 02:31:10 */
export function clockSeconds(at: number): string {
  const date = valid(at)
  return date === null ? '–' : `${clockTime(at)}:${two(date.getUTCSeconds())}`
}

/** 02:31:10.042, for rows of a log */
export const clockMillis = (at: number): string => `${clockSeconds(at)}${millis(at)}`

/** .042, after the seconds in rows of a log */
export function millis(at: number): string {
  const date = valid(at)
  return date === null ? '' : `.${String(date.getUTCMilliseconds()).padStart(3, '0')}`
}

/** 21 Nov */
export function dayMonth(at: number): string {
  const date = valid(at)
  return date === null ? '–' : `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`
}

/** 21 Nov 2026, 02:31:10 UTC */
export function absolute(at: number): string {
  const date = valid(at)
  if (date === null) return '–'
  return `${dayMonth(at)} ${date.getUTCFullYear()}, ${clockSeconds(at)} UTC`
}

/** 21 Nov, 02:31:10 – 02:40:00; the day twice when it ends on another one. */
export function between(from: number, to: number): string {
  const [first, last] = [dayMonth(from), dayMonth(to)]
  return `${first}, ${clockSeconds(from)} – ${first === last ? '' : `${last}, `}${clockSeconds(to)}`
}

/** 34 s, 12 min, 3 h, 5 d: one unit, rounded down, never negative. */
export function span(durationMs: number): string {
  const value = Math.max(0, durationMs)
  if (value < MINUTE) return `${Math.floor(value / SECOND)} s`
  if (value < HOUR) return `${Math.floor(value / MINUTE)} min`
  if (value < 2 * DAY) return `${Math.floor(value / HOUR)} h`
  return `${Math.floor(value / DAY)} d`
}

/** The same for narrow columns: 34s, 12m, 3h, 5d. */
export function spanShort(durationMs: number): string {
  return span(durationMs).replace(' min', 'm').replace(' ', '')
}

/** 1 h 12 min, 4 d 3 h: two units, for durations that are read once. */
export function spanLong(durationMs: number): string {
  const value = Math.max(0, durationMs)
  if (value < HOUR) return span(value)
  const [unit, name, next, nextName] =
    value < DAY ? ([HOUR, 'h', MINUTE, 'min'] as const) : ([DAY, 'd', HOUR, 'h'] as const)
  const rest = Math.floor((value % unit) / next)
  const head = `${Math.floor(value / unit)} ${name}`
  return rest === 0 ? head : `${head} ${rest} ${nextName}`
}

/** Width of a bucket: 5 s buckets, 1 min buckets. */
export function stepName(stepMs: number): string {
  return stepMs >= MINUTE ? span(stepMs) : `${stepMs / SECOND} s`
}
