import { AVRO_SCHEMAS } from './avro-schemas.ts'
import { WIRE_HEADER_BYTES } from './codec.ts'
import { LIMITS } from './event-input-limits.ts'
import { TIME_MS_MAX, TIME_MS_MIN } from './event-input-time.ts'
import type { Event } from './records.ts'

/**
 * The door's rules for events that did not come through it, as those of producers that write to Kafka themselves.
 * Works on the Avro bytes: lengths are compared and skipped, so that nothing is decoded for the many events that are
 * in order. The bytes must be whole and written with today's schema, which the decoder sees to.
 */
export function eventProblem(bytes: Buffer): string {
  walk.bytes = bytes
  walk.at = WIRE_HEADER_BYTES
  walk.problem = ''
  try {
    for (const step of STEPS) {
      step(walk)
      if (walk.problem !== '') return walk.problem
    }
  } catch {
    // Lengths that lead out of the event: decoders differ in what they make of them.
    return 'the event cannot be read to its end'
  }
  return walk.at === bytes.length ? '' : 'there are bytes behind the event'
}

interface Walk {
  bytes: Buffer
  at: number
  problem: string
}

// One walk at a time, as one event is processed at a time: this is on the way of every event.
const walk: Walk = { bytes: Buffer.alloc(0), at: 0, problem: '' }

type Step = (walk: Walk) => void
type FieldName = keyof Event

const NAME_CHARS: Partial<Record<FieldName, number>> = {
  message: LIMITS.messageCharsMax,
  stack: LIMITS.stackCharsMax,
  route: LIMITS.routeCharsMax,
}
const ID = /^[A-Za-z0-9_-]{1,64}$/

/** Zigzag, as Avro writes int, long and lengths; exact up to 2^53. */
function readLong(w: Walk): number {
  let zigzag = 0
  let scale = 1
  for (let byte = 0x80; byte >= 0x80; scale *= 0x80) {
    byte = w.bytes[w.at++] ?? 0
    zigzag += (byte & 0x7f) * scale
  }
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
}

function refuse(w: Walk, path: string, problem: string): void {
  w.problem ||= `${path} ${problem}`
}

/** Returns its bytes; more bytes than characters are looked at only where they could be too many. */
function skipText(w: Walk, path: string, charsMax: number): number {
  const length = readLong(w)
  const end = w.at + length
  if (length > charsMax) {
    const isLong = length > charsMax * 3 || w.bytes.toString('utf8', w.at, end).length > charsMax
    if (isLong) refuse(w, path, `has more than ${charsMax} characters`)
  }
  w.at = end
  return length
}

/** Blocks of elements, as Avro writes arrays and maps. */
function skipBlocks(
  w: Walk,
  path: string,
  { countMax, element }: { countMax: number; element: (w: Walk) => void },
): void {
  let total = 0
  for (;;) {
    let count = readLong(w)
    if (count === 0) return
    if (count < 0) {
      count = -count
      readLong(w)
    }
    total += count
    if (total > countMax) return refuse(w, path, `has more than ${countMax} entries`)
    for (let index = 0; index < count; index++) element(w)
  }
}

function text(name: FieldName, isNeeded = false): Step {
  const charsMax = NAME_CHARS[name] ?? LIMITS.nameCharsMax
  return (w) => {
    const length = skipText(w, name, charsMax)
    if (isNeeded && length === 0) refuse(w, name, 'is required')
  }
}

const time =
  (name: FieldName): Step =>
  (w) => {
    const ms = readLong(w)
    if (!(ms >= TIME_MS_MIN && ms <= TIME_MS_MAX)) refuse(w, name, `is no time: ${ms}`)
  }

const whole =
  (name: FieldName, range: { from: number; to: number }): Step =>
  (w) => {
    const value = readLong(w)
    if (!(value >= range.from && value <= range.to))
      refuse(w, name, `must be ${range.from} to ${range.to}, not ${value}`)
  }

const list = (name: FieldName, countMax: number, charsMax: number): Step => {
  const element = (w: Walk): void => void skipText(w, name, charsMax)
  return (w) => skipBlocks(w, name, { countMax, element })
}

const map = (name: FieldName, charsMax: number): Step => {
  const element = (w: Walk): void => {
    skipText(w, name, LIMITS.attributeNameCharsMax)
    skipText(w, name, charsMax)
  }
  return (w) => skipBlocks(w, name, { countMax: LIMITS.attributesMax, element })
}

const checks: Partial<Record<FieldName, Step>> = {
  project: (w) => {
    const from = w.at
    text('project', true)(w)
    // Keys are made of project and service with a slash between.
    if (w.bytes.subarray(from, w.at).includes('/')) refuse(w, 'project', 'must not hold a slash')
  },
  event_id: (w) => {
    const length = readLong(w)
    const id = w.bytes.toString('latin1', w.at, w.at + Math.min(length, LIMITS.eventIdCharsMax + 1))
    if (!ID.test(id)) refuse(w, 'event_id', 'must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -')
    w.at += length
  },
  id_made: (w) => void w.at++,
  event_type: (w) => void readLong(w),
  occurred_at: time('occurred_at'),
  received_at: time('received_at'),
  service: text('service', true),
  environment: text('environment', true),
  severity: whole('severity', { from: 1, to: 5 }),
  status_code: whole('status_code', { from: 0, to: 999 }),
  duration_ms: (w) => {
    if (readLong(w) === 0) return
    const duration = w.bytes.readDoubleLE(w.at)
    if (!(duration >= 0 && duration < Infinity)) refuse(w, 'duration_ms', 'must be 0 or more')
    w.at += 8
  },
  tags: list('tags', LIMITS.tagsMax, LIMITS.tagCharsMax),
  attributes: map('attributes', LIMITS.attributeCharsMax),
  attribute_kinds: map('attribute_kinds', LIMITS.nameCharsMax),
  flags: list('flags', LIMITS.flagsMax, LIMITS.nameCharsMax),
}

const FIELDS = (JSON.parse(AVRO_SCHEMAS.Event) as { fields: { name: FieldName }[] }).fields
const STEPS: readonly Step[] = FIELDS.map(({ name }) => checks[name] ?? text(name))
