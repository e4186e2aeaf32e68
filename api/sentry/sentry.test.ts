import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { groupInputOf } from '#/processors/domain/grouping/group-input.ts'
import { LIMITS } from '#/schemas/event-input.ts'
import { DSNS_MAX } from './dsns.ts'
import { parseEnvelope } from './envelope.ts'
import { SENTRY_EVENT, SENTRY_TRANSACTION, envelope } from './test-envelopes.ts'

interface DsnView {
  dsn: string
  project_number: string
  public_key: string
}

let test: TestApp
let dsn: DsnView
beforeEach(async () => {
  test = await createTestApp()
  dsn = await dsnOf('/api/projects/default/dsn')
})
afterEach(() => test.close())

async function dsnOf(url: string): Promise<DsnView> {
  const { body, status } = await test.get(url)
  expect(status).toBe(200)
  return body as unknown as DsnView
}

interface Wish {
  path?: string
  headers?: Record<string, string>
  number?: string
}

/** Sends as an SDK does, which puts the public key into a header. */
function send(body: string | Buffer, wish: Wish = {}) {
  const { path = 'envelope/', number = dsn.project_number, headers } = wish
  return test.post(body, {
    url: `/api/${number}/${path}`,
    key: null,
    headers: {
      'content-type': 'text/plain',
      'x-sentry-auth': `Sentry sentry_version=7, sentry_client=x/1, sentry_key=${dsn.public_key}`,
      ...headers,
    },
  })
}

const ONE = [{ type: 'event', payload: SENTRY_EVENT }]

