/** What the door costs: canonical form alone, then whole requests over loopback into an in-memory log. */
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { buildApp } from '#/api/app.ts'
import { API_DEFAULTS } from '#/api/deps.ts'
import { openKeys } from '#/api/keys.ts'
import { createDispatch } from '#/api/live/dispatch.ts'
import { createIncidentNews } from '#/api/live/incident-news.ts'
import { createLiveClient } from '#/api/live/live-client.ts'
import { createLiveRecords } from '#/api/live/live-records.ts'
import { TestReads } from '#/api/test-reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { encode, extendEvent, UNGROUPED } from '#/schemas/codec.ts'
import { canonicalize } from '#/schemas/event-input.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'

const PARTITIONS = 4
const ROUNDS = 5
const CONNECTIONS = 16
const SECONDS_PER_ROUND = 2
const FRAME_EVENTS = 825
const FRAMES = 100
const VIEWERS = 100

function eventAt(index: number): object {
  const isError = index % 4 === 0
  return {
    event_type: isError ? 'error' : 'http_request',
    event_id: `bench-${index}`,
    occurred_at: new Date(systemClock.nowMs()).toISOString(),
    service: `service-${index % 20}`,
    environment: 'prod',
    release: 'v1.2.3',
    host: `host-${index % 7}`,
    severity: isError ? 'error' : 'info',
    message: isError ? `Timeout after ${index} ms calling db-${index % 9}` : 'request served',
    ...(isError ? { error_code: 'DB_TIMEOUT' } : {}),
    route: '/api/users',
    method: 'GET',
    status_code: isError ? 504 : 200,
    duration_ms: 12.5 + (index % 100),
    user_id: `user-${index % 1_000}`,
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    tags: ['db'],
    attributes: { region: 'eu-west-1', attempt: index % 3 },
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function measureNs(count: number, work: (index: number) => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startedMs = systemClock.monotonicMs()
    for (let index = 0; index < count; index += 1) work(index)
    return ((systemClock.monotonicMs() - startedMs) / count) * 1e6
  })
  return median(rounds)
}

function benchCanonical(print: (line: string) => void): void {
  const texts = Array.from({ length: 1_000 }, (_, index) => JSON.stringify(eventAt(index)))
  const inputs = texts.map((text) => JSON.parse(text) as unknown)
  const context = { project: 'default', nowMs: systemClock.nowMs(), makeId: () => 'made' }
  const parse = measureNs(100_000, (index) => JSON.parse(texts[index % 1_000] ?? ''))
  const canonical = measureNs(100_000, (index) => canonicalize(inputs[index % 1_000], context))
  const encoded = measureNs(100_000, (index) => {
    const result = canonicalize(inputs[index % 1_000], context)
    if (result.ok) encode('Event', 1, result.event)
  })
  print(`parse ${parse.toFixed(0)} ns, canonicalize ${canonical.toFixed(0)} ns an event`)
  print(`canonicalize + encode ${encoded.toFixed(0)} ns an event`)
}

