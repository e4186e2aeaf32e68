import type { DeadLetterPort } from '#/processors/runtime/stage.ts'
import { encode, schemaIdOf } from '#/schemas/codec.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'

const ERROR_CHARS_MAX = 2000
/** A broker may take records larger than ours can hold beside the rest of a letter: those stay where they are. */
const KEPT_BYTES_MAX = 8 << 20

/** Dead letters as records: the original bytes and where they came from, so that they can be sent again. */
export function createDeadLetterPort(ids: SchemaIds): DeadLetterPort {
  return {
    topic: TOPICS.deadLetters.name,
    partitionOf: () => 0,
    encode({ stage, topic, partition, record, code, error }) {
      const { key, offset, timestampMs } = record
      const bytes = (record.value?.length ?? 0) + (key?.length ?? 0)
      const isKept = bytes <= KEPT_BYTES_MAX
      const note = isKept ? '' : `${bytes} bytes are too many to keep here; `
      const value = isKept ? record.value : null
      const letter = {
        stage,
        topic,
        partition,
        offset,
        at: timestampMs,
        // Signed, as Java reads it: any four bytes can stand there.
        schema_id: ((record.value === null ? undefined : schemaIdOf(record.value)) ?? 0) | 0,
        code,
        error: (note + error).slice(0, ERROR_CHARS_MAX),
        attempt: 1,
        project: projectOf(key),
        key: isKept ? key : null,
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
