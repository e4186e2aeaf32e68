import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { appendEvents, appendIncident, appendInsight, appendTicks } from '#/api/test-log.ts'
import { openStream } from '#/api/test-stream.ts'
import type { TestStream } from '#/api/test-stream.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { Frame } from '#/schemas/view.ts'

let test: TestApp
let base: string
const streams: TestStream[] = []

beforeEach(async () => {
  test = await createTestApp({ clock: systemClock })
  await test.app.listen({ port: 0, host: '127.0.0.1' })
  base = `http://127.0.0.1:${(test.app.server.address() as AddressInfo).port}`
})
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close()
  await test.close()
})

async function open(path: string, lastId?: string): Promise<TestStream> {
  const stream = await openStream(`${base}${path}`, lastId)
  streams.push(stream)
  return stream
}

interface Shown {
  type: string
  data: { eventId?: string; service?: string }
}
const messagesOf = (stream: TestStream): Shown[] =>
  stream.messages.filter(({ event }) => event === '').map(({ data }) => JSON.parse(data) as Shown)
const eventIds = (stream: TestStream): (string | undefined)[] =>
  messagesOf(stream)
    .filter(({ type }) => type === 'event')
    .map(({ data }) => data.eventId)
const framesOf = (stream: TestStream): Frame[] =>
  stream.messages.filter(({ event }) => event === '').map(({ data }) => JSON.parse(data) as Frame)

describe('GET /api/stream', () => {
  it('[E6] sends events in the agreed shape, byte for byte', async () => {
    const stream = await open('/api/stream?channels=all')
    await appendEvents(test, [
      {
        event_id: 'e-1',
        service: 'payment-service',
        severity: 4,
        occurred_at: Date.UTC(2026, 10, 21, 3, 29, 58, 120),
        received_at: Date.UTC(2026, 10, 21, 3, 30),
        attributes: { region: 'eu', retries: '3' },
        attribute_kinds: { retries: 'number' },
      },
    ])
    const [message] = await stream.waitFor((all) => all.filter(({ event }) => event === ''), 1)
    expect(message?.data).toBe(
      '{"type":"event","data":{"eventId":"e-1","service":"payment-service","severity":4,"timestamp":"2026-11-21T03:29:58.120Z","metadata":{"region":"eu","retries":3}},"timestamp":"2026-11-21T03:30:00.000Z"}',
    )
  })

  it('[E6] [I19] sends incidents and their summaries in the agreed shape', async () => {
    const stream = await open('/api/stream')
    await appendIncident(test, { seq: 1, severity: 1, services: ['payment-service'] })
    await stream.waitFor(() => messagesOf(stream), 1)
    await appendInsight(test, {
      title: 'Cards <*> fail',
      impact: 'No payments',
      next_steps: ['Roll back'],
    })
    await stream.waitFor(() => messagesOf(stream), 2)
    await appendIncident(test, {
      seq: 2,
      severity: 1,
      status: 'resolved',
      services: ['payment-service'],
    })
    await stream.waitFor(() => messagesOf(stream), 3)
    const data = {
      incidentId: 'inc-1',
      severityScore: 5,
      status: 'active',
      affectedServices: ['payment-service'],
      aiGeneratedSummary: '',
      suggestedActions: [],
    }
    const summary = {
      aiGeneratedSummary: 'Cards … fail. No payments',
      suggestedActions: ['Roll back'],
    }
    const timestamp = expect.any(String)
    expect(messagesOf(stream)).toEqual([
      { type: 'incident', action: 'created', data, timestamp },
      { type: 'incident', action: 'summary_updated', data: { ...data, ...summary }, timestamp },
      {
        type: 'incident',
        action: 'updated',
        data: { ...data, ...summary, status: 'resolved' },
        timestamp,
      },
    ])
  })

  it('[E6] is not disturbed by ticks of the clock between the records', async () => {
    const stream = await open('/api/stream')
    await appendTicks(test, Date.UTC(2026, 10, 21, 3, 30))
    await appendEvents(test, [{ event_id: 'e-1' }])
    await appendIncident(test, { seq: 1 })
    await stream.waitFor(() => messagesOf(stream).filter(({ type }) => type !== 'metric'), 2)
    await appendTicks(test, Date.UTC(2026, 10, 21, 3, 31))
    await appendEvents(test, [{ event_id: 'e-2' }])
    const [, last] = await stream.waitFor(() => eventIds(stream), 2)
    expect(last).toBe('e-2')
    const again = await open('/api/stream', stream.messages.find(({ id }) => id !== '')?.id)
    await again.waitFor(() => eventIds(again), 1)
    expect(stream.text()).not.toContain('event: resync')
  })

  it('[E5] sends only the services asked for', async () => {
    const one = await open('/api/stream?channels=checkout,cart')
    const all = await open('/api/stream?channels=all')
    await appendEvents(test, [
      { event_id: 'a', service: 'checkout' },
      { event_id: 'b', service: 'search' },
      { event_id: 'c', service: 'cart' },
    ])
    await appendIncident(test, { services: ['search'] })
    await all.waitFor(() => messagesOf(all), 4)
    await one.waitFor(() => eventIds(one), 2)
    expect(new Set(eventIds(one))).toEqual(new Set(['a', 'c']))
    expect(messagesOf(one).filter(({ type }) => type === 'incident')).toEqual([])
  })

  it('[H6] never sends what belongs to another project', async () => {
    const stream = await open('/api/stream')
    await appendEvents(test, [
      { event_id: 'theirs', service: 'checkout', project: 'other' },
      { event_id: 'ours', service: 'checkout' },
    ])
    await appendIncident(test, { project: 'other', incident_id: 'inc-x' })
    await stream.waitFor(() => eventIds(stream), 1)
    expect(eventIds(stream)).toEqual(['ours'])
    expect(stream.text()).not.toContain('inc-x')
  })

  it('[E7] goes on from Last-Event-ID without a gap and without a duplicate', async () => {
    const first = await open('/api/stream')
    await appendEvents(test, numbered(0, 40))
    await first.waitFor(() => eventIds(first), 40)
    // Cut in the middle: the client has seen 25 of them, whatever was sent beyond.
    const seen = first.messages.filter(({ event }) => event === '').slice(0, 25)
    first.close()
    await appendEvents(test, numbered(40, 60))
    const second = await open('/api/stream', seen.at(-1)?.id)
    await appendEvents(test, numbered(60, 70))
    await second.waitFor(() => eventIds(second), 45)
    const had = seen.map(({ data }) => (JSON.parse(data) as Shown).data.eventId)
    const all = [...had, ...eventIds(second)]
    expect(new Set(all).size).toBe(all.length)
    expect(new Set(all)).toEqual(new Set(numbered(0, 70).map(({ event_id: id }) => id)))
  })

  it('[E7] tells a client to read everything again when its id leads nowhere', async () => {
    const stream = await open('/api/stream', 'zzz.1')
    await stream.waitFor((all) => all.filter(({ event }) => event === 'resync'), 1)
  })
})

