import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecoder, encode } from './codec.ts'
import { LIMITS, canonicalize, restoreAttributes } from './event-input.ts'
import type { InputContext } from './event-input.ts'
import { parseTime } from './event-input-time.ts'
import type { Event } from './records.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 3, 30)
const CONTEXT: InputContext = { project: 'shop', nowMs: NOW_MS, makeId: () => 'made-1' }

function accepted(input: unknown, context = CONTEXT): Event {
  const result = canonicalize(input, context)
  if (!result.ok) throw new Error(`${result.path}: ${result.message}`)
  return result.event
}
const path = (input: unknown): string | undefined => {
  const result = canonicalize(input, CONTEXT)
  return result.ok ? undefined : result.path
}
const BASE = { event_type: 'error', service: 'checkout' }

describe('an event at the door', () => {
  it('[A3] fills in what is missing', () => {
    expect(accepted(BASE)).toMatchObject({
      project: 'shop',
      event_id: 'made-1',
      id_made: true,
      occurred_at: NOW_MS,
      received_at: NOW_MS,
      environment: 'prod',
      severity: 4,
      flags: ['time_made'],
    })
  })

  it('takes camel case and other systems’ names; a field’s own name wins, and nothing is lost', () => {
    const event = accepted({
      eventType: 'error',
      metadata: { service: 'payment-service', region: 'eu' },
      errorType: 'CARD_DECLINED',
      env: 'staging',
      level: 'warn',
      traceId: 't-1',
      timestamp: NOW_MS,
      requestId: 17,
    })
    expect(event).toMatchObject({
      service: 'payment-service',
      error_code: 'CARD_DECLINED',
      environment: 'staging',
      severity: 3,
      trace_id: 't-1',
      request_id: '17',
      occurred_at: NOW_MS,
      attributes: { service: 'payment-service', region: 'eu' },
    })
    for (const input of [
      { ...BASE, error_code: 'A', errorType: 'B' },
      { ...BASE, errorType: 'B', error_code: 'A' },
    ])
      expect(accepted(input)).toMatchObject({ error_code: 'A', attributes: { errorType: 'B' } })
  })

  it('keeps unknown fields as attributes, beside one of the same name', () => {
    const event = accepted({
      ...BASE,
      region: 'eu',
      project: 'theirs',
      attributes: { region: 'us' },
    })
    expect(event.project).toBe('shop')
    expect(event.attributes).toEqual({ region: 'us', 'event.region': 'eu', project: 'theirs' })
  })

  it.each([
    ['debug', 1],
    ['TRACE', 1],
    ['info', 2],
    ['notice', 2],
    ['warn', 3],
    ['Warning', 3],
    ['error', 4],
    ['high', 4],
    ['critical', 5],
    ['FATAL', 5],
    ['4', 4],
    [5, 5],
  ] as const)('reads the severity %s as %i', (severity, level) => {
    expect(accepted({ ...BASE, severity }).severity).toBe(level)
  })

  it('tells a missing severity from type and status', () => {
    const request = (status: number) => ({
      ...BASE,
      event_type: 'http_request',
      status_code: status,
    })
    expect([200, 404, 503].map((status) => accepted(request(status)).severity)).toEqual([2, 3, 4])
    expect(accepted({ ...BASE, event_type: 'deploy' }).severity).toBe(2)
  })

  it('keeps a list of frames as JSON, whole frames only', () => {
    const frame = { function: 'pay', file: 'pay.ts', line: 7, column: 3, in_app: true, noise: {} }
    const { stack, flags } = accepted({ ...BASE, stack: [frame] })
    expect(JSON.parse(stack)).toEqual([
      { function: 'pay', file: 'pay.ts', line: 7, column: 3, in_app: true },
    ])
    expect(flags).toEqual(['time_made'])
    const long = accepted({
      ...BASE,
      stack: Array.from({ length: 400 }, (_, line) => ({ function: 'f'.repeat(900), line })),
    })
    const kept = JSON.parse(long.stack) as { line: number }[]
    expect(long.stack.length).toBeLessThanOrEqual(LIMITS.stackCharsMax)
    expect(kept.map(({ line }) => line)).toEqual(kept.map((_, index) => index))
    expect(long.flags).toContain('truncated:stack')
  })

  it('gives received_at to files only, and never to the door', () => {
    const input = { ...BASE, received_at: 5_000 }
    expect(accepted(input)).toMatchObject({
      received_at: NOW_MS,
      attributes: { received_at: '5000' },
    })
    expect(accepted(input, { ...CONTEXT, trustReceivedAt: true }).received_at).toBe(5_000)
  })

  it('names the place of what it refuses', () => {
    expect(path({ ...BASE, attributes: { a: { b: 'x' }, ['k'.repeat(300)]: 1 } })).toMatch(
      /^attributes\.k+$/,
    )
    expect(path({ ...BASE, attributes: { big: Array.from({ length: 2_000 }, () => 0) } })).toBe(
      'attributes.big',
    )
    expect(path({ ...BASE, metadata: 'x' })).toBe('metadata')
    expect(path({ ...BASE, timestamp: 'soon' })).toBe('timestamp')
    expect(path([BASE])).toBe('')
  })

  it('bounds its flags', () => {
    const long = 'a'.repeat(LIMITS.attributeCharsMax + 1)
    const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, long]))
    const { flags } = accepted({ ...BASE, attributes })
    expect(flags).toHaveLength(LIMITS.flagsMax)
    expect(flags.at(-1)).toBe('more')
  })

  it('holds nothing back from one event to the next', () => {
    accepted({ ...BASE, message: 'first', route: '/a', unknown: 1, attributes: { x: 1 } })
    canonicalize({ ...BASE, severity: 'wrong', user_id: 'u' }, CONTEXT)
    expect(accepted(BASE)).toMatchObject({ message: '', route: '', user_id: '', attributes: {} })
  })
})

