import { hash } from 'node:crypto'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { OK } from '#/processors/runtime/record.ts'
import type { Result } from '#/processors/runtime/record.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import type { SchemaSource } from '#/processors/stages/record-reader.ts'
import type { Event } from '#/schemas/records.ts'

/** The job of CountPerMinute.java as a stage of ours: the same decoding, rule, counts and outputs, exactly once. */
export const COUNT_FIELDS = [
  'project',
  'service',
  'environment',
  'occurred_at',
  'error_type',
  'error_code',
  'message',
  'route',
] as const
type Counted = Pick<Event, (typeof COUNT_FIELDS)[number]>

const MINUTE_MS = 60_000

export interface CountTopics {
  input: string
  events: string
  counts: string
}

export function createCountStage(
  name: string,
  { topics, schemas }: { topics: CountTopics; schemas: SchemaSource },
): Stage {
  return createTaskStage({
    name,
    inputs: [topics.input],
    outputs: [topics.events, topics.counts],
    createProcessor: (context) => createCounter(context, { topics, schemas }),
  })
}

function createCounter(
  context: ProcessorContext,
  { topics, schemas }: { topics: CountTopics; schemas: SchemaSource },
): Processor {
  const reader = createRecordReader('Event', schemas, COUNT_FIELDS)
  const counts = context.openStore<{ count: number }>('counts', {
    create: () => ({ count: 0 }),
    encode: ({ count }) => Buffer.from(String(count)),
    decode: (bytes) => ({ count: Number(bytes.toString()) }),
  })
  // Part of the state: a tick after a restart must still name what changed before it.
  const changed = context.openStore<true>('changed', {
    create: () => true,
    encode: () => Buffer.from('1'),
    decode: () => true,
  })
  const { partition } = context.input
  const tick = ({ timestampMs }: ConsumedRecord): Result => {
    for (const key of changed.keys()) {
      const value = Buffer.from(String(counts.get(key)?.count ?? 0))
      context.emit(topics.counts, partition, { key: Buffer.from(key), value, timestampMs })
      changed.delete(key)
    }
    return OK
  }
  return {
    prepare: (records) => reader.prepare(records),
    process(record) {
      const read = reader.read(record.value)
      if (read.kind === 'tick') return tick(record)
      if (read.kind === 'poison') throw new Error(read.error)
      const event = read.record
      const fingerprint = simpleFingerprint(event)
      const minute = Math.floor(event.occurred_at / MINUTE_MS)
      const key = `${minute} ${event.project}/${event.service} ${fingerprint}`
      counts.take(key).count += 1
      changed.take(key)
      const headers = { ...record.headers, fingerprint: Buffer.from(fingerprint) }
      const { key: partitionKey, value, timestampMs } = record
      context.emit(topics.events, partition, { key: partitionKey, value, timestampMs, headers })
      return OK
    },
  }
}

function simpleFingerprint(event: Counted): string {
  const { error_code: code, error_type: type } = event
  const text =
    code === '' && type !== ''
      ? `${type}\n${event.message}`
      : `${code}\n${event.route}\n${event.environment}`
  return hash('sha256', text)
}
