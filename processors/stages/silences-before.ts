import { readSilence } from '#/processors/domain/incident/silence-entry.ts'
import type { Silence } from '#/processors/domain/incident/silence.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { scanPartition } from '#/processors/runtime/changelog.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

const CONFIG = { topic: TOPICS.config.name, partition: 0 }

/**
 * Silences decided before `timeMs` and not taken back by then, oldest first. A replay from the middle of the log does
 * not meet their actions; config.v1 keeps them.
 */
export async function loadSilencesBefore(
  { log, schemas }: { log: Log; schemas: SchemaSource },
  timeMs: number,
): Promise<readonly Silence[]> {
  const reader = createRecordReader('ConfigEntry', schemas)
  const found = new Map<string, { silence: Silence; atMs: number }>()
  const records: ConsumedRecord[] = []
  await scanPartition(log, CONFIG, (record) => records.push(record))
  await reader.prepare(records)
  for (const { value } of records) {
    const read = reader.read(value)
    const kept = read.kind === 'record' ? readSilence(read.record) : undefined
    if (kept === undefined || !kept.isPlaced) continue
    const { silence, atMs, removed } = kept
    const name = `${silence.project}/${silence.id}`
    if (atMs < timeMs && !(removed !== null && removed.atMs < timeMs))
      found.set(name, { silence, atMs })
    else found.delete(name)
  }
  return [...found.values()]
    .toSorted((left, right) => left.atMs - right.atMs)
    .map(({ silence }) => silence)
}
