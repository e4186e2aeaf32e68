import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { testEvent } from '#/api/test-views.ts'
import { createPrefixReader } from './event-prefix.ts'
import { CELL_MS, FRAME_EVENTS_MAX, createFrameDraft } from './frame-draft.ts'
import { RING_MS, createFrameRing } from './frame-ring.ts'
import { createLiveClient } from './live-client.ts'
import { decodePositions, distance, encodePositions } from './positions.ts'
import { BUFFER_BYTES_MAX, SSE_RESYNC, sse } from './sink.ts'
import { EVENT_MESSAGES_PER_SECOND, createSecondCounter } from './second-counter.ts'
import { createManualClock } from '#/kernel/clock.ts'
import { createMessageFeed } from './message-feed.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { heldMiB } from '#/test/held-bytes.ts'

const TYPES = ['error', 'http_request', 'signup', 'deploy', 'feedback', 'custom'] as const

describe('the prefix of an event', () => {
  it('says the same as a full decode, for whatever an event holds', () => {
    const read = createPrefixReader()
    const decoder = createDecoder('GroupedEvent')
    const text = fc.string({ unit: 'grapheme', maxLength: 40 })
    const wish = fc.record({
      project: text,
      event_id: text,
      id_made: fc.boolean(),
      event_type: fc.constantFrom(...TYPES),
      occurred_at: fc.integer({ min: -2_208_988_800_000, max: 10_413_792_000_000 }),
      received_at: fc.integer({ min: 0, max: 10_413_792_000_000 }),
      service: text,
      environment: text,
      release: text,
      host: text,
      severity: fc.integer({ min: 1, max: 5 }),
      message: text,
    })
    fc.assert(
      fc.property(wish, (fields) => {
        const { attributes: _, ...plain } = testEvent()
        const bytes = encode('GroupedEvent', 9, {
          ...plain,
          attributes: {},
          attribute_kinds: {},
          ...fields,
        })
        const event = decoder.decode(bytes)
        expect(read(bytes)).toEqual({
          project: event.project,
          service: event.service,
          severity: event.severity,
          occurredAt: event.occurred_at,
          isDeploy: event.event_type === 'deploy',
        })
      }),
    )
  })
})

describe('positions', () => {
  it('round-trip, and refuse what is none or of another number of sources', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 2 ** 50 }), { minLength: 1, maxLength: 40 }),
        (positions) => {
          expect(decodePositions(encodePositions(positions), positions.length)).toEqual(positions)
          expect(decodePositions(encodePositions(positions), positions.length + 1)).toBeUndefined()
        },
      ),
    )
    for (const wrong of ['', '.', '1..2', '1.2;3', 'A.B', '1.'.repeat(5_000)])
      expect(decodePositions(wrong, 2)).toBeUndefined()
    expect(distance([1, 5], [4, 2])).toBe(3)
  })
})

describe('a frame', () => {
  const views = {
    event: (record: Buffer) => testEvent({ event_id: record.toString() }),
    deploy: () => {
      throw new Error('there is none')
    },
  }
  const prefix = { project: 'p', service: 's', severity: 4, isDeploy: false, occurredAt: 0 }

  it('counts every event and shows the newest, oldest of them first', () => {
    const draft = createFrameDraft()
    for (let index = 0; index < 180; index += 1)
      draft.add(
        { ...prefix, occurredAt: index * 100, severity: 1 + (index % 5) },
        Buffer.from(`${index}`),
      )
    const frame = JSON.parse(draft.finish('seq', 1, views).full) as {
      count: number
      cells: [number, number, number][]
      events: { event_id: string }[]
    }
    expect(frame.count).toBe(180)
    expect(frame.cells.reduce((sum, [, , count]) => sum + count, 0)).toBe(180)
    expect(frame.cells[0]).toEqual([0, 1, 2])
    expect(frame.events.map(({ event_id: id }) => id)).toEqual(
      Array.from({ length: FRAME_EVENTS_MAX }, (_, index) => `${180 - FRAME_EVENTS_MAX + index}`),
    )
  })

  it('puts times before 1970 into their own cells', () => {
    const draft = createFrameDraft()
    draft.add({ ...prefix, occurredAt: -1 }, Buffer.from('x'))
    const { cells } = JSON.parse(draft.finish('seq', 1, views).lean) as { cells: number[][] }
    expect(cells).toEqual([[-CELL_MS, 4, 1]])
  })

  it('bounds its cells, whatever times events claim', () => {
    const draft = createFrameDraft()
    for (let index = 0; index < 5_000; index += 1)
      draft.add({ ...prefix, occurredAt: index * CELL_MS }, Buffer.from('x'))
    const frame = JSON.parse(draft.finish('seq', 1, views).lean) as { cells: []; count: number }
    expect(frame.cells).toHaveLength(500)
    expect(frame.count).toBe(5_000)
  })
})