async function startDoor() {
  const clock = systemClock
  const log = createMemoryLog({ clock })
  await log.createTopics(
    Object.values(TOPICS).map((topic) => ({
      name: topic.name,
      partitions: topic.partitions === 'one' ? 1 : PARTITIONS,
      retentionMs: 2_000,
      retentionBytes: 16 << 20,
      compacted: topic.compacted,
    })),
  )
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const keys = await openKeys({ log, clock, schemaIds, registry })
  const { key } = await keys.createKey({ project: 'default', name: 'bench', scopes: ['ingest'] })
  const app = buildApp({
    clock,
    log,
    schemaIds,
    registry,
    keys,
    random: systemRandom,
    reads: new TestReads(),
    metrics: createMetrics(),
    pipeline: { stages: async () => [] },
    config: { ...API_DEFAULTS, eventsPerSecondMax: 1e9, eventsBurstMax: 1e9 },
    version: 'bench',
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const close = async (): Promise<void> => {
    await app.close()
    await keys.close()
    await log.close()
  }
  return { port, key, log, close }
}

/** A whole request as bytes, so that the client costs next to nothing. */
function requestBytes(key: string, body: string): Buffer {
  const head = `POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.from(head + body)
}

interface Figures {
  requestsPerSecond: number
  p99Ms: number
  cpuUsPerRequest: number
}

/** Keep-alive connections with one request at a time on each; answers are only checked to be 202. */
async function load(port: number, requests: readonly Buffer[]): Promise<Figures> {
  const latencies: number[] = []
  const endMs = systemClock.monotonicMs() + SECONDS_PER_ROUND * 1_000
  const cpu = process.cpuUsage()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, worker) =>
      drive(port, (turn) => requests[(worker + turn * CONNECTIONS) % requests.length], {
        endMs,
        latencies,
      }),
    ),
  )
  const { user, system } = process.cpuUsage(cpu)
  const sorted = latencies.toSorted((a, b) => a - b)
  return {
    requestsPerSecond: latencies.length / SECONDS_PER_ROUND,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    cpuUsPerRequest: (user + system) / latencies.length,
  }
}

function drive(
  port: number,
  requestOf: (turn: number) => Buffer | undefined,
  state: { endMs: number; latencies: number[] },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let turn = 0
    let sentMs = 0
    const send = (): void => {
      sentMs = systemClock.monotonicMs()
      socket.write(requestOf(turn) ?? Buffer.alloc(0))
      turn += 1
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      // Answers are shorter than a packet, so one piece is one answer.
      if (!text.startsWith('HTTP/1.1 202')) return void socket.destroy(new Error(text))
      const nowMs = systemClock.monotonicMs()
      state.latencies.push(nowMs - sentMs)
      if (nowMs < state.endMs) send()
      else socket.end()
    })
  })
}

/** What one project's frames cost when 25,000 events a second go by: a flush of 825 events every 33 ms. */
async function benchFrames(print: (line: string) => void): Promise<void> {
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const context = { project: 'default', nowMs: systemClock.nowMs(), makeId: () => 'made' }
  const batch = Array.from({ length: FRAME_EVENTS }, (_, index) => {
    const result = canonicalize(eventAt(index), context)
    if (!result.ok) throw new Error(result.message)
    const event = encode('Event', schemaIds.Event, result.event)
    const value = extendEvent(event, UNGROUPED, schemaIds.GroupedEvent)
    return { offset: index, timestampMs: 0, key: null, value }
  })
  const records = createLiveRecords({ registry, schemaIds })
  const dispatch = createDispatch({
    clock: systemClock,
    metrics: createMetrics(),
    records,
    news: createIncidentNews(new TestReads(), undefined),
    sources: [{ kind: 'event', topic: TOPICS.fingerprinted.name, partition: 0 }],
    positions: [0],
  })
  let bytes = 0
  const sink = {
    write: (text: Buffer) => void (bytes += text.length),
    bufferedBytes: () => 0,
    end: () => undefined,
  }
  const resyncText = Buffer.alloc(0)
  const feed = dispatch.frames.open('default')
  for (let viewer = 0; viewer < VIEWERS; viewer += 1)
    feed.join(createLiveClient({ project: 'default', sink, resyncText, onResync: () => undefined }))
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const cpu = process.cpuUsage()
    for (let frame = 0; frame < FRAMES; frame += 1) {
      await dispatch.tail.onRecords(0, batch)
      dispatch.frames.flush()
    }
    const { user, system } = process.cpuUsage(cpu)
    rounds.push((user + system) / (FRAMES * FRAME_EVENTS))
  }
  const perFrame = bytes / (ROUNDS * FRAMES * VIEWERS)
  print(
    `frames: ${median(rounds).toFixed(2)} CPU µs an event with ${VIEWERS} viewers, ${(perFrame / 1024).toFixed(0)} KiB a frame`,
  )
}

/** Client and server share this process: the CPU figures hold both, the client's part being a few µs. */
export async function run(print: (line: string) => void): Promise<void> {
  benchCanonical(print)
  await benchFrames(print)
  const door = await startDoor()
  try {
    const events = Array.from({ length: 2_000 }, (_, index) => eventAt(index))
    const single = events.map((event) => requestBytes(door.key, JSON.stringify(event)))
    const batches = Array.from({ length: 20 }, (_, index) =>
      requestBytes(door.key, JSON.stringify(events.slice(index * 100, index * 100 + 100))),
    )
    const measured = async (requests: readonly Buffer[]): Promise<Figures> => {
      await load(door.port, requests)
      await door.log.maintain(systemClock.nowMs())
      const figures = await load(door.port, requests)
      await door.log.maintain(systemClock.nowMs())
      return figures
    }
    const one = await measured(single)
    print(
      `single POSTs ${one.requestsPerSecond.toFixed(0)}/s, p99 ${one.p99Ms.toFixed(1)} ms, ${one.cpuUsPerRequest.toFixed(1)} CPU µs each`,
    )
    const many = await measured(batches)
    print(
      `batches of 100: ${(many.requestsPerSecond * 100).toFixed(0)} events/s, p99 ${many.p99Ms.toFixed(1)} ms, ${(many.cpuUsPerRequest / 100).toFixed(2)} CPU µs an event`,
    )
  } finally {
    await door.close()
  }
}
