import { partitionOf } from '#/processors/log/partitioner.ts'
import type { ProcessorContext } from '#/processors/runtime/stage.ts'
import { encode } from '#/schemas/codec.ts'
import type { Insight } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { SchemaSource } from './record-reader.ts'

/** Returns what emits a summary, by rules or by a model, behind the others of its incident. */
export function createInsightEmitter(
  { ids }: SchemaSource,
  context: ProcessorContext,
): (insight: Insight, timestampMs: number) => void {
  const topic = TOPICS.insights.name
  return (insight, timestampMs) => {
    const key = Buffer.from(insight.incident_id)
    const value = encode('Insight', ids.Insight, insight)
    context.emit(topic, partitionOf(key, context.partitionsOf(topic)), { key, value, timestampMs })
  }
}