describe('the ring of frames', () => {
  const frame = (at: number, bytes = 10) => ({
    seq: `s${at}`,
    at,
    full: Buffer.alloc(bytes, 'f'),
    lean: Buffer.from(`lean ${at}`),
  })

  it('gives what came behind an id, and nothing for ids it does not hold', () => {
    const ring = createFrameRing()
    for (let at = 0; at < 5; at += 1) ring.push(frame(at))
    expect(ring.after('s2')).toHaveLength(2)
    expect(ring.after('s4')).toEqual([])
    expect(ring.after('s9')).toBeUndefined()
  })

  it('[E7] keeps frames for at least 60 s and forgets older ones', () => {
    const ring = createFrameRing()
    for (let at = 0; at <= 200_000; at += 33) ring.push(frame(at))
    const last = Math.floor(200_000 / 33) * 33
    const minuteAgo = Math.ceil((last - 60_000) / 33) * 33
    expect(ring.after(`s${minuteAgo}`)).toHaveLength((last - minuteAgo) / 33)
    expect(ring.after(`s${Math.floor((last - RING_MS - 1_000) / 33) * 33}`)).toBeUndefined()
  })

  it('holds nothing of the frames it has forgotten', () => {
    const before = heldMiB()
    const ring = createFrameRing()
    // Too old, one after the other, before there are enough to cut the list.
    for (let number = 0; number < 60; number += 1) {
      const full = Buffer.allocUnsafeSlow(2 ** 20)
      ring.push({ seq: `s${number}`, at: number * RING_MS, full, lean: Buffer.from('x') })
    }
    expect(ring.after('s58')).toHaveLength(1)
    expect(ring.after('s20')).toBeUndefined()
    expect(heldMiB() - before).toBeLessThan(10)
  })

  it('drops samples before it drops frames when they grow large', () => {
    const ring = createFrameRing()
    for (let at = 0; at < 100; at += 1) ring.push(frame(at, 1 << 20))
    const kept = ring.after('s0') ?? []
    expect(kept).toHaveLength(99)
    expect(kept[0]?.toString()).toBe('lean 1')
    expect(kept.reduce((sum, text) => sum + text.length, 0)).toBeLessThan(9 << 20)
  })
})

describe('a message', () => {
  it('that is kept holds no memory but its own, neither small nor in another alphabet', () => {
    for (const data of ['{}', 'a'.repeat(1_500), 'é日😀'.repeat(200)]) {
      const message = sse({ id: '1.2', event: 'e', data })
      expect(message.toString()).toBe(`event: e\nid: 1.2\ndata: ${data}\n\n`)
      expect(message.buffer.byteLength).toBe(message.length)
    }
    // What Node would give instead (negative control).
    expect(Buffer.from('{}').buffer.byteLength).toBeGreaterThan(1_000)
  })
})

describe('a slow client', () => {
  it('is skipped past 1 MiB and told to resync once it caught up', () => {
    const written: Buffer[] = []
    let buffered = 0
    let resyncs = 0
    const client = createLiveClient({
      project: 'p',
      sink: {
        write: (text) => void written.push(text),
        bufferedBytes: () => buffered,
        end: () => undefined,
      },
      resyncText: SSE_RESYNC,
      onResync: () => (resyncs += 1),
    })
    const text = sse({ data: 'x' })
    client.send(text)
    buffered = BUFFER_BYTES_MAX
    for (let index = 0; index < 1_000; index += 1) client.send(text)
    buffered = BUFFER_BYTES_MAX / 2
    client.send(text)
    expect(written).toEqual([text])
    buffered = 0
    client.send(text)
    expect(written).toEqual([text, SSE_RESYNC, text])
    expect(resyncs).toBe(1)
  })

  it('while it catches up, what happens is held in order, and too much of it ends in resync', () => {
    const written: string[] = []
    const client = createLiveClient({
      project: 'p',
      sink: {
        write: (text) => void written.push(text.toString()),
        bufferedBytes: () => 0,
        end: () => undefined,
      },
      resyncText: Buffer.from('resync'),
      onResync: () => undefined,
    })
    client.hold()
    client.send(Buffer.from('live'))
    client.sendNow(Buffer.from('missed'))
    client.release()
    expect(written).toEqual(['missed', 'live'])
    client.hold()
    for (let index = 0; index < 10_000; index += 1) client.send(Buffer.from('live'))
    client.release()
    expect(written.slice(2)).toEqual(['resync'])
  })
})

describe('a busy second', () => {
  it('sends a bounded number of event messages and says how many it left out', () => {
    const feed = createMessageFeed(createMetrics())
    const sent: string[] = []
    const client = createLiveClient({
      project: 'p',
      sink: {
        write: (text) => void sent.push(text.toString()),
        bufferedBytes: () => 0,
        end: () => undefined,
      },
      resyncText: SSE_RESYNC,
      onResync: () => undefined,
    })
    feed.join({ client, transport: 'websocket', channels: new Set(['s']) })
    const second = createSecondCounter(createManualClock(0), feed)
    let allowed = 0
    for (let index = 0; index < 2_500; index += 1) {
      second.count({ project: 'p', service: 's', severity: 4, isDeploy: false, occurredAt: 0 })
      if (second.allow('p')) allowed += 1
    }
    second.finish()
    expect(allowed).toBe(EVENT_MESSAGES_PER_SECOND)
    expect(sent.map((text) => JSON.parse(text) as unknown)).toEqual([
      {
        type: 'metric',
        data: { at: 0, events: 2_500, errors: 2_500, service: 's' },
        timestamp: '1970-01-01T00:00:00.000Z',
      },
      { type: 'skipped', data: { events: 500 } },
    ])
    expect(second.allow('p')).toBe(true)
  })
})
