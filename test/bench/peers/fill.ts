import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import type { Message, Producer } from 'kafkajs'
import { partitionOf } from '#/processors/log/partitioner.ts'
import { encode } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { eventOf } from '#/test/sim/fixture.ts'

/** Events as both contestants read them: Avro in Confluent's framing, partitioned by service, ticks in between. */
export interface FillOptions {
  brokers: readonly string[]
  topic: string
  partitions: number
  events: number
  ids: SchemaIds
}

const START_MS = Date.UTC(2026, 0, 5, 8)
const EVENTS_PER_MINUTE = 60_000
const SEND_EVENTS = 4000
const SERVICES = 20
const ERROR_EVERY = 4

/** A quarter errors of some tens of kinds, the others requests. */
function exampleEvent(index: number): Event {
  const at = START_MS + Math.floor((index * 60_000) / EVENTS_PER_MINUTE)
  const isError = index % ERROR_EVERY === 0
  const common = {
    event_id: `0190c1a4-0000-7000-8000-${index.toString(16).padStart(12, '0')}`,
    received_at: at,
    occurred_at: at,
    service: `service-${(index * 7) % SERVICES}`,
    release: 'v1.20.3',
    host: `node-${index % 8}`,
    route: `/api/route-${index % 10}`,
    user_id: `user-${(index * 7919) % 5000}`,
    trace_id: index.toString(16).padStart(32, '0'),
    attributes: { region: 'eu-west-1', tenant: `t${index % 30}` },
  }
  if (!isError)
    return eventOf({
      ...common,
      event_type: 'http_request',
      severity: 2,
      status_code: 200,
      duration_ms: 20 + (index % 80),
    })
  const kind = index % 3
  return eventOf({
    ...common,
    error_type: kind === 0 ? '' : `Kind${kind}Error`,
    error_code: kind === 0 ? `E_${index % 5}` : '',
    message: `query on db-${index % 9} was refused by its pool`,
    status_code: 500,
  })
}

export async function fillTopic(options: FillOptions): Promise<void> {
  const kafka = new Kafka({ brokers: [...options.brokers], logLevel: logLevel.NOTHING })
  // Idempotent: a batch sent again on a busy machine must not be in the topic twice.
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  try {
    for (let from = 0; from < options.events; from += SEND_EVENTS)
      await send(producer, from, options)
  } finally {
    await producer.disconnect()
  }
}

/** One batch of events, and a tick behind it on every partition. */
async function send(producer: Producer, from: number, options: FillOptions): Promise<void> {
  const { topic, partitions, ids } = options
  const messages: Message[] = []
  const to = Math.min(options.events, from + SEND_EVENTS)
  let atMs = 0
  for (let index = from; index < to; index += 1) {
    const event = exampleEvent(index)
    atMs = event.occurred_at
    const key = Buffer.from(`${event.project}/${event.service}`)
    const value = encode('Event', ids.Event, event)
    messages.push({
      key,
      value,
      timestamp: String(atMs),
      partition: partitionOf(key, partitions),
    })
  }
  const tick = encode('Tick', ids.Tick, { number: Math.floor(from / SEND_EVENTS), at: atMs })
  for (let partition = 0; partition < partitions; partition += 1)
    messages.push({ key: null, value: tick, timestamp: String(atMs), partition })
  await producer.send({ topic, messages, acks: -1, compression: CompressionTypes.None })
}
