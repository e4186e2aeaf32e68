import type { DeadLetterPort } from '#/processors/runtime/stage.ts'
import { encode, schemaIdOf } from '#/schemas/codec.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'

const ERROR_CHARS_MAX = 2000

/** Dead letters as records: the original bytes and where they came from, so that they can be sent again. */
export function createDeadLetterPort(ids: SchemaIds): DeadLetterPort {
  return {
    topic: TOPICS.deadLetters.name,
    partitionOf: () => 0,
    encode({ stage, topic, partition, record, code, error }) {
      const { key, value, offset, timestampMs } = record
      const letter = {
        stage,
        topic,
        partition,
        offset,
        at: timestampMs,
        schema_id: (value === null ? undefined : schemaIdOf(value)) ?? 0,
        code,
        error: error.slice(0, ERROR_CHARS_MAX),
        attempt: 1,
        project: projectOf(key),
        key,
        value,
      }
      return {
        key: Buffer.from(stage),
        value: encode('DeadLetter', ids.DeadLetter, letter),
        timestampMs,
      }
    },
  }
}

/** Telemetry keys begin with the project; others say nothing certain. */
function projectOf(key: Buffer | null): string {
  const text = key?.toString() ?? ''
  const slash = text.indexOf('/')
  return slash > 0 ? text.slice(0, slash) : ''
}
