import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { encodeLogs, encodeTraces } from './test-encoder.ts'
import {
  START_MS,
  TRACE_ID,
  exception,
  log,
  logs,
  pairs,
  resource,
  span,
  traces,
} from './test-requests.ts'

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
})
afterEach(() => test.close())

const PROTOBUF = { 'content-type': 'application/x-protobuf' }
const sendTraces = (request: object) => test.post(request, { url: '/v1/traces' })
const sendLogs = (request: object) => test.post(request, { url: '/v1/logs' })
const byId = async () => new Map((await test.rawEvents()).map((event) => [event.event_id, event]))

const HTTP_NOW = {
  'http.request.method': 'GET',
  'http.route': '/api/orders/{id}',
  'http.response.status_code': 200,
  'url.path': '/api/orders/17',
}
const HTTP_OLD = {
  'http.method': 'GET',
  'http.route': '/api/orders/{id}',
  'http.status_code': 200,
  'http.target': '/api/orders/17?x=1',
}

describe('spans', () => {
  it.each([
    ['today’s names', HTTP_NOW],
    ['the names of old', HTTP_OLD],
  ])('a server span is an http_request: %s', async (_, attributes) => {
    const request = {
      resourceSpans: [
        {
          resource: resource('orders', {
            'service.version': 'v2.4.1',
            'deployment.environment.name': 'staging',
            'host.name': 'orders-6d9f',
            'cloud.region': 'eu-1',
            'telemetry.sdk.name': 'opentelemetry',
          }),
          scopeSpans: [
            {
              spans: [
                span({
                  spanId: 'eee19b7ec3c1b174',
                  parentSpanId: 'eee19b7ec3c1b173',
                  attributes: { ...attributes, 'enduser.id': 'u-7', 'session.id': 's-1' },
                }),
              ],
            },
          ],
        },
      ],
    }
    const { status, body } = await sendTraces(request)
    expect([status, body]).toEqual([200, {}])
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({
      event_type: 'http_request',
      event_id: `${TRACE_ID}-eee19b7ec3c1b174`,
      occurred_at: START_MS,
      service: 'orders',
      release: 'v2.4.1',
      environment: 'staging',
      host: 'orders-6d9f',
      severity: 2,
      route: '/api/orders/{id}',
      method: 'GET',
      status_code: 200,
      duration_ms: 41.5,
      user_id: 'u-7',
      session_id: 's-1',
      trace_id: TRACE_ID,
      span_id: 'eee19b7ec3c1b174',
      parent_span_id: 'eee19b7ec3c1b173',
    })
    expect(event?.attributes).toMatchObject({ 'cloud.region': 'eu-1', 'span.kind': 'server' })
    expect(Object.keys(event?.attributes ?? {})).not.toContain('telemetry.sdk.name')
  })

  it('protobuf says the same as JSON, gzip or not', async () => {
    const stack = 'TypeError: x\n    at charge (/app/src/pay.js:88:11)'
    const request = traces({
      service: 'orders',
      spans: [
        span({
          spanId: 'eee19b7ec3c1b174',
          attributes: { ...HTTP_NOW, flag: true, big: 12_345_678_901, list: ['a', 'b'], minus: -3 },
          events: [exception('TypeError', 'x', stack)],
          status: { code: 2, message: 'boom' },
        }),
      ],
    })
    await sendTraces(request)
    const fromJson = await test.rawEvents()
    await test.close()
    test = await createTestApp()
    const headers = { ...PROTOBUF, 'content-encoding': 'gzip' }
    const body = gzipSync(encodeTraces(request))
    const answer = await test.post(body, { url: '/v1/traces', headers })
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers['content-type']).toBe('application/x-protobuf')
    expect(await test.rawEvents()).toEqual(fromJson)
    expect(fromJson).toHaveLength(2)
    expect(fromJson[0]?.attributes).toMatchObject({
      flag: 'true',
      big: '12345678901',
      list: '["a","b"]',
      minus: '-3',
    })
  })

  it('an exception of a span is an error with its stack, beside the request', async () => {
    const stack = 'TypeError: no card\n    at charge (/app/src/pay.js:88:11)'
    await sendTraces(
      traces({
        service: 'orders',
        spans: [
          span({
            spanId: 'eee19b7ec3c1b174',
            attributes: { ...HTTP_NOW, 'http.response.status_code': 500 },
            events: [{ name: 'retry' }, exception('TypeError', 'no card', stack)],
            status: { code: 2 },
          }),
        ],
      }),
    )
    const events = await byId()
    expect([...events.keys()]).toEqual([
      `${TRACE_ID}-eee19b7ec3c1b174`,
      `${TRACE_ID}-eee19b7ec3c1b174-e0`,
    ])
    expect(events.get(`${TRACE_ID}-eee19b7ec3c1b174-e0`)).toMatchObject({
      event_type: 'error',
      error_type: 'TypeError',
      message: 'no card',
      stack,
      route: '/api/orders/{id}',
      status_code: 500,
      occurred_at: START_MS + 30,
      span_id: 'eee19b7ec3c1b174',
    })
  })

  it('a failure that runs through several spans of a service is told once, by the deepest', async () => {
    const failed = { code: 2, message: 'deadline exceeded' }
    const spans = [
      span({ spanId: '00000000000000a1', status: { code: 2 } }),
      span({ spanId: '00000000000000a2', parentSpanId: '00000000000000a1', kind: 1 }),
      span({
        spanId: '00000000000000a3',
        parentSpanId: '00000000000000a2',
        kind: 3,
        status: failed,
        attributes: { 'error.type': 'DeadlineExceeded' },
      }),
    ]
    await sendTraces(traces({ service: 'orders', spans }))
    const errors = (await test.rawEvents()).filter(({ event_type: type }) => type === 'error')
    expect(errors).toEqual([
      expect.objectContaining({
        event_id: `${TRACE_ID}-00000000000000a3-f`,
        message: 'deadline exceeded',
        error_type: 'DeadlineExceeded',
      }),
    ])
  })

  it('a step inside a service is not kept, and counted', async () => {
    await sendTraces(
      traces({ service: 'orders', spans: [span({ spanId: '00000000000000a1', kind: 1 })] }),
    )
    expect(await test.rawEvents()).toEqual([])
    expect(test.metrics.render()).toMatch(
      /faultline_ingest_skipped_total\{what="internal_span"\} 1\n/,
    )
  })

  it.each([
    [{ 'rpc.system': 'grpc', 'rpc.grpc.status_code': 14 }, 503],
    [{ 'rpc.system.name': 'grpc', 'rpc.response.status_code': 'NOT_FOUND' }, 404],
    [{ 'rpc.system': 'grpc', 'rpc.grpc.status_code': 0 }, 200],
  ])('a remote call is told in HTTP’s words: %j is %i', async (attributes, expected) => {
    const rpc = { 'rpc.service': 'shop.Cart', 'rpc.method': 'Add', ...attributes }
    const spans = [span({ spanId: '00000000000000a1', attributes: rpc })]
    await sendTraces(traces({ service: 'cart', spans }))
    expect((await test.rawEvents())[0]).toMatchObject({
      event_type: 'http_request',
      route: 'shop.Cart/Add',
      status_code: expected,
    })
  })

  it('a caller names the service that answers once a trace has told whose address it is', async () => {
    const call = (spanId: string, parent = '') =>
      span({
        spanId,
        parentSpanId: parent,
        kind: 3,
        attributes: { 'server.address': '10.0.0.4', 'server.port': 8080 },
      })
    const answer = span({ spanId: '00000000000000b1', parentSpanId: '00000000000000a2' })
    // Each service sends for itself: first the caller, whose other side nobody knows yet.
    await sendTraces(traces({ service: 'orders', spans: [call('00000000000000a2')] }))
    await sendTraces(traces({ service: 'payment', spans: [answer] }))
    await sendTraces(traces({ service: 'orders', spans: [call('00000000000000a3')] }))
    const events = await byId()
    const peerOf = (id: string) => events.get(`${TRACE_ID}-${id}`)?.attributes['peer.service']
    expect(peerOf('00000000000000a2')).toBeUndefined()
    expect(peerOf('00000000000000a3')).toBe('payment')
    expect(events.get(`${TRACE_ID}-00000000000000a3`)).toMatchObject({
      event_type: 'custom',
      message: '',
      route: 'to payment',
    })
    // A proxy: behind the same address another service answers too.
    const other = span({ spanId: '00000000000000c1', parentSpanId: '00000000000000a4' })
    await sendTraces(
      traces(
        { service: 'orders', spans: [call('00000000000000a4')] },
        { service: 'stock', spans: [other] },
      ),
    )
    await sendTraces(traces({ service: 'orders', spans: [call('00000000000000a5')] }))
    const later = await byId()
    expect(later.get(`${TRACE_ID}-00000000000000a5`)?.attributes['peer.service']).toBeUndefined()
  })

  it('spans that cannot be taken are a partial success, and the others are kept', async () => {
    const spans = [
      span({ spanId: '00000000000000a1' }),
      span({ spanId: '0000000000000000' }),
      span({ spanId: '00000000000000a3', traceId: 'abc' }),
      span({ spanId: '00000000000000a4', attributes: { [`n${'x'.repeat(300)}`]: 1 } }),
    ]
    const request = traces({ service: 'orders', spans })
    const { status, body } = await sendTraces(request)
    expect(status).toBe(200)
    expect(body).toEqual({
      partialSuccess: {
        rejectedSpans: '3',
        errorMessage: expect.stringMatching(/record 1: spanId .*record 2: traceId .*record 3: /),
      },
    })
    expect(await test.rawEvents()).toHaveLength(1)
    const answer = await test.post(encodeTraces(request), { url: '/v1/traces', headers: PROTOBUF })
    // ExportTraceServiceResponse: partial_success (1) with rejected_spans (1) of 3.
    expect(answer.status).toBe(200)
    expect([...Buffer.from(answer.text, 'latin1').subarray(0, 1)]).toEqual([0x0a])
    expect(answer.text).toContain('record 1: spanId')
  })
})

