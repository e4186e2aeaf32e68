import type { ProducedBatch, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import { recordBytesMax } from '#/processors/log/record-batch.ts'

/** A part of the outputs of one partition that goes in one batch; Kafka's default limit is 1 MiB. */
const BATCH_BYTES_MAX = 900 * 1024

export interface OutputPart extends TopicPartition {
  chunks: ProducedRecord[][]
}

/** Outputs by partition, in pieces that fit a batch. */
export function partsOf(outputs: readonly ProducedBatch[]): OutputPart[] {
  const parts = new Map<string, OutputPart & { bytes: number }>()
  for (const { topic, partition, records } of outputs) {
    if (records.length === 0) continue
    const key = `${topic}/${partition}`
    let part = parts.get(key)
    if (part === undefined) parts.set(key, (part = { topic, partition, chunks: [], bytes: 0 }))
    for (const record of records) {
      const bytes = recordBytesMax(record)
      const last = part.chunks.at(-1)
      if (last === undefined || part.bytes + bytes > BATCH_BYTES_MAX) {
        part.chunks.push([record])
        part.bytes = bytes
      } else {
        last.push(record)
        part.bytes += bytes
      }
    }
  }
  return [...parts.values()]
}
