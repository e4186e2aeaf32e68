/** What a span, a log record and an event of Sentry cost at the door, until they are encoded for the log. */
import { logEvent } from '#/api/otlp/log-event.ts'
import { createPeers } from '#/api/otlp/peers.ts'
import { readLogsJson, readTracesJson } from '#/api/otlp/read-json.ts'
import { readLogsProtobuf, readTracesProtobuf } from '#/api/otlp/read-protobuf.ts'
import { resourceFields } from '#/api/otlp/resource.ts'
import { encodeLogs, encodeTraces } from '#/api/otlp/test-encoder.ts'
import { exception, log, logs, span, traces } from '#/api/otlp/test-requests.ts'
import { traceEvents } from '#/api/otlp/trace-events.ts'
import { parseEnvelope } from '#/api/sentry/envelope.ts'
import { errorEvent } from '#/api/sentry/error-event.ts'
import { SENTRY_EVENT, envelope } from '#/api/sentry/test-envelopes.ts'
import { encode } from '#/schemas/codec.ts'
import { canonicalize } from '#/schemas/event-input.ts'

const RECORDS = 512
const ROUNDS = 60

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** A collector's batch: half servers, half callers, one exception in fifty, as services of some size send them. */
function tracesRequest(): object {
  const spans = Array.from({ length: RECORDS }, (_, at) =>
    span({
      traceId: hex(at + 1, 32),
      spanId: hex(at + 1, 16),
      parentSpanId: hex(at + 70_000, 16),
      kind: at % 2 === 0 ? 2 : 3,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/api/orders/{id}',
        'http.response.status_code': 200,
        'url.scheme': 'https',
        'server.address': `service-${at % 20}`,
        'server.port': 8080,
        'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
        'network.protocol.version': '1.1',
      },
      events: at % 50 === 0 ? [exception('TypeError', 'no card', 'at a (/app/a.js:1:2)')] : [],
    }),
  )
  return traces({ service: 'orders', spans })
}

function logsRequest(): object {
  const records = Array.from({ length: RECORDS }, (_, at) =>
    log({
      body: { stringValue: `order ${at} of customer ${at * 7} was written in ${at % 90} ms` },
      severityNumber: 9,
      attributes: { 'code.function.name': 'write', 'thread.id': at % 16, 'db.rows': at },
    }),
  )
  return logs('orders', records)
}

const context = { project: 'bench', nowMs: 1_795_750_200_000, makeId: () => 'id' }

/** From what the door is given to what the log is given. */
function toLog(items: readonly unknown[]): number {
  let bytes = 0
  for (const item of items) {
    const result = canonicalize(item, context)
    if (!result.ok) throw new Error(`${result.path}: ${result.message}`)
    bytes += encode('Event', 1, result.event).length
  }
  return bytes
}

/** CPU time, so that others on the machine count little. */
function microsEach(work: () => void): string {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / RECORDS)
  }
  const sorted = times.toSorted((left, right) => left - right)
  return `${(sorted[sorted.length >> 1] ?? 0).toFixed(2)} µs`
}

export async function run(print: (line: string) => void): Promise<void> {
  const spans = tracesRequest()
  const records = logsRequest()
  const spanBytes = encodeTraces(spans)
  const logBytes = encodeLogs(records)
  const [spanJson, logJson] = [JSON.stringify(spans), JSON.stringify(records)]
  const peers = createPeers()
  const fromSpans = (groups: ReturnType<typeof readTracesJson>): unknown[] =>
    traceEvents(groups, { project: 'bench', peers }).items
  const fromLogs = (groups: ReturnType<typeof readLogsJson>): unknown[] =>
    groups.flatMap(({ resource, records: all }) => {
      const fields = resourceFields(resource)
      const occurrences = new Map<string, number>()
      return all.map((record) => logEvent(record, fields, occurrences))
    })
  const sentry = Buffer.from(envelope([{ type: 'event', payload: SENTRY_EVENT }]))
  const fromSentry = (): unknown[] =>
    parseEnvelope(sentry).items.map(({ payload }) =>
      errorEvent(JSON.parse(payload.toString()) as Record<string, unknown>, { service: 'a' }),
    )
  const perSpan = Math.round(spanBytes.length / RECORDS)
  const perLog = Math.round(logBytes.length / RECORDS)
  const measures: readonly (readonly [string, () => void])[] = [
    [`span, ${perSpan} bytes of protobuf: read`, () => void readTracesProtobuf(spanBytes)],
    ['  to encoded events', () => void toLog(fromSpans(readTracesProtobuf(spanBytes)))],
    ['span, JSON: read', () => void readTracesJson(JSON.parse(spanJson))],
    ['  to encoded events', () => void toLog(fromSpans(readTracesJson(JSON.parse(spanJson))))],
    [`log record, ${perLog} bytes of protobuf: read`, () => void readLogsProtobuf(logBytes)],
    ['  to encoded events', () => void toLog(fromLogs(readLogsProtobuf(logBytes)))],
    ['log record, JSON: read', () => void readLogsJson(JSON.parse(logJson))],
    ['  to encoded events', () => void toLog(fromLogs(readLogsJson(JSON.parse(logJson))))],
    [
      `Sentry event, ${sentry.length} bytes, to an encoded event`,
      () => {
        for (let at = 0; at < RECORDS; at += 1) toLog(fromSentry())
      },
    ],
  ]
  for (const [name, work] of measures) print(`${name}: ${microsEach(work)}`)
}