describe('log records', () => {
  it('a record with an exception or of level ERROR is an error, others are custom events', async () => {
    const stack = 'ValueError: bad\n  File "app.py", line 3, in run'
    await sendLogs(
      logs('billing', [
        log({ body: { stringValue: 'started' }, severityNumber: 9 }),
        log({ body: { stringValue: 'disk at 91 %' }, severityText: 'Warning' }),
        log({ body: { stringValue: 'cannot write' }, severityNumber: 17 }),
        log({
          body: { stringValue: 'while charging' },
          severityNumber: 13,
          attributes: {
            'exception.type': 'ValueError',
            'exception.message': 'bad',
            'exception.stacktrace': stack,
          },
        }),
        log({
          body: { kvlistValue: { values: pairs({ msg: 'structured', user: 'u1' }) } },
          eventName: 'app.thing',
        }),
      ]),
    )
    const events = await test.rawEvents()
    const seen = events.map((event) => [event.event_type, event.severity, event.message])
    expect(seen).toEqual([
      ['custom', 2, 'started'],
      ['custom', 3, 'disk at 91 %'],
      ['error', 4, 'cannot write'],
      ['error', 3, 'bad'],
      ['custom', 2, 'structured'],
    ])
    expect(events[3]).toMatchObject({ error_type: 'ValueError', stack, occurred_at: START_MS })
    expect(events[3]?.attributes).toMatchObject({ body: 'while charging' })
    expect(events[4]?.attributes).toMatchObject({ 'event.name': 'app.thing' })
  })

  it('the same record sent again has the same id; one that stands twice in a body does not', async () => {
    const line = log({ body: { stringValue: 'twice' }, severityNumber: 9 })
    const request = logs('billing', [line, line])
    await sendLogs(request)
    await test.post(encodeLogs(request), { url: '/v1/logs', headers: PROTOBUF })
    await sendLogs(logs('other', [line]))
    const ids = (await test.rawEvents()).map((event) => event.event_id)
    expect(ids).toHaveLength(5)
    expect(new Set(ids).size).toBe(3)
  })
})