describe('properties', () => {
  const attribute = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.array(fc.integer(), { maxLength: 5 }),
    fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.integer(), { maxKeys: 3 }),
  )
  const name = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((n) => n !== '__proto__' && !n.includes('\0'))

  it('[A7] attributes come back as they were sent, through Avro and back', () => {
    const decoder = createDecoder('Event')
    fc.assert(
      fc.property(fc.dictionary(name, attribute, { maxKeys: 20 }), (attributes) => {
        const sent = JSON.parse(JSON.stringify(attributes)) as Record<string, unknown>
        const stored = decoder.decode(encode('Event', 1, accepted({ ...BASE, attributes: sent })))
        const restored = restoreAttributes(stored.attributes, stored.attribute_kinds)
        for (const [key, value] of Object.entries(sent))
          if (typeof value !== 'string' || !value.includes('\0'))
            expect(restored[key]).toEqual(value)
      }),
      { numRuns: 300 },
    )
  })

  it('every accepted event encodes, and decodes to itself', () => {
    const decoder = createDecoder('Event')
    const wild = fc.dictionary(
      fc.constantFrom(
        'message',
        'severity',
        'stack',
        'tags',
        'route',
        'status_code',
        'occurred_at',
        'user_id',
        'x',
      ),
      fc.jsonValue({ stringUnit: 'binary' }),
    )
    fc.assert(
      fc.property(wild, (fields) => {
        const result = canonicalize({ ...BASE, ...fields }, CONTEXT)
        if (!result.ok) return
        expect(decoder.decode(encode('Event', 1, result.event))).toEqual(result.event)
      }),
      { numRuns: 500 },
    )
  })

  it('reads every RFC 3339 time as Date does', () => {
    const date = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(date, fc.integer({ min: -23 * 60, max: 23 * 60 }), (at, minutes) => {
        expect(parseTime(at.toISOString())?.ms).toBe(at.getTime())
        const zone = `${minutes < 0 ? '-' : '+'}${pad(Math.abs(minutes) / 60)}:${pad(Math.abs(minutes) % 60)}`
        const text = at.toISOString().replace('Z', zone)
        expect(parseTime(text)?.ms).toBe(at.getTime() - minutes * 60_000)
      }),
    )
  })

  it.each([
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00+0100',
    '2026-01-01',
    '2026-01-01T00:00:00Zx',
    '20260101T000000Z',
    '',
    'NaN',
    '1e400',
    '١٢٣',
  ])('%j is no time', (text) => {
    expect(parseTime(text)).toBeUndefined()
  })

  it('a leap second is the last millisecond of its minute', () => {
    expect(parseTime('2016-12-31T23:59:60.5Z')?.ms).toBe(Date.UTC(2016, 11, 31, 23, 59, 59, 999))
  })
})

function pad(value: number): string {
  return String(Math.floor(value)).padStart(2, '0')
}
