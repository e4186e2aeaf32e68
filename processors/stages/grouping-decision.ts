import { scanPartition } from '#/processors/runtime/changelog.ts'
import { readPlaced } from '#/processors/domain/grouping/decision-entry.ts'
import type { GroupingDecision } from '#/processors/domain/grouping/decisions.ts'
import type { Log } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

const CONFIG = { topic: TOPICS.config.name, partition: 0 }

/**
 * Decisions that lie before `offset` in a partition of the raw topic, oldest first. State that begins in the middle of
 * the log, as that of a replay does, has not met them: retention may have taken their records, config.v1 keeps them.
 */
export async function loadDecisionsBefore(
  { log, schemas }: { log: Log; schemas: SchemaSource },
  partition: number,
  offset: number,
): Promise<readonly GroupingDecision[]> {
  const reader = createRecordReader('ConfigEntry', schemas)
  const found = new Map<string, GroupingDecision>()
  await scanPartition(log, CONFIG, ({ value }) => {
    const read = reader.read(value)
    if (read.kind !== 'record') return
    const placed = readPlaced(read.record)
    const at = placed?.offsets[partition]
    if (placed === undefined || at === undefined || at >= offset) return
    // Every project counts its decisions from one.
    found.set(`${placed.decision.project}/${placed.decision.id}`, placed.decision)
  })
  return [...found.values()].toSorted((left, right) => left.revision - right.revision)
}
