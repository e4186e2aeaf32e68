import type { Clock } from '#/kernel/clock.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { encode } from '#/schemas/codec.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader } from './record-reader.ts'

export interface ConfigTopicDeps {
  log: Log
  clock: Clock
  schemaIds: SchemaIds
  registry: SchemaRegistry
  /** Told of entries that cannot be read and of a log that does not answer; neither stops the tail. */
  onProblem?: (error: unknown) => void
}

export interface ConfigTopic {
  /** Durable, and applied, when it resolves. */
  write(entries: readonly ConfigEntry[]): Promise<void>
  close(): Promise<void>
}

const TP = { topic: TOPICS.config.name, partition: 0 }
const READ_BYTES_MAX = 1 << 20
const WAIT_MS = 5_000
const RETRY_MS = 1_000

/**
 * Follows the compacted configuration topic: `apply` has seen everything written before when this resolves, and
 * sees what this and other processes write afterwards, in log order. An entry may be applied twice.
 */
export async function openConfigTopic(
  deps: ConfigTopicDeps,
  apply: (entry: ConfigEntry) => void,
): Promise<ConfigTopic> {
  const { log, clock } = deps
  const stop = new AbortController()
  const reader = createRecordReader('ConfigEntry', deps)
  let next = await log.beginningOffset(TP)

  async function take(records: readonly ConsumedRecord[]): Promise<void> {
    for (const record of records) {
      next = record.offset + 1
      if (record.value === null) continue
      try {
        await reader.prepare([record.value])
        apply(reader.read(record.value))
      } catch (error) {
        deps.onProblem?.(error)
      }
    }
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        const options = { bytesMax: READ_BYTES_MAX, waitMs: WAIT_MS, signal: stop.signal }
        await take(await log.read(TP, next, options))
      } catch (error) {
        if (stop.signal.aborted) return
        deps.onProblem?.(error)
        await clock.sleep(RETRY_MS, stop.signal)
      }
    }
  }

  const end = await log.endOffset(TP)
  while (next < end) {
    const records = await log.read(TP, next, { bytesMax: READ_BYTES_MAX, waitMs: 0 })
    // Compaction may leave nothing behind the last kept record.
    if (records.length === 0) break
    await take(records)
  }
  const following = follow()
  return {
    async write(entries) {
      const records = entries.map((entry) => ({
        key: Buffer.from(`${entry.kind}/${entry.id}`, 'utf8'),
        value: encode('ConfigEntry', deps.schemaIds.ConfigEntry, entry),
        timestampMs: entry.at,
      }))
      await log.append([{ ...TP, records }])
      for (const entry of entries) apply(entry)
    },
    async close() {
      stop.abort()
      await following
    },
  }
}
