import { describe, expect, it } from 'vitest'
import { AVRO_SCHEMAS } from './avro-schemas.ts'
import { encode } from './codec.ts'
import { eventProblem } from './event-check.ts'
import { canonicalize, LIMITS } from './event-input.ts'
import type { Event } from './records.ts'

const NOW_MS = Date.UTC(2026, 10, 25)

function doorEvent(input: Record<string, unknown> = {}): Event {
  const fields = { event_type: 'error', service: 'web', duration_ms: 12.5, ...input }
  const made = canonicalize(fields, { project: 'p', nowMs: NOW_MS, makeId: () => 'id-1' })
  if (!made.ok) throw new Error(made.message)
  return made.event
}

const problemOf = (event: Event): string => eventProblem(encode('Event', 1, event))

describe('events that did not come through the door', () => {
  it('[A5] what the door lets through passes, at its very bounds too', () => {
    const many = Object.fromEntries(
      Array.from({ length: LIMITS.attributesMax }, (_, at) => [`a${at}`, 'ä'.repeat(20)]),
    )
    const events = [
      doorEvent(),
      doorEvent({ message: 'ü'.repeat(LIMITS.messageCharsMax + 5), occurred_at: 0 }),
      doorEvent({ attributes: many, tags: Array(LIMITS.tagsMax).fill('t'.repeat(256)) }),
      doorEvent({ stack: 'x'.repeat(LIMITS.stackCharsMax), duration_ms: null, level: 'fatal' }),
    ]
    for (const event of events) expect(problemOf(event)).toBe('')
  })

  const long = 'n'.repeat(LIMITS.nameCharsMax + 1)
  const wrong: readonly [Partial<Event>, string][] = [
    [{ project: '' }, 'project'],
    [{ project: 'a/b' }, 'project'],
    [{ service: '' }, 'service'],
    [{ event_id: '' }, 'event_id'],
    [{ event_id: 'a b' }, 'event_id'],
    [{ event_id: 'x'.repeat(65) }, 'event_id'],
    [{ severity: 0 }, 'severity'],
    [{ severity: 6 }, 'severity'],
    [{ status_code: 1000 }, 'status_code'],
    [{ status_code: -1 }, 'status_code'],
    [{ duration_ms: -1 }, 'duration_ms'],
    [{ duration_ms: Number.NaN }, 'duration_ms'],
    [{ occurred_at: 8e15 }, 'occurred_at'],
    [{ received_at: -8e15 }, 'received_at'],
    [{ release: long }, 'release'],
    [{ trace_id: long }, 'trace_id'],
    [{ message: 'm'.repeat(LIMITS.messageCharsMax + 1) }, 'message'],
    [{ tags: Array<string>(LIMITS.tagsMax + 1).fill('t') }, 'tags'],
    [{ tags: [long] }, 'tags'],
    [{ attributes: { [long]: '' } }, 'attributes'],
    [{ attributes: { a: 'v'.repeat(LIMITS.attributeCharsMax + 1) } }, 'attributes'],
    [{ flags: Array<string>(LIMITS.flagsMax + 1).fill('f') }, 'flags'],
  ]
  it.each(wrong)('[A5] %o is refused by the name of its field', (change, field) => {
    expect(problemOf({ ...doorEvent(), ...change })).toMatch(new RegExp(`^${field} `))
  })

  it('[A5] bytes behind the event are noticed', () => {
    const bytes = encode('Event', 1, doorEvent())
    expect(eventProblem(Buffer.concat([bytes, Buffer.from([0])]))).toContain('behind')
  })

  it('every field of the schema is walked over in its order', () => {
    const { fields } = JSON.parse(AVRO_SCHEMAS.Event) as { fields: { name: keyof Event }[] }
    // A text in the last field's place would be read as something else, and end elsewhere.
    expect(fields.at(-1)?.name).toBe('flags')
    expect(problemOf(doorEvent({ user_id: 'u', trace_id: 't', route: '/r' }))).toBe('')
  })
})
