import type { Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { parseCommitMetadata } from '#/processors/runtime/progress.ts'
import type { WorkerContext } from '#/processors/runtime/stage.ts'
import { createRecordReader, type SchemaSource } from '#/processors/stages/record-reader.ts'
import type { Delivery } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'

const DELIVERIES = { topic: TOPICS.deliveries.name, partition: 0 }
const READ_BYTES = 1 << 20
/** What was told longer ago is forgotten: an incident that still goes on then is told again. */
const MEMORY_MS = 30 * 86_400_000
/** How long a log that has just come back may take until it shows all it holds. */
const SHOW_MS_MAX = 10_000
const SHOW_STEP_MS = 100

export function knownEnd(log: Log): Promise<number> {
  return log.endOffset(DELIVERIES)
}

/**
 * Reads back what was told and what is still to be. The last commit says how far the topic had come: reading less of
 * it would send again what was delivered.
 */
export async function foldDeliveries(
  { log, clock }: WorkerContext,
  schemas: SchemaSource,
  { metadata, visit }: { metadata: string; visit: (delivery: Delivery) => void },
): Promise<void> {
  const written = parseCommitMetadata(metadata)?.hi ?? 0
  const untilMs = clock.monotonicMs() + SHOW_MS_MAX
  let end = await knownEnd(log)
  while (end < written && clock.monotonicMs() < untilMs) {
    await clock.sleep(SHOW_STEP_MS)
    end = await knownEnd(log)
  }
  const reader = createRecordReader('Delivery', schemas)
  let from = await log.offsetForTimestamp(DELIVERIES, clock.nowMs() - MEMORY_MS)
  while (from < end) {
    const records = await readBelow(log, DELIVERIES, { from, bytesMax: READ_BYTES })
    await reader.prepare(records)
    for (const { value } of records) {
      const read = reader.read(value)
      if (read.kind === 'record') visit(read.record)
    }
    from = (records.at(-1)?.offset ?? from) + 1
  }
}
