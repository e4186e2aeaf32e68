import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { encode, extendEvent } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import type { SinkBatch } from './sink-table.ts'

const random = createSeededRandom(11)
// Today, since the ten-second rollup forgets what arrived days ago.
const STARTED_MS = systemClock.nowMs() - 3_600_000

function eventOf(index: number): Event {
  const isRequest = random.unit() < 0.5
  return {
    project: random.pick(['default', 'other']),
    event_id: `e${index}`,
    id_made: true,
    event_type: isRequest ? 'http_request' : 'error',
    occurred_at: STARTED_MS + random.int(3_600_000),
    received_at: STARTED_MS + random.int(3_600_000),
    service: random.pick(['checkout', 'payment', 'søk']),
    environment: 'prod',
    release: random.pick(['', 'v1', 'v2']),
    host: '',
    severity: 1 + random.int(5),
    message: random.pick(['timeout after 3 s', 'it’s "quoted" \\ and\nbroken', '']),
    error_type: '',
    error_code: '',
    stack: '',
    route: random.pick(['/a', '/b']),
    method: 'GET',
    status_code: isRequest ? random.pick([200, 500]) : 0,
    duration_ms: isRequest ? random.int(100) : null,
    user_id: `u${random.int(50)}`,
    session_id: '',
    request_id: `r${index}`,
    trace_id: '',
    span_id: '',
    parent_span_id: '',
    tags: ['a', 'b'],
    attributes: { tenant: `t${random.int(5)}`, "o'k": "it's" },
    attribute_kinds: {},
    flags: [],
  }
}

const extra = {
  fingerprint_method: 'message',
  title: 'title',
  culprit: '',
  template: 'timeout after <*> s',
  template_id: '0123456789abcdef',
  params: { p1: '3' },
  fingerprint_own: '',
  fingerprint_rule: '',
}

/** `count` made-up events at offsets from `from` on, and the batch that carries them. */
export function batchOf(from: number, count: number): { events: Event[]; batch: SinkBatch } {
  const events = Array.from({ length: count }, (_, index) => eventOf(from + index))
  const records = events.map((event, index) => ({
    offset: from + index,
    value: extendEvent(
      encode('Event', 1, event),
      { ...extra, fingerprint: event.event_type === 'error' ? `${event.severity}`.repeat(64) : '' },
      2,
    ),
  }))
  const token = `events-sink:1:signals.fingerprinted.v1:0:${from}:${from + count}`
  return {
    events,
    batch: { topic: 'signals.fingerprinted.v1', partition: 0, epoch: 1, token, records },
  }
}
