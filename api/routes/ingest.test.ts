import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TEST_NOW_MS, createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { FaultlineError } from '#/kernel/errors.ts'

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
})
afterEach(() => test.close())

const EVENT = { event_type: 'error', service: 'payment-service', message: 'Card declined' }

describe('POST /v1/events', () => {
  it('[A1] answers 202 with id and time, and the event is in the log before', async () => {
    const { status, body } = await test.post({ ...EVENT, event_id: 'e-1' })
    expect(status).toBe(202)
    expect(body).toEqual({ event_id: 'e-1', received_at: new Date(TEST_NOW_MS).toISOString() })
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({ project: 'default', event_id: 'e-1', message: 'Card declined' })
  })

  it('[A2] takes each of the six types and names the field of an unknown one', async () => {
    for (const type of ['error', 'http_request', 'signup', 'deploy', 'feedback', 'custom'])
      expect((await test.post({ ...EVENT, event_type: type })).status).toBe(202)
    const { status, body, headers } = await test.post({ ...EVENT, event_type: 'metric' })
    expect(status).toBe(400)
    expect(headers['content-type']).toMatch('application/problem+json')
    expect(body).toMatchObject({ code: 'invalid_event', path: 'event_type', status: 400 })
    expect(body['remedy']).toMatch('http_request')
    expect(body['request_id']).toBeTruthy()
    expect(await test.rawEvents()).toHaveLength(6)
  })

  it('[A3] fills id and time, flags late and future events and drops none', async () => {
    await test.post([
      EVENT,
      { ...EVENT, event_id: 'late', occurred_at: '1970-01-01T00:00:01Z' },
      { ...EVENT, event_id: 'future', occurred_at: '2099-01-01T00:00:00Z' },
    ])
    const events = await test.rawEvents()
    const byId = new Map(events.map((event) => [event.event_id, event]))
    const made = events.find((event) => event.id_made)
    expect(made?.event_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(made).toMatchObject({ occurred_at: TEST_NOW_MS, flags: ['time_made'] })
    expect(byId.get('late')).toMatchObject({ occurred_at: 1000, flags: ['past'] })
    expect(byId.get('future')).toMatchObject({ flags: ['future'] })
  })

  it('[A6] takes 1,000 events in one gzip body and lists what is wrong by index', async () => {
    const events = Array.from({ length: 1_000 }, (_, index) => ({
      ...EVENT,
      event_id: `e-${index}`,
      severity: index === 3 || index === 700 ? 'loud' : 'error',
    }))
    const { status, body } = await test.post(gzipSync(JSON.stringify(events)), {
      headers: { 'content-encoding': 'gzip' },
    })
    expect(status).toBe(202)
    expect(body).toMatchObject({ accepted: 998 })
    expect(body['rejected']).toEqual([
      expect.objectContaining({ index: 3, code: 'invalid_event', path: 'severity' }),
      expect.objectContaining({ index: 700, code: 'invalid_event', path: 'severity' }),
    ])
    expect(await test.rawEvents()).toHaveLength(998)
  })

  it('[A6] reads NDJSON line by line, so that one damaged line costs only itself', async () => {
    const lines = [
      JSON.stringify({ ...EVENT, event_id: 'a' }),
      '',
      '{"event_type": "error", ',
      Buffer.concat([Buffer.from('{"service":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      `${JSON.stringify({ ...EVENT, event_id: 'b' })}\r`,
    ]
    const payload = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]))
    const { status, body } = await test.post(payload, {
      headers: { 'content-type': 'application/x-ndjson' },
    })
    expect(status).toBe(202)
    expect(body).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, code: 'invalid_json' },
        { index: 2, code: 'invalid_encoding' },
      ],
    })
    expect((await test.rawEvents()).map((event) => event.event_id)).toEqual(['a', 'b'])
  })

  it('[A8] keeps environment, route and error code, also where they stand in the attributes', async () => {
    await test.post({
      event_type: 'error',
      environment: 'staging',
      attributes: { service: 'user-service', route: '/api/users', error_code: 'DB_TIMEOUT' },
    })
    expect((await test.rawEvents())[0]).toMatchObject({
      service: 'user-service',
      environment: 'staging',
      route: '/api/users',
      error_code: 'DB_TIMEOUT',
    })
  })

  it('keeps the events of one service on one partition, in the order they came', async () => {
    for (let index = 0; index < 20; index += 1)
      await test.post({ ...EVENT, event_id: `e-${index}` })
    const ids = (await test.rawEvents()).map((event) => event.event_id)
    expect(ids).toEqual(Array.from({ length: 20 }, (_, index) => `e-${index}`))
  })

  it('takes the same id twice: telling copies apart is not the door’s work', async () => {
    await test.post({ ...EVENT, event_id: 'same' })
    expect((await test.post({ ...EVENT, event_id: 'same' })).status).toBe(202)
  })
})

