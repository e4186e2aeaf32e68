import type { ConsumedRecord } from '#/processors/log/port.ts'
import { schemaIdOf } from '#/schemas/codec.ts'
import type { SchemaIds } from '#/schemas/registry.ts'

/**
 * Which records become rows, and by which schema. Ticks, tombstones and records without a key (markers and decisions
 * between detections) are machinery, not rows. Bytes of no schema are given to the table all the same: it refuses
 * them, and they end as dead letters rather than in silence.
 */
export function rowSchemaOf(ids: SchemaIds): (record: ConsumedRecord) => number | undefined {
  return ({ key, value }) => {
    if (value === null || key === null) return undefined
    const id = schemaIdOf(value) ?? 0
    return id === ids.Tick ? undefined : id
  }
}
