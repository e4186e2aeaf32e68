import { checkEvents, DRILL_LIMITS, isPast } from '#/processors/domain/drill/plan.ts'
import type { DrillPlan } from '#/processors/domain/drill/plan.ts'
import type { Log, ProducedRecord, TopicConfig, TopicPartition } from '#/processors/log/port.ts'
import { readLanes } from '#/processors/runtime/replay-lanes.ts'
import type { LaneSpec } from '#/processors/runtime/replay-lanes.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import type { SchemaSource } from '#/processors/stages/record-reader.ts'
import { encode } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'

/** In the log of the sandbox alone: what is played, as it was recorded. Its position is the offset of a group. */
export const TAPE = { topic: 'drill.tape.v1', partition: 0 } as const
/** What detectors have learned from when it begins. */
export const PAST = { topic: 'drill.past.v1', partition: 0 } as const

export const TAPE_TOPICS: readonly TopicConfig[] = [PAST, TAPE].map(({ topic }) => ({
  name: topic,
  partitions: 1,
  retentionMs: Infinity,
  retentionBytes: Infinity,
  compacted: false,
}))

/** Records of one append. */
const BATCH = 1_000

export interface TapeSource {
  log: Log
  schemas: SchemaSource
  /** Gives live work a turn. */
  breathe: () => Promise<void>
}

export interface TapeTarget {
  log: Log
  /** Of Event, in the sandbox: ids are each registry's own. */
  schemaId: number
}

export interface CutTape {
  /** Events that are played. */
  events: number
  /** When the first of all was received. */
  fromMs: number
}

/**
 * Copies the telemetry of one project from the platform's log: from then on neither retention nor a busy broker can
 * change what is played. Reads only. Fails as `checkEvents` does.
 */
export async function cutTape(
  { log, schemas, breathe }: TapeSource,
  target: TapeTarget,
  { plan, project }: { plan: DrillPlan; project: string },
): Promise<CutTape> {
  const reader = createRecordReader('Event', schemas)
  const cut = { events: 0, fromMs: plan.fromMs }
  const write = createWriter(target)
  for await (const { records } of readLanes(log, await lanesOf(log, plan))) {
    await reader.prepare(records)
    for (const { value } of records) {
      const read = reader.read(value)
      if (read.kind !== 'record' || read.record.project !== project) continue
      const event: Event = read.record
      cut.fromMs = Math.min(cut.fromMs, event.received_at)
      if (!isPast(event, plan)) cut.events += 1
      if (cut.events > DRILL_LIMITS.eventsMax) checkEvents(plan, cut.events)
      if (write.add(isPast(event, plan) ? PAST : TAPE, event) < BATCH) continue
      await write.flush()
      await breathe()
    }
  }
  await write.flush()
  checkEvents(plan, cut.events)
  return cut
}

/** Collects records of both topics, written in one append. */
function createWriter({ log, schemaId }: TapeTarget) {
  let waiting = new Map<TopicPartition, ProducedRecord[]>()
  let count = 0
  return {
    add(tp: TopicPartition, event: Event): number {
      const records = waiting.get(tp) ?? []
      waiting.set(tp, records)
      records.push(taped(event, schemaId))
      return (count += 1)
    },
    async flush(): Promise<void> {
      const batches = [...waiting].map(([tp, records]) => ({ ...tp, records }))
      waiting = new Map()
      count = 0
      if (batches.length > 0) await log.append(batches)
    },
  }
}

function taped(event: Event, schemaId: number): ProducedRecord {
  const value = encode('Event', schemaId, event)
  return { key: null, value, timestampMs: event.received_at }
}

async function lanesOf(log: Log, { leadFromMs, fromMs, toMs }: DrillPlan): Promise<LaneSpec[]> {
  const topic = TOPICS.raw.name
  const count = (await log.topics()).find(({ name }) => name === topic)?.partitions ?? 0
  const pastMax = Math.floor(DRILL_LIMITS.pastEventsMax / Math.max(1, count))
  const lanes: LaneSpec[] = []
  for (let partition = 0; partition < count; partition += 1) {
    const tp = { topic, partition }
    const lead = await log.offsetForTimestamp(tp, Math.max(0, leadFromMs))
    const start = await log.offsetForTimestamp(tp, Math.max(0, fromMs))
    const end = await log.offsetForTimestamp(tp, toMs)
    const from = Math.max(lead, start - pastMax)
    if (from < end) lanes.push({ ...tp, from, end, aheadMs: 0 })
  }
  return lanes
}