describe('GET /api/stream/frames', () => {
  it('sends the first event at once and then coalesces', async () => {
    const stream = await open('/api/stream/frames')
    await appendEvents(test, numbered(0, 1))
    await stream.waitFor(() => framesOf(stream), 1)
    for (let step = 0; step < 20; step += 1)
      await appendEvents(test, numbered(step * 10 + 1, step * 10 + 11))
    await stream.waitFor(
      () => Array(framesOf(stream).reduce((sum, { count }) => sum + count, 0)),
      201,
    )
    const frames = framesOf(stream)
    expect(frames.length).toBeLessThan(30)
    const cells = frames.flatMap(({ cells: own }) => own)
    expect(cells.reduce((sum, [, , count]) => sum + count, 0)).toBe(201)
    expect(frames.every(({ events }) => events.length <= 50)).toBe(true)
    expect(frames[0]?.events[0]).toMatchObject({ event_id: 'e-0000', attributes: {} })
  })

  it('[E7] after a cut the frames add up to every event exactly once', async () => {
    const first = await open('/api/stream/frames')
    await appendEvents(test, numbered(0, 30))
    await first.waitFor(() => Array(sumOf(framesOf(first))), 30)
    const seen = framesOf(first)
    first.close()
    await appendEvents(test, numbered(30, 75))
    const second = await open('/api/stream/frames', seen.at(-1)?.seq)
    await appendEvents(test, numbered(75, 80))
    await second.waitFor(() => Array(sumOf(framesOf(second))), 50)
    expect(sumOf(seen) + sumOf(framesOf(second))).toBe(80)
  })

  it('[E7] the address may carry the id, and whole incident rows come with the frames', async () => {
    const first = await open('/api/stream/frames')
    await appendEvents(test, numbered(0, 3))
    await first.waitFor(() => framesOf(first), 1)
    const seq = framesOf(first).at(-1)?.seq ?? ''
    first.close()
    await appendIncident(test, { seq: 1, severity: 2 })
    const second = await open(`/api/stream/frames?last_event_id=${seq}`)
    await second.waitFor(() => framesOf(second), 1)
    expect(framesOf(second)[0]).toMatchObject({
      count: 0,
      incidents: [{ id: 'inc-1', severity: 2, status: 'open' }],
    })
  })

  it('marks deployments', async () => {
    const stream = await open('/api/stream/frames')
    await appendEvents(test, [{ event_id: 'd-1', event_type: 'deploy', release: 'v2' }])
    await stream.waitFor(() => framesOf(stream), 1)
    expect(framesOf(stream)[0]?.deploys).toMatchObject([{ deploy_id: 'd-1', release: 'v2' }])
  })
})

describe('the WebSocket', () => {
  it.each(['/', '/ws'])(
    '[E5] [E6] answers subscribe on %s with the same messages',
    async (path) => {
      const received: string[] = []
      const socket = new WebSocket(`${base.replace('http', 'ws')}${path}`)
      await new Promise((resolve) => socket.addEventListener('open', resolve))
      socket.addEventListener('message', ({ data }) => received.push(data as string))
      socket.send(JSON.stringify({ type: 'subscribe', channels: ['payment-service'] }))
      await untilClients(1)
      await appendEvents(test, [
        { event_id: 'other', service: 'search' },
        { event_id: 'mine', service: 'payment-service' },
      ])
      for (let tries = 0; tries < 100 && received.length === 0; tries += 1)
        await systemClock.sleep(20)
      socket.close()
      const events = received
        .map((text) => JSON.parse(text) as Shown)
        .filter(({ type }) => type === 'event')
      expect(events.map(({ data }) => data.eventId)).toEqual(['mine'])
    },
  )

  it('[H8] refuses a handshake from a page of another site', async () => {
    const { injectWS } = test.app
    const headers = { origin: 'https://evil.example', host: '127.0.0.1' }
    await expect(injectWS('/ws', { headers })).rejects.toThrow(/403/)
  })
})

async function untilClients(count: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await test.get('/api/pipeline')
    if (body['stream_clients'] === count) return
    await systemClock.sleep(10)
  }
  throw new Error(`never ${count} clients`)
}

function numbered(from: number, to: number): { event_id: string; service: string }[] {
  return Array.from({ length: to - from }, (_, index) => ({
    event_id: `e-${String(from + index).padStart(4, '0')}`,
    service: `service-${(from + index) % 5}`,
  }))
}

function sumOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { count }) => sum + count, 0)
}
