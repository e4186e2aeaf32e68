/** Bad input at the door: each gets a clear answer, and nothing that was good is lost. */
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EVENT_FIELDS } from '#/schemas/reads.ts'
import { LIMITS } from '#/schemas/event-input.ts'
import { createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
})
afterEach(() => test.close())

const EVENT = { event_type: 'error', service: 'checkout', message: 'Boom' }
const refused: [string, unknown, string, string | undefined][] = [
  ['not JSON', '{"event_type": ', 'invalid_json', undefined],
  ['an empty body', '', 'invalid_json', undefined],
  ['a text', '"hello"', 'invalid_event', ''],
  ['a number', '42', 'invalid_event', ''],
  ['null', 'null', 'invalid_event', ''],
  ['a missing type', { service: 'a' }, 'invalid_event', 'event_type'],
  ['an unknown type', { ...EVENT, event_type: 'boom' }, 'invalid_event', 'event_type'],
  ['a missing service', { event_type: 'error' }, 'invalid_event', 'service'],
  ['a blank service', { ...EVENT, service: ' ' }, 'invalid_event', 'service'],
  ['a service that is a list', { ...EVENT, service: ['a'] }, 'invalid_event', 'service'],
  ['a service of 10 kB', { ...EVENT, service: 'a'.repeat(10_000) }, 'invalid_event', 'service'],
  ['an id with blanks', { ...EVENT, event_id: 'a b' }, 'invalid_event', 'event_id'],
  ['an id of 65 characters', { ...EVENT, event_id: 'a'.repeat(65) }, 'invalid_event', 'event_id'],
  ['a severity of 9', { ...EVENT, severity: 9 }, 'invalid_event', 'severity'],
  ['a severity of 3.5', { ...EVENT, severity: 3.5 }, 'invalid_event', 'severity'],
  ['a severity by no name', { ...EVENT, severity: 'loud' }, 'invalid_event', 'severity'],
  ['a time that is none', { ...EVENT, occurred_at: 'yesterday' }, 'invalid_event', 'occurred_at'],
  [
    '30 February',
    { ...EVENT, occurred_at: '2026-02-30T00:00:00Z' },
    'invalid_event',
    'occurred_at',
  ],
  ['a message that is an object', { ...EVENT, message: { a: 1 } }, 'invalid_event', 'message'],
  ['a status of 1e9', { ...EVENT, status_code: 1e9 }, 'invalid_event', 'status_code'],
  ['a negative duration', { ...EVENT, duration_ms: -1 }, 'invalid_event', 'duration_ms'],
  ['tags that are text', { ...EVENT, tags: 'a,b' }, 'invalid_event', 'tags'],
  ['a tag that is an object', { ...EVENT, tags: ['a', {}] }, 'invalid_event', 'tags[1]'],
  ['attributes that are a list', { ...EVENT, attributes: [1] }, 'invalid_event', 'attributes'],
  [
    '10,000 attributes',
    {
      ...EVENT,
      attributes: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`a${i}`, i])),
    },
    'invalid_event',
    'attributes',
  ],
  [
    '10,000 unknown fields',
    { ...EVENT, ...Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`a${i}`, i])) },
    'invalid_event',
    'attributes',
  ],
  [
    'an attribute nested 100,000 levels deep',
    `{"event_type":"error","service":"a","attributes":{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    'invalid_event',
    'attributes.deep',
  ],
  ['a million brackets', '['.repeat(1_000_000), 'invalid_json', undefined],
  ['a stack of numbers', { ...EVENT, stack: [1] }, 'invalid_event', 'stack[0]'],
]

describe('refused with the place', () => {
  it.each(refused)('%s', async (_, body, code, path) => {
    const answer = await test.post(body)
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toMatch('application/problem+json')
    expect(answer.body).toMatchObject({ code, status: 400 })
    expect(answer.body['path']).toBe(path)
    expect(answer.body['remedy']).toBeTruthy()
    expect(await test.rawEvents()).toHaveLength(0)
    expect(test.problems).toEqual([])
  })

  it('10 MB and more', async () => {
    const big = JSON.stringify({ ...EVENT, message: 'a'.repeat(LIMITS.bodyBytesMax) })
    const { status, body } = await test.post(big)
    expect(status).toBe(413)
    expect(body).toMatchObject({ code: 'body_too_large' })
  })

  it('too many events in one body', async () => {
    const events = `[${'{},'.repeat(LIMITS.batchEventsMax)}{}]`
    expect((await test.post(events)).body['code']).toBe('body_too_large')
    const lines = '{}\n'.repeat(LIMITS.batchEventsMax + 1)
    const answer = await test.post(lines, { headers: { 'content-type': 'application/x-ndjson' } })
    expect(answer.body['code']).toBe('body_too_large')
  })

  it('bytes that are not UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('{"event_type":"error","service":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ])
    expect((await test.post(body)).body).toMatchObject({ code: 'invalid_encoding', status: 400 })
  })

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/xml', 415],
    ['no/such;;;type', 415],
  ])('content type %s', async (type, status) => {
    const answer = await test.post(EVENT, { headers: { 'content-type': type } })
    expect(answer.status).toBe(status)
    expect(answer.body['code']).toBe('unsupported_media_type')
  })

  it('compression that is cut, damaged, unknown, or a bomb', async () => {
    const whole = gzipSync(JSON.stringify(EVENT))
    const gzip = { 'content-encoding': 'gzip' }
    const cut = await test.post(whole.subarray(0, whole.length - 9), { headers: gzip })
    expect(cut.body).toMatchObject({ code: 'invalid_encoding', status: 400 })
    const plain = await test.post(EVENT, { headers: gzip })
    expect(plain.body['code']).toBe('invalid_encoding')
    const unknown = await test.post(EVENT, { headers: { 'content-encoding': 'compress' } })
    expect(unknown.status).toBe(415)
    // 100 MB of blanks in about 100 kB or less.
    const blanks = Buffer.alloc(100 << 20, 32)
    for (const [encoding, bomb] of [
      ['gzip', gzipSync(blanks)],
      ['deflate', deflateSync(blanks)],
      ['br', brotliCompressSync(blanks, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
      ['zstd', zstdCompressSync(blanks)],
    ] as const) {
      expect(bomb.length).toBeLessThan(200_000)
      const headers = { 'content-encoding': encoding }
      const answer = await test.post(bomb, { headers })
      expect(answer.body, encoding).toMatchObject({ code: 'body_too_large', status: 413 })
      const damaged = await test.post(EVENT, { headers })
      expect(damaged.body, encoding).toMatchObject({ code: 'invalid_encoding', status: 400 })
    }
    expect(await test.rawEvents()).toHaveLength(0)
  })
})

describe('kept and flagged', () => {
  it('a message of 1 MB is cut, never inside a character', async () => {
    await test.post({ ...EVENT, message: `a${'😀'.repeat(500_000)}` })
    const [event] = await test.rawEvents()
    expect(event?.message.length).toBeLessThanOrEqual(LIMITS.messageCharsMax)
    expect(event?.message.isWellFormed()).toBe(true)
    expect(event?.flags).toContain('truncated:message')
    expect(event?.flags.some((flag) => flag.startsWith('repaired'))).toBe(false)
  })

  it('lone surrogates and NULs are replaced and named', async () => {
    const body = String.raw`{"event_type":"error","service":"check\u0000out","message":"a\ud800b","event_id":"x","user_id":"\udc00"}`
    expect((await test.post(body)).status).toBe(202)
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({ service: 'check�out', message: 'a�b', user_id: '�' })
    expect(new Set(event?.flags)).toEqual(
      new Set(['repaired:service', 'repaired:message', 'repaired:user_id', 'time_made']),
    )
  })

  it.each([
    ['1970-01-01T00:00:00Z', 0, ['past']],
    [0, 0, ['past']],
    ['2099-12-31T23:59:59.999+14:00', Date.UTC(2099, 11, 31, 9, 59, 59, 999), ['future']],
    [1_763_696_400, 1_763_696_400_000, ['time_seconds', 'past']],
    ['1763696400000', 1_763_696_400_000, ['past']],
    ['2026-11-21 03:29:59', Date.UTC(2026, 10, 21, 3, 29, 59), ['time_zone_assumed']],
    ['9999-12-31T00:00:00Z', Date.UTC(2299, 11, 31), ['future', 'time_clamped']],
    ['0001-01-01T00:00:00Z', Date.UTC(1900, 0, 1), ['past', 'time_clamped']],
  ])('the time %s', async (occurredAt, ms, flags) => {
    expect((await test.post({ ...EVENT, occurred_at: occurredAt })).status).toBe(202)
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({ occurred_at: ms, flags })
    if (flags.includes('time_clamped'))
      expect(event?.attributes['event.occurred_at']).toBe(occurredAt)
  })

  it('SQL, HTML and control characters in every field stay what they are', async () => {
    const nasty = `'; DROP TABLE events; -- <script>alert(1)</script> {{7*7}} \${x} \r\n\u001b[31m`
    const fields = ['message', 'error_type', 'error_code', 'route', 'host', 'release', 'user_id']
    const event = {
      ...EVENT,
      service: nasty,
      environment: nasty,
      ...Object.fromEntries(fields.map((field) => [field, nasty])),
      tags: [nasty],
      attributes: { [nasty]: nasty },
      [nasty]: nasty,
      stack: [{ function: nasty, file: nasty, line: 1 }],
    }
    const { status, text } = await test.post([event])
    expect(status).toBe(202)
    expect(text).toBe('{"accepted":1,"rejected":[]}')
    const [stored] = await test.rawEvents()
    for (const field of fields) expect(stored).toMatchObject({ [field]: nasty })
    expect(stored?.attributes).toMatchObject({ [nasty]: nasty, [`event.${nasty}`]: nasty })
    expect(JSON.parse(stored?.stack ?? '')).toEqual([{ function: nasty, file: nasty, line: 1 }])
  })

  it('__proto__ and constructor are names like any other', async () => {
    const body =
      '{"event_type":"error","service":"a","__proto__":{"polluted":1},"attributes":{"__proto__":"x","constructor":"y","toString":"z"}}'
    expect((await test.post(body)).status).toBe(202)
    const [event] = await test.rawEvents()
    expect(event?.attributes).toEqual({
      _proto_: 'x',
      'event._proto_': '{"polluted":1}',
      constructor: 'y',
      toString: 'z',
    })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('whatever is sent', () => {
  it('any JSON is answered, with 202 or 400 and never with a failure of ours', async () => {
    const field = fc.constantFrom(
      'event_type',
      'event_id',
      'occurred_at',
      'service',
      'severity',
      'message',
      'stack',
      'tags',
      'attributes',
      'status_code',
      'duration_ms',
      'metadata',
      'errorType',
      'x',
      '__proto__',
    )
    const wild = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(field, fc.jsonValue()).map((fields) => ({ ...EVENT, ...fields })),
    )
    await fc.assert(
      fc.asyncProperty(wild, async (body) => {
        const { status } = await test.post(body)
        return status === 202 || status === 400
      }),
      { numRuns: 300 },
    )
    expect(test.problems).toEqual([])
  })

  it('any bytes in any query are answered without a failure of ours', async () => {
    const name = fc.constantFrom('from', 'to', 'cursor', 'limit', 'q', 'format', ...EVENT_FIELDS)
    await fc.assert(
      fc.asyncProperty(name, fc.string({ unit: 'binary' }), async (param, value) => {
        const encoded = encodeURIComponent(value.toWellFormed())
        const { status } = await test.get(`/api/events?${param}=${encoded}`)
        return status === 200 || status === 400
      }),
      { numRuns: 200 },
    )
    expect(test.problems).toEqual([])
  })
})