describe('failures', () => {
  it('wrong key, type, encoding, rate and log are told as google.rpc.Status', async () => {
    const url = '/v1/traces'
    const unknown = await test.post({}, { url, key: null })
    expect([unknown.status, unknown.body['code']]).toEqual([401, 16])
    const text = await test.post('x', { url, headers: { 'content-type': 'text/plain' } })
    expect([text.status, text.body['code']]).toEqual([415, 3])
    const damaged = await test.post(Buffer.from('zzz'), {
      url,
      headers: { ...PROTOBUF, 'content-encoding': 'gzip' },
    })
    // code (1) of 3, message (2).
    expect(damaged.status).toBe(400)
    expect(Buffer.from(damaged.text, 'latin1').subarray(0, 3)).toEqual(Buffer.from([8, 3, 0x12]))
    expect(damaged.headers['content-type']).toBe('application/x-protobuf')
    const list = await test.post({ resourceSpans: 7 }, { url })
    expect(list.status).toBe(400)
    expect(list.body['message']).toMatch('resourceSpans must be a list')

    test.log.append = async () => {
      throw new FaultlineError('log_unavailable', 'The log is away.')
    }
    const away = await sendTraces(
      traces({ service: 'a', spans: [span({ spanId: '00000000000000a1' })] }),
    )
    expect([away.status, away.body['code']]).toEqual([503, 14])
    expect(away.headers['retry-after']).toBeTruthy()
  })

  it('a pipeline behind or a key past its rate answers 429 with Retry-After', async () => {
    await test.close()
    test = await createTestApp({ config: { eventsPerSecondMax: 2, eventsBurstMax: 2 } })
    const spans = Array.from({ length: 9 }, (_, at) => span({ spanId: `00000000000000a${at}` }))
    expect((await sendTraces(traces({ service: 'a', spans }))).status).toBe(200)
    const limited = await sendTraces(traces({ service: 'a', spans }))
    expect([limited.status, limited.body['code']]).toEqual([429, 8])
    expect(limited.headers['retry-after']).toBe('4')
  })

  it('an empty request is a full success', async () => {
    expect((await sendTraces({})).text).toBe('{}')
    expect((await sendLogs({ resourceLogs: [] })).text).toBe('{}')
    const empty = await test.post(Buffer.alloc(0), { url: '/v1/logs', headers: PROTOBUF })
    expect([empty.status, empty.text]).toEqual([200, ''])
  })
})
