/** ClickHouse's DateTime64 holds the years 1900 to 2299; what lies outside is kept at the edge and flagged. */
export const TIME_MS_MIN = Date.UTC(1900, 0, 1)
export const TIME_MS_MAX = Date.UTC(2299, 11, 31)

export interface ParsedTime {
  /** Whole milliseconds since the epoch. */
  ms: number
  /** What had to be assumed, for the event's flags; empty when nothing. */
  flag: '' | 'time_seconds' | 'time_microseconds' | 'time_nanoseconds' | 'time_zone_assumed'
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const FOUR_CENTURIES_MS = 146_097 * 86_400_000
const ZERO = 48

/** RFC 3339 text, or a number (also as text) since the epoch in milliseconds. Undefined when it is neither. */
export function parseTime(input: unknown): ParsedTime | undefined {
  if (typeof input === 'number') return parseEpoch(input)
  if (typeof input !== 'string') return undefined
  const text = input.trim()
  if (text[4] === '-') return parseRfc3339(text)
  if (/^-?\d{1,20}(\.\d+)?$/.test(text)) return parseEpoch(Number(text))
  return undefined
}

/**
 * Numbers are milliseconds. Other units are recognised by size, because no real clock shows them: read as
 * milliseconds, 5e8 to 1e10 would be the spring of 1970 and 1e14 and more the year 5138 and later.
 */
function parseEpoch(value: number): ParsedTime | undefined {
  if (!Number.isFinite(value)) return undefined
  const size = Math.abs(value)
  if (size >= 1e20) return undefined
  if (size >= 1e17) return { ms: Math.floor(value / 1e6), flag: 'time_nanoseconds' }
  if (size >= 1e14) return { ms: Math.floor(value / 1e3), flag: 'time_microseconds' }
  if (size >= 5e8 && size < 1e10) return { ms: Math.floor(value * 1e3), flag: 'time_seconds' }
  return { ms: Math.floor(value), flag: '' }
}

/** RFC 3339 §5.6, with a blank for the T as its note allows; a missing zone is read as UTC and flagged. */
function parseRfc3339(text: string): ParsedTime | undefined {
  if (text.length < 19 || text.length > 40) return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return undefined
  const between = text[10]
  if (between !== 'T' && between !== 't' && between !== ' ') return undefined
  if (!isDate(year, month, day) || !(hour < 24 && minute < 60 && second < 61)) return undefined
  const zoneAt = endOfFraction(text)
  if (zoneAt < 0) return undefined
  const zoneMs = zoneOf(text, zoneAt)
  if (zoneMs === undefined) return undefined
  // A leap second (RFC 3339 §5.7) is the last millisecond of its minute, so that order is kept.
  const secondMs = second === 60 ? 59_999 : second * 1000 + fractionMs(text, zoneAt)
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; the calendar repeats after 400 years.
  const minuteMs = Date.UTC(year + 400, month - 1, day, hour, minute) - FOUR_CENTURIES_MS
  return {
    ms: minuteMs + secondMs - zoneMs,
    flag: zoneAt === text.length ? 'time_zone_assumed' : '',
  }
}

/** The number in `count` digits at `start`, or NaN, which no comparison accepts. */
function digits(text: string, start: number, count: number): number {
  let value = 0
  for (let index = start; index < start + count; index += 1) {
    const digit = text.charCodeAt(index) - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

function isDate(year: number, month: number, day: number): boolean {
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1)) return false
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= (month === 2 && leap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0))
}

/** Where the fraction of the second ends; -1 when a point has no digit behind it. */
function endOfFraction(text: string): number {
  if (text[19] !== '.' && text[19] !== ',') return 19
  let index = 20
  while (index < text.length) {
    const digit = text.charCodeAt(index) - ZERO
    if (!(digit >= 0 && digit <= 9)) break
    index += 1
  }
  return index === 20 ? -1 : index
}

function fractionMs(text: string, end: number): number {
  let ms = 0
  for (let place = 0; place < 3; place += 1) {
    const index = 20 + place
    ms = ms * 10 + (index < end ? text.charCodeAt(index) - ZERO : 0)
  }
  return ms
}

function zoneOf(text: string, at: number): number | undefined {
  const sign = text[at]
  if (sign === undefined) return 0
  if ((sign === 'Z' || sign === 'z') && text.length === at + 1) return 0
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text[at + 3] !== ':')
    return undefined
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 4, 2)
  if (!(hours < 24 && minutes < 60)) return undefined
  const ms = (hours * 60 + minutes) * 60_000
  return sign === '+' ? ms : -ms
}
