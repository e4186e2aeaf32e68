import type { ConsumedRecord, Log, ProducedBatch } from '#/processors/log/port.ts'
import { createRecordReader } from '#/api/record-reader.ts'
import { encode } from '#/schemas/codec.ts'
import type { Action } from '#/schemas/records.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'

export interface SchemaSource {
  schemaIds: SchemaIds
  registry: SchemaRegistry
}

export interface PlacedAction {
  offset: number
  timestampMs: number
  action: Action
}

/** Reads records as actions; what cannot be read is told and skipped, because it can be no event of ours. */
export function createActionReader(
  schemas: SchemaSource,
  onProblem: ((error: unknown) => void) | undefined,
): (records: readonly ConsumedRecord[]) => Promise<PlacedAction[]> {
  const reader = createRecordReader('Action', schemas)
  return async (records) => {
    const placed: PlacedAction[] = []
    for (const { value, offset, timestampMs } of records) {
      if (value === null) continue
      try {
        await reader.prepare([value])
        placed.push({ offset, timestampMs, action: reader.read(value) })
      } catch (error) {
        onProblem?.(error)
      }
    }
    return placed
  }
}

/** The batch of one partition; the key is the incident, so that its records stay in order. */
export function batchOf(
  place: { topic: string; partition: number },
  actions: readonly Action[],
  schemaId: number,
): ProducedBatch {
  return {
    ...place,
    records: actions.map((action) => ({
      key: Buffer.from(action.incident_id),
      value: encode('Action', schemaId, action),
      timestampMs: action.at,
    })),
  }
}

export async function partitionsOf(log: Log, topic: string): Promise<number> {
  return (await log.topics()).find(({ name }) => name === topic)?.partitions ?? 1
}