describe('an event of an SDK', () => {
  it('[A17] has the id of the envelope when it names none itself, so that a retry counts once', async () => {
    const { event_id: id, ...payload } = SENTRY_EVENT
    const [, ...rest] = envelope([{ type: 'event', payload }]).split('\n')
    const { status, body } = await send([JSON.stringify({ event_id: id }), ...rest].join('\n'))
    expect([status, body]).toEqual([200, { id }])
    expect(await test.rawEvents()).toMatchObject([{ event_id: id, id_made: false }])
  })

  it('is an error with its stack, and all else that helps to find the cause', async () => {
    const { status, body } = await send(envelope(ONE))
    expect([status, body]).toEqual([200, { id: SENTRY_EVENT.event_id }])
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({
      event_type: 'error',
      event_id: SENTRY_EVENT.event_id,
      occurred_at: 1_795_750_200_123,
      service: 'shop-backend',
      environment: 'staging',
      release: 'shop-backend@2.4.1',
      host: 'web-6d9f',
      severity: 4,
      message: 'payment 4711 failed',
      error_type: 'PaymentError',
      route: '/api/checkout/:id',
      method: 'POST',
      user_id: 'u-1182',
      request_id: 'r-90aa',
      trace_id: '5b8efff798038103d269b633813fc60c',
      span_id: 'eee19b7ec3c1b174',
      parent_span_id: 'eee19b7ec3c1b173',
    })
    const { attributes } = event!
    expect(attributes).toMatchObject({
      region: 'eu-1',
      plan: 'pro',
      handled: 'false',
      'extra.cart': '{"items":3}',
      'extra.password': '[removed]',
      'runtime.name': 'node',
      'contexts.cart': '{"total":12}',
      sdk: 'sentry.javascript.node/11.0.0',
    })
    expect(JSON.parse(attributes['breadcrumbs']!)).toEqual([
      { timestamp: '1795750199', category: 'http', message: 'GET /a 200' },
      { timestamp: '1795750200', category: 'console', level: 'log', message: 'about to charge' },
    ])
    expect(JSON.parse(attributes['exception.causes']!)).toMatchObject([{ type: 'ConnectionError' }])
    expect(JSON.stringify(attributes)).not.toContain('sid=1')
  })

  it('gives grouping its frames, the place where it broke first', async () => {
    await send(envelope(ONE))
    const [event] = await test.rawEvents()
    const { frames } = groupInputOf(event!)
    expect(frames?.map((frame) => frame.function)).toEqual(['charge', 'checkout', 'run'])
    expect(frames?.[1]).toEqual({
      function: 'checkout',
      file: '/app/src/checkout.js',
      module: 'checkout',
      line: 31,
      column: 9,
      in_app: true,
    })
  })

  it('[A17] is grouped as its user told the SDK', async () => {
    const event = { ...SENTRY_EVENT, fingerprint: ['{{ default }}', 'tenant', 7] }
    const body = JSON.stringify({ ...event, event_id: 'ab'.repeat(16) })
    expect((await send(body, { path: 'store/' })).status).toBe(200)
    const [stored] = await test.rawEvents()
    expect(groupInputOf(stored!).sent).toEqual(['{{ default }}', 'tenant', '7'])
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('may be compressed: %s', async (name, compress) => {
    const headers = { 'content-encoding': name }
    expect((await send(compress(envelope(ONE)), { headers })).status).toBe(200)
    expect(await test.rawEvents()).toHaveLength(1)
  })

  it('comes to the store of old too, and a message is no error unless it says so', async () => {
    const message = { message: 'job done', level: 'info', tags: [['service', 'jobs']] }
    expect((await send(JSON.stringify(message), { path: 'store/' })).status).toBe(200)
    const failed = { logentry: { message: 'job %s', formatted: 'job 7' }, level: 'fatal' }
    expect((await send(JSON.stringify(failed), { path: 'store/' })).status).toBe(200)
    const events = await test.rawEvents()
    const seen = events.map((event) =>
      [event.service, event.event_type, event.severity, event.message].join(' '),
    )
    expect(new Set(seen)).toEqual(new Set(['jobs custom 2 job done', 'sentry error 5 job 7']))
  })

  it('what is nested without end or far too long costs the event nothing', async () => {
    let deep: unknown = 'end'
    for (let level = 0; level < 60; level += 1) deep = { deep }
    const wide = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`k${at}`, at]))
    const crumbs = Array.from({ length: 500 }, () => ({ message: 'x'.repeat(5_000) }))
    const odd = {
      ...SENTRY_EVENT,
      extra: { deep, wide, ['n'.repeat(900)]: 1 },
      contexts: { own: { deep } },
      breadcrumbs: { values: crumbs },
      exception: { values: [null, { stacktrace: { frames: 7 } }] },
      user: 'nobody',
      request: [],
    }
    expect((await send(envelope([{ type: 'event', payload: odd }]))).status).toBe(200)
    const [event] = await test.rawEvents()
    expect(JSON.parse(event!.attributes['breadcrumbs']!).length).toBeGreaterThan(10)
  })
})

