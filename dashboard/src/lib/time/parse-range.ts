/**
 * Time ranges as people type them. Never throws, and clamps what cannot be meant. All clock times are UTC.
 * Loaded when somebody types one.
 */
import { clamped, instant, parseLength, type TimeRange } from '#lib/time/range.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export type ParsedRange =
  | { kind: 'range'; range: TimeRange }
  | { kind: 'since_release'; release: string }
  | { kind: 'unclear'; sentence: string }

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const unclear: ParsedRange = {
  kind: 'unclear',
  sentence:
    'Not a time range. Try 30m, 6h, “last tue 14:00 to 15:30”, “14:00 to 15:30” or “since v98”.',
}

const startOfDay = (at: number): number => Math.floor(at / DAY) * DAY

/** Midnight of the day a word names: today, yesterday, tue, last tue. The past one, never the future. */
function dayOf(word: string, now: number): number | null {
  if (word === '' || word === 'today') return startOfDay(now)
  if (word === 'yesterday') return startOfDay(now) - DAY
  const weekday = DAYS.findIndex((day) => word.replace(/^last /, '').startsWith(day))
  if (weekday < 0) return null
  const back = (new Date(now).getUTCDay() - weekday + 7) % 7
  return startOfDay(now) - (back === 0 && word.startsWith('last ') ? 7 : back) * DAY
}

function clock(text: string): number | null {
  const match = /^(\d{1,2})(?::(\d{2}))?$/.exec(text)
  if (match === null) return null
  const hours = Number(match[1])
  const minutes = Number(match[2] ?? 0)
  return hours <= 24 && minutes < 60 ? hours * HOUR + minutes * MINUTE : null
}

function parseDay(text: string, now: number): TimeRange | null {
  const match = /^([a-z ]*?) ?(\d{1,2}(?::\d{2})?) ?(?:to|-|–|until) ?(\d{1,2}(?::\d{2})?)$/.exec(
    text,
  )
  if (match === null) {
    const day = text === '' ? null : dayOf(text, now)
    return day === null ? null : clamped(day, day + DAY, now)
  }
  const day = dayOf(match[1] ?? '', now)
  const from = clock(match[2] ?? '')
  const to = clock(match[3] ?? '')
  if (day === null || from === null || to === null) return null
  // "23:00 to 01:00" ends on the next day; what lies ahead is taken from the day before.
  const shift = match[1] === '' && day + from > now ? DAY : 0
  return clamped(day + from - shift, day + to + (to <= from ? DAY : 0) - shift, now)
}

/** What a person typed. */
export function parseRange(typed: string, now: number): ParsedRange {
  const text = typed.trim().toLowerCase().replace(/\s+/g, ' ').slice(0, 120)
  const length = parseLength(text)
  if (length !== null) {
    const relative = text.replace(/^(?:last|past) /, '').replace(/^([\d.]+) ?([smhdw]).*$/, '$1$2')
    return { kind: 'range', range: { from: now - length, to: now, relative } }
  }
  const since = /^since (?:release |version )?(\S{1,64})$/.exec(text)
  if (since !== null) {
    const from = instant(since[1] ?? '')
    const pinned = clamped(from, now, now)
    if (pinned !== null) return { kind: 'range', range: pinned }
    return { kind: 'since_release', release: typed.trim().split(/\s+/).at(-1) ?? '' }
  }
  const [left, right] = text.split(/ (?:to|until|–) |\/| - /)
  const exact = clamped(instant(left ?? ''), instant(right ?? ''), now)
  const range = exact ?? parseDay(text, now)
  return range === null ? unclear : { kind: 'range', range }
}
