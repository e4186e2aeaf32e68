/**
 * The time range in the address bar. `t=1h` is relative and moves on; `from` and `to` are pinned.
 */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const RANGE_MS_MIN = MINUTE
/** Raw events are kept for 30 days; nothing older can be shown. */
export const RANGE_MS_MAX = 30 * DAY
export const DEFAULT_RANGE = '1h'
export const PRESETS = ['15m', '1h', '3h', '24h', '7d', '30d'] as const

export interface TimeRange {
  from: number
  to: number
  /** Text of `t=` when the range moves with the clock, null when it is pinned. */
  relative: string | null
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
}
/** A pinned range that lies in the past and is neither too long nor too short; null when it is none. */
export function clamped(from: number, to: number, now: number): TimeRange | null {
  if (!Number.isFinite(from) || !Number.isFinite(to) || from >= to) return null
  const end = Math.min(to, now)
  const start = Math.max(from, end - RANGE_MS_MAX)
  return { from: Math.min(start, end - RANGE_MS_MIN), to: end, relative: null }
}

/** `90m`, `last 2 hours`, `3 days`: a length in milliseconds, null when it is none. */
export function parseLength(text: string): number | null {
  const match = /^(?:last |past )?(\d{1,6}(?:\.\d{1,3})?) ?(s|m|h|d|w)[a-z]{0,8}$/.exec(text)
  if (match === null) return null
  const length = Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0)
  return length > 0 ? Math.min(RANGE_MS_MAX, Math.max(RANGE_MS_MIN, length)) : null
}

/** The range that `t=` stands for at `now`; unknown text is the default. */
export function relativeRange(text: string, now: number): TimeRange {
  const length = parseLength(text)
  const relative = length === null ? DEFAULT_RANGE : text
  return { from: now - (length ?? HOUR), to: now, relative }
}

/** Milliseconds of a time as addresses write it; NaN when it is none. Without a zone it is UTC. */
export function instant(text: string): number {
  const value = text.trim()
  if (/^\d{12,14}$/.test(value)) return Number(value)
  if (!/^\d{4}-\d{2}-\d{2}/.test(value)) return Number.NaN
  const zoned = /(?:z|[+-]\d{2}:?\d{2})$/i.test(value) || !/\d[t ]\d/i.test(value)
  return Date.parse(zoned ? value : `${value.replace(' ', 'T')}Z`)
}

/** The parameters of an address, as the page's state hands them out too. */
export type Params = Pick<URLSearchParams, 'get' | 'getAll'>

/** The range of an address; without one the default of the page. */
export function rangeOf(params: Params, now: number, byDefault: string = DEFAULT_RANGE): TimeRange {
  const pinned = clamped(instant(params.get('from') ?? ''), instant(params.get('to') ?? ''), now)
  const text = params.get('t') ?? byDefault
  return pinned ?? relativeRange(parseLength(text) === null ? byDefault : text, now)
}

/** Whether the address asks for a range that cannot be: what is shown is another one then. */
export function isRefused(params: Params, now: number): boolean {
  const [t, from, to] = ['t', 'from', 'to'].map((name) => params.get(name) ?? '')
  if (from !== '' || to !== '') return clamped(instant(from ?? ''), instant(to ?? ''), now) === null
  return t !== '' && parseLength(t ?? '') === null
}

/** How the range is written into an address. */
export function rangeParams(range: TimeRange): Record<'t' | 'from' | 'to', string | null> {
  if (range.relative === null) {
    return { t: null, from: isoMinute(range.from), to: isoMinute(range.to) }
  }
  return { t: range.relative, from: null, to: null }
}

function isoMinute(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** The same length, earlier (-1) or later (1) by half of it; never past `now`. */
export function shifted(range: TimeRange, direction: -1 | 1, now: number): TimeRange {
  const length = range.to - range.from
  const to = Math.min(now, range.to + (direction * length) / 2)
  return { from: to - length, to, relative: null }
}

/** Widths a bucket may have, so that at most `bucketsMax` cover the range. */
const STEPS_MS = [
  1000,
  2000,
  5000,
  10_000,
  30_000,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
]

export function stepFor(lengthMs: number, bucketsMax: number): number {
  return STEPS_MS.find((step) => lengthMs / step <= bucketsMax) ?? DAY
}