describe('other items', () => {
  it('a server’s transaction is a request, and its calls tie services', async () => {
    await send(envelope([{ type: 'transaction', payload: SENTRY_TRANSACTION }]))
    const events = await test.rawEvents()
    expect(events).toHaveLength(2)
    expect(events[0]).toMatchObject({
      event_type: 'http_request',
      service: 'orders',
      route: '/api/orders/:id',
      method: 'GET',
      status_code: 502,
      duration_ms: 250,
      occurred_at: 1_795_750_200_500,
    })
    expect(events[1]).toMatchObject({
      event_type: 'custom',
      message: '',
      span_id: 'bbb19b7ec3c1b174',
      attributes: { 'span.kind': 'client', 'server.address': 'stock' },
    })
  })

  it('sessions, reports and attachments are accepted and counted, not kept', async () => {
    const items = ['session', 'sessions', 'client_report', 'attachment', 'something_new']
    const body = envelope(items.map((type) => ({ type, payload: '{}' })))
    const { status, text } = await send(body)
    expect([status, text]).toEqual([200, '{}'])
    expect(await test.rawEvents()).toEqual([])
    for (const what of [...items.slice(0, 4), 'other'])
      expect(test.metrics.read('faultline_ingest_skipped_total', { what })).toBe(1)
  })

  it('spans and logs that come one by one are what OpenTelemetry’s are', async () => {
    const attribute = (value: unknown) => ({ value, type: 'string' })
    const attributes = {
      'sentry.op': attribute('http.server'),
      'sentry.release': attribute('orders@2'),
      'sentry.environment': attribute('staging'),
      'http.response.status_code': attribute(503),
      'device.memory_size': attribute(1),
    }
    const trace = { trace_id: '5b8efff798038103d269b633813fc60c', attributes }
    const span = {
      ...trace,
      span_id: 'aaa19b7ec3c1b174',
      name: 'GET /api/orders/:id',
      start_timestamp: 1_795_750_200.5,
      end_timestamp: 1_795_750_200.75,
      status: 'error',
    }
    const log = { ...trace, timestamp: 1_795_750_200.5, level: 'warn', body: 'slow' }
    await send(
      envelope([
        { type: 'span', payload: { version: 2, items: [span, { name: 'no ids' }] } },
        { type: 'log', payload: { items: [log] } },
      ]),
    )
    const events = await test.rawEvents()
    expect(events).toMatchObject([
      {
        event_type: 'http_request',
        service: 'orders',
        environment: 'staging',
        route: '/api/orders/:id',
        status_code: 503,
        duration_ms: 250,
      },
      { event_type: 'custom', service: 'orders', severity: 3, message: 'slow' },
    ])
    expect(Object.keys(events[0]!.attributes)).not.toContain('device.memory_size')
  })

  it('what users write is feedback', async () => {
    const contexts = { feedback: { message: 'it is slow', url: 'https://shop.example/a' } }
    await send(envelope([{ type: 'feedback', payload: { event_id: 'a'.repeat(32), contexts } }]))
    expect((await test.rawEvents())[0]).toMatchObject({
      event_type: 'feedback',
      message: 'it is slow',
      attributes: { 'feedback.url': 'https://shop.example/a' },
    })
  })
})

describe('the DSN', () => {
  it('can be read again, has a number and a key in hexadecimal, and only sends', async () => {
    expect(dsn.dsn).toMatch(/^http:\/\/[0-9a-f]{32}@localhost(:\d+)?\/\d+$/)
    expect(await dsnOf('/api/projects/default/dsn')).toEqual(dsn)
    const read = await test.get('/api/events', { authorization: `Bearer ${dsn.public_key}` })
    expect(read.status).toBe(401)
    expect((await test.get('/api/projects/nowhere/dsn')).status).toBe(404)
    const foreign = await test.get('/api/projects/nowhere/dsn', { 'x-api-key': test.readKey })
    expect(foreign.status).toBe(403)
  })

  it('of a service names it for events that do not', async () => {
    dsn = await dsnOf('/api/projects/default/dsn?service=cart')
    const { release: _, ...event } = SENTRY_EVENT
    await send(envelope([{ type: 'event', payload: event }]))
    expect((await test.rawEvents())[0]).toMatchObject({ service: 'cart', project: 'default' })
  })

  it('of services are bounded, since whoever may read can ask for one', async () => {
    const { dsns } = test.deps
    for (let at = 1; at < DSNS_MAX; at += 1)
      await dsns?.dsnOf({ project: 'default', service: `s${at}` })
    const { status, body } = await test.get('/api/projects/default/dsn?service=more')
    expect([status, body['code']]).toEqual([409, 'conflict'])
    expect((await test.get('/api/projects/default/dsn?service=s1')).status).toBe(200)
  })

  it('is taken from a header, the query or the envelope; a wrong one is refused', async () => {
    const body = envelope(ONE)
    const none = { 'x-sentry-auth': '' }
    const sent = async (wish: Wish, text = body) => (await send(text, wish)).status
    const query = `envelope/?sentry_key=${dsn.public_key}&sentry_version=7&sentry_client=a%2F1`
    expect(await sent({ headers: none, path: query })).toBe(200)
    const basic = { ...none, authorization: `Sentry sentry_key=${dsn.public_key}` }
    expect(await sent({ headers: basic })).toBe(200)
    expect(await sent({ headers: none }, envelope(ONE, { dsn: dsn.dsn }))).toBe(200)

    expect(await sent({ headers: none })).toBe(401)
    expect(await sent({ number: '1' })).toBe(401)
    expect(
      await sent({ headers: { 'x-sentry-auth': `Sentry sentry_key=${'0'.repeat(32)}` } }),
    ).toBe(401)
    expect(await sent({ headers: none }, envelope(ONE, { dsn: 'http://[' }))).toBe(401)
    expect(await test.rawEvents()).toHaveLength(3)
  })

  it('is exchanged by an administrator, and the one before stops working', async () => {
    const url = '/api/projects/default/dsn/rotate'
    expect((await test.post('', { url, key: test.readKey })).status).toBe(403)
    expect((await test.post('', { url, key: test.adminKey })).status).toBe(200)
    expect((await send(envelope(ONE))).status).toBe(401)
    dsn = await dsnOf('/api/projects/default/dsn')
    expect((await send(envelope(ONE))).status).toBe(200)
  })
})

