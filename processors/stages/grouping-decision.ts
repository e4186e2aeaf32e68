import { scanPartition } from '#/processors/runtime/changelog.ts'
import type { GroupingDecision } from '#/processors/domain/grouping/decisions.ts'
import type { Log } from '#/processors/log/port.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

/** Kind of the entries of config.v1, and of the records among the events, that carry a decision about groups. */
export const DECISION_KIND = 'grouping'

/** As it is kept in config.v1: with the place it has among the events, so that a replay applies it there again. */
export interface PlacedDecision {
  decision: GroupingDecision
  /** Offset of its record in each partition of the raw topic; empty until it was put there. */
  offsets: readonly number[]
}

export function readPlaced(entry: ConfigEntry): PlacedDecision | undefined {
  return entry.kind === DECISION_KIND ? (JSON.parse(entry.value) as PlacedDecision) : undefined
}

/** A decision that lies among the events; undefined for other entries. */
export function readDecision(entry: ConfigEntry): GroupingDecision | undefined {
  return entry.kind === DECISION_KIND ? (JSON.parse(entry.value) as GroupingDecision) : undefined
}

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
    if (placed !== undefined && at !== undefined && at < offset)
      found.set(placed.decision.id, placed.decision)
  })
  return [...found.values()].toSorted((left, right) => left.revision - right.revision)
}
