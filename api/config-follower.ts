import type { Clock } from '#/kernel/clock.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader } from './record-reader.ts'

export interface ConfigFollowerDeps {
  log: Log
  clock: Clock
  schemaIds: SchemaIds
  registry: SchemaRegistry
  /** Told of entries that cannot be read and of a log that does not answer; neither stops it. */
  onProblem?: (error: unknown) => void
}

/** `offset` is null for an entry that is applied ahead of being read. */
export type ApplyEntry = (entry: ConfigEntry, offset: number | null) => void

/** The one reader that a process has of the configuration topic, for all that follow it. */
export interface ConfigFollower {
  /**
   * Hands over what the topic holds, the latest entry of each key in the order of the log, before it returns, and
   * whatever comes from then on. What `apply` throws goes to `onProblem`. Returns what ends it.
   */
  subscribe(apply: ApplyEntry, onProblem?: (error: unknown) => void): () => void
  /** Whether everything below the offset was handed over; false when it takes too long, or was stopped. */
  reached(offset: number, signal: AbortSignal): Promise<boolean>
  close(): Promise<void>
}

const TP = { topic: TOPICS.config.name, partition: 0 }
const READ_BYTES_MAX = 1 << 20
const WAIT_MS = 5_000
const RETRY_MS = 1_000
const REACH_MS_MAX = 10_000

/** Has read the topic to its end when it resolves. Fails with `log_unavailable` where the log does not show it all. */
export async function openConfigFollower(deps: ConfigFollowerDeps): Promise<ConfigFollower> {
  const { log, clock } = deps
  const stop = new AbortController()
  const hand = createHand(deps)
  const seen = createSeen(clock, stop.signal)
  const take = async (from: number, records: readonly ConsumedRecord[]): Promise<number> => {
    await hand.take(records)
    const next = (records.at(-1)?.offset ?? from - 1) + 1
    seen.advance(next)
    return next
  }

  const end = await log.endOffset(TP)
  let next = await log.beginningOffset(TP)
  while (next < end)
    next = await take(next, await readBelow(log, TP, { from: next, bytesMax: READ_BYTES_MAX }))
  seen.advance(next)
  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const options = { bytesMax: READ_BYTES_MAX, waitMs: WAIT_MS, signal: stop.signal }
        next = await take(next, await log.read(TP, next, options))
      } catch (error) {
        if (stop.signal.aborted) return
        deps.onProblem?.(error)
        await clock.sleep(RETRY_MS, stop.signal)
      }
    }
  }
  const following = follow()
  return {
    subscribe: (apply, onProblem) => hand.subscribe({ apply, onProblem }),
    reached: (offset, signal) => seen.reached(offset, signal),
    async close() {
      stop.abort()
      await following
    },
  }
}

interface Subscriber {
  apply: ApplyEntry
  onProblem: ((error: unknown) => void) | undefined
}

/**
 * Decodes each record once and gives it to all. For those who come later it keeps what compaction would leave: as many
 * entries as there are keys, which those who follow hold in some form anyway.
 */
function createHand(deps: ConfigFollowerDeps) {
  const reader = createRecordReader('ConfigEntry', deps)
  const latest = new Map<string, { entry: ConfigEntry; offset: number }>()
  const subscribers = new Set<Subscriber>()
  const give = (
    { apply, onProblem }: Subscriber,
    { entry, offset }: { entry: ConfigEntry; offset: number },
  ): void => {
    try {
      apply(entry, offset)
    } catch (error) {
      // What one cannot make sense of must not be missing for the others.
      onProblem?.(error)
    }
  }
  return {
    async take(records: readonly ConsumedRecord[]): Promise<void> {
      for (const { key, value, offset } of records) {
        const name = key?.toString('utf8') ?? ''
        // In the order of the log: what is replaced goes to the end.
        latest.delete(name)
        if (value === null) continue
        try {
          await reader.prepare([value])
          const placed = { entry: reader.read(value), offset }
          latest.set(name, placed)
          for (const subscriber of subscribers) give(subscriber, placed)
        } catch (error) {
          deps.onProblem?.(error)
        }
      }
    },
    subscribe(subscriber: Subscriber): () => void {
      for (const placed of latest.values()) give(subscriber, placed)
      subscribers.add(subscriber)
      return () => subscribers.delete(subscriber)
    },
  }
}

/** Lets a writer wait until the reader has come past what it wrote. */
function createSeen(clock: Clock, stopped: AbortSignal) {
  let next = 0
  let waiting: { offset: number; wake: () => void }[] = []
  return {
    advance(offset: number): void {
      next = offset
      for (const one of waiting) if (one.offset <= next) one.wake()
      waiting = waiting.filter((one) => one.offset > next)
    },
    async reached(offset: number, signal: AbortSignal): Promise<boolean> {
      if (next >= offset) return true
      const done = new AbortController()
      const mine = { offset, wake: (): void => done.abort() }
      waiting.push(mine)
      await clock.sleep(REACH_MS_MAX, AbortSignal.any([done.signal, signal, stopped]))
      waiting = waiting.filter((one) => one !== mine)
      return next >= offset
    },
  }
}