describe('pages of other sites', () => {
  const origin = { origin: 'https://shop.example' }

  it('may send here, and nowhere else', async () => {
    const answer = await send(envelope(ONE), { headers: origin })
    expect(answer.status).toBe(200)
    expect(answer.headers['access-control-allow-origin']).toBe('*')
    const preflight = await test.app.inject({
      method: 'OPTIONS',
      url: `/api/${dsn.project_number}/envelope/`,
      headers: { ...origin, 'access-control-request-method': 'POST' },
    })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers['access-control-allow-headers']).toContain('x-sentry-auth')
    const elsewhere = await test.post({}, { headers: origin })
    expect(elsewhere.status).toBe(403)
    expect(elsewhere.headers['access-control-allow-origin']).toBeUndefined()
    const other = await test.app.inject({ method: 'OPTIONS', url: '/v1/events' })
    expect(other.statusCode).toBe(405)
  })
})

describe('bad input', () => {
  it.each([
    ['no JSON', 'hello'],
    ['a payload that ends too early', '{}\n{"type":"event","length":100}\n{}'],
    ['a length that is none', '{}\n{"type":"event","length":-1}\n{}'],
    ['an item without JSON', '{}\n{"type":"event"}\nnothing'],
    ['a list', '{}\n{"type":"event"}\n[]'],
  ])('%s is refused', async (_, body) => {
    const { status, headers, body: problem } = await send(body)
    expect(status).toBe(400)
    expect(headers['x-sentry-error']).toBeTruthy()
    expect(problem['remedy']).toBeTruthy()
    expect(await test.rawEvents()).toEqual([])
  })

  it('50 MB get 413, also when they come as a few kilobytes', async () => {
    const huge = Buffer.alloc(50 * 1024 * 1024, 'a')
    expect((await send(huge)).status).toBe(413)
    const bomb = await send(gzipSync(huge), { headers: { 'content-encoding': 'gzip' } })
    expect(bomb.status).toBe(413)
    expect((await send('{}\n'.repeat(LIMITS.batchEventsMax))).status).toBe(413)
    expect((await send(envelope(ONE))).status).toBe(200)
  })

  it('envelopes of any bytes are read or refused', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constant('\n'),
      fc.constant('{"type":"event","length":3}'),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        try {
          parseEnvelope(Buffer.from(parts.join('\n')))
        } catch (error) {
          if (!isFaultlineError(error)) throw error
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('a limit or a log that is away tells SDKs how long to be quiet', async () => {
    test.log.append = async () => {
      throw new FaultlineError('disk_full', 'No space left.')
    }
    const full = await send(envelope(ONE))
    expect(full.status).toBe(503)
    expect(full.headers['x-sentry-rate-limits']).toBe('5::organization:disk_full')
    await test.close()
    test = await createTestApp({ config: { eventsPerSecondMax: 1, eventsBurstMax: 1 } })
    dsn = await dsnOf('/api/projects/default/dsn')
    expect((await send(envelope([...ONE, ...ONE, ...ONE, ...ONE]))).status).toBe(200)
    const limited = await send(envelope(ONE))
    expect(limited.status).toBe(429)
    expect(limited.headers['retry-after']).toBe('4')
    expect(limited.headers['x-sentry-rate-limits']).toBe('4::organization:rate_limited')
  })
})