describe('POST /api/events', () => {
  const input = {
    service: 'payment-service',
    severity: 4,
    timestamp: '2026-11-21T03:29:58.120Z',
    errorType: 'CARD_DECLINED',
    message: 'Card declined',
    metadata: { region: 'eu-west-1', retries: 3, cold: false, card: { brand: 'x' } },
    tags: ['payments', 'checkout'],
  }

  it('[A7] [A1] answers 201 with what was sent, metadata and tags byte for byte', async () => {
    const { status, text } = await test.post({ ...input, eventId: 'evt-1' }, { url: '/api/events' })
    expect(status).toBe(201)
    expect(text).toBe(
      `{"success":true,"message":"Event ingested successfully","data":{"eventId":"evt-1","service":"payment-service","severity":4,"timestamp":"2026-11-21T03:29:58.120Z","metadata":${JSON.stringify(input.metadata)},"tags":["payments","checkout"]}}`,
    )
    expect((await test.rawEvents())[0]).toMatchObject({
      event_type: 'error',
      error_code: 'CARD_DECLINED',
      attributes: { region: 'eu-west-1', retries: '3', cold: 'false', card: '{"brand":"x"}' },
      attribute_kinds: { retries: 'number', cold: 'boolean', card: 'json' },
    })
  })

  it('refuses a list, and says where lists go', async () => {
    const { status, body } = await test.post([input], { url: '/api/events' })
    expect(status).toBe(400)
    expect(body['remedy']).toMatch('/v1/events')
  })
})

describe('keys at the door', () => {
  it('[A11] no key, a wrong key and a revoked key get 401; a use is noted', async () => {
    const { deps, ingestKey } = test
    expect((await test.post(EVENT, { key: null })).status).toBe(401)
    const wrong = `${ingestKey.slice(0, -1)}${ingestKey.endsWith('0') ? '1' : '0'}`
    const answer = await test.post(EVENT, { key: wrong })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch('Bearer')
    const info = deps.keys.listKeys().find((key) => key.name === 'ingest')
    expect(info?.last_used_at).toBeNull()

    expect((await test.post(EVENT)).status).toBe(202)
    expect(deps.keys.listKeys().find((key) => key.name === 'ingest')?.last_used_at).toBe(
      TEST_NOW_MS,
    )

    await deps.keys.revokeKey({ id: info?.id ?? '' })
    expect((await test.post(EVENT)).status).toBe(401)
    expect(await test.rawEvents()).toHaveLength(1)
  })

  it('[A11] a Bearer token works; a key without the scope gets 403', async () => {
    const bearer = { authorization: `Bearer ${test.ingestKey}` }
    expect((await test.post(EVENT, { key: null, headers: bearer })).status).toBe(202)
    expect((await test.post(EVENT, { key: test.readKey })).status).toBe(403)
  })
})

describe('limits at the door', () => {
  it('[A12] a burst ten times the rate gets 429 with Retry-After, then passes again', async () => {
    await test.close()
    test = await createTestApp({ config: { eventsPerSecondMax: 10, eventsBurstMax: 10 } })
    const answers = []
    for (let index = 0; index < 100; index += 1) answers.push(await test.post(EVENT))
    const limited = answers.filter(({ status }) => status === 429)
    expect(limited).toHaveLength(90)
    expect(Number(limited[0]?.headers['retry-after'])).toBeGreaterThan(0)
    expect(limited[0]?.body).toMatchObject({ code: 'rate_limited' })
    await test.clock.advance(1_000)
    expect((await test.post(EVENT)).status).toBe(202)
    expect(await test.rawEvents()).toHaveLength(11)
  })

  it('[A12] a batch beyond the burst passes once, and its debt holds back what follows', async () => {
    await test.close()
    test = await createTestApp({ config: { eventsPerSecondMax: 10, eventsBurstMax: 10 } })
    expect((await test.post(Array.from({ length: 50 }, () => EVENT))).status).toBe(202)
    const after = await test.post(EVENT)
    expect(after.status).toBe(429)
    expect(Number(after.headers['retry-after'])).toBe(5)
  })

  it('[A12] a pipeline too far behind answers 429, and takes events again once it caught up', async () => {
    const stage = { stage: 'fingerprint', partitions: [], status: 'running', error: '' } as const
    test.stages.push({ ...stage, lag: test.deps.config.lagRecordsMax + 1 })
    await test.post(EVENT)
    const { status, body, headers } = await test.post(EVENT)
    expect(status).toBe(429)
    expect(body).toMatchObject({ code: 'overloaded' })
    expect(body['detail']).toMatch('fingerprint')
    expect(headers['retry-after']).toBeTruthy()
    test.stages.length = 0
    await test.clock.advance(600)
    await test.post(EVENT)
    expect((await test.post(EVENT)).status).toBe(202)
  })

  it('[A12] a full disk answers 503, nothing is half taken, and sending again works', async () => {
    const append = test.log.append.bind(test.log)
    let isFull = true
    test.log.append = async (batches) => {
      if (isFull) throw new FaultlineError('disk_full', 'No space left on device.')
      return append(batches)
    }
    const { status, body, headers } = await test.post([EVENT, EVENT])
    expect(status).toBe(503)
    expect(body).toMatchObject({ code: 'disk_full' })
    expect(headers['retry-after']).toBeTruthy()
    expect(await test.rawEvents()).toHaveLength(0)
    isFull = false
    expect((await test.post([EVENT, EVENT])).status).toBe(202)
    expect(await test.rawEvents()).toHaveLength(2)
  })
})
