import type { Clock } from '#/kernel/clock.ts'
import type { GroupMembership, Log, ProducedBatch, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'

export interface TickerDeps {
  log: Log
  clock: Clock
  /** Topic whose every partition gets each tick between its records. */
  telemetryTopic: string
  /** Other topics whose records want to be acted on within a second, such as decisions of people. */
  watchedTopics?: readonly string[]
  /** Topic that records ticks alone, one partition; also what makes one process the ticker of all. */
  clockTopic: string
  encodeTick(tick: { number: number; at: number }): Buffer
  /** Reads a record of the clock topic; undefined when it is none. */
  decodeTick(value: Buffer): { number: number; at: number } | undefined
  onProblem(error: unknown): void
}

export interface Ticker {
  start(): Promise<void>
  stop(): Promise<void>
}

const TICK_MS = 1000
/** Without events a tick still comes, so that silence is noticed. */
export const TICK_IDLE_MS = 10_000
const GROUP = 'ticker'
const READ_BYTES = 64 * 1024

/**
 * Writes the time into the log: the same tick, in one append, to every telemetry partition and to the clock topic.
 * From then on it is input like any other; nothing downstream looks at a clock. Of several processes one ticks:
 * the owner of the clock topic's partition. Were two to believe it for a moment, repeats are ignored downstream.
 */
export function createTicker(deps: TickerDeps): Ticker {
  const { log, clock, telemetryTopic, clockTopic } = deps
  let membership: GroupMembership | undefined
  let stop = new AbortController()
  let loop = Promise.resolve()

  const run = async (signal: AbortSignal): Promise<void> => {
    const partitions = await partitionCount(log, telemetryTopic)
    const watched = await partitionsOf(log, [telemetryTopic, ...(deps.watchedTopics ?? [])])
    let last = await lastTick(deps)
    let seen = -1
    let awakeUntil = 0
    let tickedMs = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const nowMs = clock.nowMs()
      const end = await totalEnd(log, watched)
      const number = Math.floor(nowMs / TICK_MS)
      // What came in the second half of a second belongs to the slice of the tick after the next.
      if (end !== seen) awakeUntil = number + 1
      const isDue = number <= awakeUntil || nowMs - tickedMs >= TICK_IDLE_MS
      // A wall clock that was set back stops ticking until it has caught up, rather than going back.
      if (isDue && number > last) {
        await log.append(tickBatches(deps, partitions, { number, at: nowMs }))
        last = number
        tickedMs = nowMs
        seen = end + partitions
      }
      await clock.sleep(TICK_MS - (clock.nowMs() % TICK_MS), signal)
    }
  }
  const runSafely = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await run(signal)
      } catch (error) {
        deps.onProblem(error)
        await clock.sleep(TICK_MS, signal)
      }
    }
  }
  return {
    async start() {
      membership = await log.join({
        group: GROUP,
        topics: [clockTopic],
        onAssigned: async () => {
          stop = new AbortController()
          loop = runSafely(stop.signal)
        },
        onRevoked: async () => {
          stop.abort()
          await loop
        },
      })
    },
    async stop() {
      stop.abort()
      await loop
      await membership?.leave()
    },
  }
}

/** One tick for every partition, as one append. */
export function tickBatches(
  deps: Pick<TickerDeps, 'telemetryTopic' | 'clockTopic' | 'encodeTick'>,
  partitions: number,
  tick: { number: number; at: number },
): ProducedBatch[] {
  const records = [{ key: null, value: deps.encodeTick(tick), timestampMs: tick.at }]
  const batches: ProducedBatch[] = [{ topic: deps.clockTopic, partition: 0, records }]
  for (let partition = 0; partition < partitions; partition += 1)
    batches.push({ topic: deps.telemetryTopic, partition, records })
  return batches
}

async function partitionCount(log: Log, topic: string): Promise<number> {
  return (await log.topics()).find(({ name }) => name === topic)?.partitions ?? 0
}

async function partitionsOf(log: Log, names: readonly string[]): Promise<TopicPartition[]> {
  const topics = (await log.topics()).filter(({ name }) => names.includes(name))
  return topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
}

async function totalEnd(log: Log, watched: readonly TopicPartition[]): Promise<number> {
  let total = 0
  for (const tp of watched) total += await log.endOffset(tp)
  return total
}

async function lastTick(deps: TickerDeps): Promise<number> {
  const { log, clockTopic } = deps
  const tp = { topic: clockTopic, partition: 0 }
  const end = await log.endOffset(tp)
  const from = Math.max(await log.beginningOffset(tp), end - 1)
  const records = from < end ? await readBelow(log, tp, { from, bytesMax: READ_BYTES }) : []
  const value = records.at(-1)?.value
  return value == null ? 0 : (deps.decodeTick(value)?.number ?? 0)
}
