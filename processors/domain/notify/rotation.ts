import { FaultlineError } from '#/kernel/errors.ts'

/** Who is on call: people in turn, handed over at the same local time, with exceptions. */
export interface Rotation {
  people: readonly string[]
  handover: 'daily' | 'weekly'
  /** 1 Monday to 7 Sunday; of weekly rotations. */
  weekday: number
  /** Local time of the handover, minutes since midnight. */
  minute: number
  timeZone: string
  /** The first person's first turn begins at the first handover on or after this day, `2026-11-23`. */
  startsOn: string
  overrides: readonly Override[]
  /** Local hours that count as night, `22` to `7`. */
  night: { from: number; to: number }
}

/** Somebody stands in from one moment to another, ms. */
export interface Override {
  person: string
  from: number
  until: number
}

export interface Shift {
  /** Empty when nobody is. */
  person: string
  isOverride: boolean
}

const DAY_MS = 86_400_000
const MINUTES = 60
const formats = new Map<string, Intl.DateTimeFormat>()

interface LocalTime {
  /** Days since the epoch, of the local calendar. */
  day: number
  /** Minutes since local midnight. */
  minute: number
}

/** What a clock on the wall shows. Fails with `config_invalid` for an unknown zone. */
export function localTime(timeMs: number, timeZone: string): LocalTime {
  let format = formats.get(timeZone)
  if (format === undefined) formats.set(timeZone, (format = formatOf(timeZone)))
  const parts = new Map(
    format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]),
  )
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
  const midnight = Date.UTC(part('year'), part('month') - 1, part('day'))
  return { day: midnight / DAY_MS, minute: part('hour') * MINUTES + part('minute') }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
  } catch (error) {
    throw new FaultlineError('config_invalid', `there is no time zone ${timeZone}`, {
      cause: error,
      remedy: 'Write its IANA name, for instance Europe/Berlin.',
    })
  }
}

/** Day of the epoch was a Thursday. */
const weekdayOf = (day: number): number => ((((day + 3) % 7) + 7) % 7) + 1

/** Who is on call at a moment. Local days count, so that a handover stays at its hour when clocks are changed. */
export function onCallAt(rotation: Rotation, timeMs: number): Shift {
  const override = rotation.overrides.findLast(
    ({ from, until }) => timeMs >= from && timeMs < until,
  )
  if (override !== undefined) return { person: override.person, isOverride: true }
  const { people } = rotation
  if (people.length === 0) return { person: '', isOverride: false }
  const turn = turnAt(rotation, timeMs)
  const index = ((turn % people.length) + people.length) % people.length
  return { person: people[index] ?? '', isOverride: false }
}

function turnAt(
  { timeZone, handover, weekday, minute, startsOn }: Rotation,
  timeMs: number,
): number {
  const local = localTime(timeMs, timeZone)
  // Before the hour of the handover it is still the shift of the day before.
  const day = local.minute < minute ? local.day - 1 : local.day
  const start = Date.parse(`${startsOn}T00:00:00Z`) / DAY_MS
  if (handover === 'daily') return day - start
  const untilWeekday = (((weekday - weekdayOf(start)) % 7) + 7) % 7
  return Math.floor((day - start - untilWeekday) / 7)
}

/** When the person on call changes next, to the minute. */
export function nextHandover(rotation: Rotation, timeMs: number): { at: number; person: string } {
  const now = onCallAt(rotation, timeMs).person
  const minuteMs = 60_000
  const first = Math.ceil((timeMs + 1) / minuteMs) * minuteMs
  // Quarters of an hour are where handovers lie; overrides may begin at any moment and are tried besides.
  const candidates = new Set<number>()
  const quarter = 15 * minuteMs
  for (let at = Math.ceil(first / quarter) * quarter; at < first + 15 * DAY_MS; at += quarter)
    candidates.add(at)
  for (const { from, until } of rotation.overrides) {
    if (from > timeMs) candidates.add(from)
    if (until > timeMs) candidates.add(until)
  }
  for (const at of [...candidates].toSorted((a, b) => a - b)) {
    const { person } = onCallAt(rotation, at)
    if (person !== now) return { at, person }
  }
  return { at: Number.POSITIVE_INFINITY, person: now }
}

/** Whether a moment lies in the night of the rotation's zone. */
export function isNight(
  { night, timeZone }: Pick<Rotation, 'night' | 'timeZone'>,
  timeMs: number,
): boolean {
  const hour = Math.floor(localTime(timeMs, timeZone).minute / MINUTES)
  const { from, to } = night
  return from <= to ? hour >= from && hour < to : hour >= from || hour < to
}
