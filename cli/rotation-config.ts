import { localTime, type Override, type Rotation } from '#/processors/domain/notify/rotation.ts'
import { parseTime } from '#/schemas/event-input-time.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { checkedObject, wrongAt, type CheckedObject } from './checked-object.ts'

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
const FIELDS = [
  'people',
  'handover',
  'weekday',
  'at',
  'time-zone',
  'starts-on',
  'night',
  'overrides',
]

/** The section `on-call`. Fails with `config_invalid`. */
export function rotationOf(value: unknown, path: string): Rotation {
  const fields = checkedObject(value, path, FIELDS)
  const people = fields.texts('people')
  if (people.length === 0) throw wrongAt(`${path}.people`, 'names nobody')
  const rotation: Rotation = {
    people,
    handover: fields.oneOf('handover', ['daily', 'weekly'], 'weekly'),
    weekday: WEEKDAYS.indexOf(fields.oneOf('weekday', WEEKDAYS, 'monday')) + 1,
    minute: minuteOf(fields),
    timeZone: fields.text('time-zone', 'UTC'),
    startsOn: dayOf(fields),
    night: nightOf(fields),
    overrides: fields.objects('overrides', overrideOf),
  }
  try {
    localTime(0, rotation.timeZone)
  } catch (error) {
    if (!(error instanceof FaultlineError)) throw error
    throw wrongAt(`${path}.time-zone`, `is not known: ${rotation.timeZone}`, error.remedy)
  }
  return rotation
}

function minuteOf(fields: CheckedObject): number {
  const [, hour, minute] = /^([01]\d|2[0-3]):(00|15|30|45)$/.exec(fields.text('at', '09:00')) ?? []
  if (hour !== undefined) return Number(hour) * 60 + Number(minute)
  throw wrongAt(`${fields.path}.at`, 'must be a time on a quarter of an hour', "Write '09:00'.")
}

function dayOf(fields: CheckedObject): string {
  const day = fields.text('starts-on')
  const isDay = /^\d{4}-\d\d-\d\d$/.test(day) && Number.isFinite(Date.parse(`${day}T00:00:00Z`))
  if (isDay) return day
  throw wrongAt(`${fields.path}.starts-on`, 'must be a day', "Write '2026-11-23'.")
}

function nightOf(fields: CheckedObject): Rotation['night'] {
  const [, from, to] =
    /^([01]?\d|2[0-3])-([01]?\d|2[0-3])$/.exec(fields.text('night', '22-7')) ?? []
  if (from !== undefined) return { from: Number(from), to: Number(to) }
  throw wrongAt(`${fields.path}.night`, 'must be two hours', "Write '22-7'.")
}

function overrideOf(value: unknown, path: string): Override {
  const fields = checkedObject(value, path, ['person', 'from', 'until'])
  const [from, until] = [timeOf(fields, 'from'), timeOf(fields, 'until')]
  if (until <= from) throw wrongAt(`${path}.until`, 'must be later than from')
  return { person: fields.text('person'), from, until }
}

function timeOf(fields: CheckedObject, name: string): number {
  const parsed = parseTime(fields.raw(name))
  if (parsed !== undefined) return parsed.ms
  throw wrongAt(`${fields.path}.${name}`, 'must be a time', 'RFC 3339: 2026-11-23T09:00:00+01:00.')
}
