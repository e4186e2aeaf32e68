import type { Clock } from '#/kernel/clock.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
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
  /** Durable, and applied, when it resolves. Nothing of them is applied before what was written earlier. */
  write(entries: readonly ConfigEntry[]): Promise<void>
  /** Writes tombstones: compaction drops these entries after a while. Who holds them in memory drops them himself. */
  forget(entries: readonly Pick<ConfigEntry, 'kind' | 'id'>[]): Promise<void>
  close(): Promise<void>
}

const TP = { topic: TOPICS.config.name, partition: 0 }
const READ_BYTES_MAX = 1 << 20
const WAIT_MS = 5_000
const RETRY_MS = 1_000
const APPLY_MS_MAX = 10_000

/**
 * Follows the compacted configuration topic: `apply` has seen everything written before when this resolves, and
 * sees what this and other processes write afterwards, in log order and once each. Only when the log does not answer
 * for long after a write is an entry applied ahead, and once more when it is read.
 */
export async function openConfigTopic(
  deps: ConfigTopicDeps,
  apply: (entry: ConfigEntry) => void,
): Promise<ConfigTopic> {
  const { log, clock } = deps
  const stop = new AbortController()
  const reader = createRecordReader('ConfigEntry', deps)
  let next = await log.beginningOffset(TP)
  const seen = createSeen(clock, stop.signal)

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
    seen.advance(next)
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
  while (next < end) await take(await readBelow(log, TP, { from: next, bytesMax: READ_BYTES_MAX }))
  const following = follow()
  return {
    async write(entries) {
      const records = entries.map((entry) => ({
        key: keyOf(entry),
        value: encode('ConfigEntry', deps.schemaIds.ConfigEntry, entry),
        timestampMs: entry.at,
      }))
      const [written] = await log.append([{ ...TP, records }])
      const behind = (written?.baseOffset ?? 0) + entries.length
      if (!(await seen.reached(behind))) for (const entry of entries) apply(entry)
    },
    async forget(entries) {
      const timestampMs = clock.nowMs()
      const records = entries.map((entry) => ({ key: keyOf(entry), value: null, timestampMs }))
      if (records.length > 0) await log.append([{ ...TP, records }])
    },
    async close() {
      stop.abort()
      await following
    },
  }
}

/** Lets a writer wait until the tail has come past what it wrote. */
function createSeen(clock: Clock, stopped: AbortSignal) {
  let next = 0
  let waiting: { offset: number; wake: () => void }[] = []
  return {
    advance(offset: number): void {
      next = offset
      for (const one of waiting) if (one.offset <= next) one.wake()
      waiting = waiting.filter((one) => one.offset > next)
    },
    /** False when it takes too long, or the topic closes meanwhile. */
    async reached(offset: number): Promise<boolean> {
      if (next >= offset) return true
      const done = new AbortController()
      const wake = (): void => done.abort()
      waiting.push({ offset, wake })
      stopped.addEventListener('abort', wake, { once: true })
      await clock.sleep(APPLY_MS_MAX, done.signal)
      stopped.removeEventListener('abort', wake)
      return next >= offset
    },
  }
}

function keyOf({ kind, id }: Pick<ConfigEntry, 'kind' | 'id'>): Buffer {
  return Buffer.from(`${kind}/${id}`, 'utf8')
}
