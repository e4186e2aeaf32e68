import type { ConsumedRecord, Log, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'

/**
 * Reads several partitions as one stream in order of time, in an order that depends on their content alone: not on
 * how much a read returns, nor on how fast the log is. That is what lets a replay that was interrupted go on from
 * its last checkpoint and write the same rows in the same batches again.
 */
export interface LaneSpec extends TopicPartition {
  from: number
  /** Exclusive. */
  end: number
  /** Read this much earlier than the others, in ms of the records' timestamps. */
  aheadMs: number
}

/** Records of one partition that follow each other. */
export interface LaneRun {
  tp: TopicPartition
  records: readonly ConsumedRecord[]
  /** The next offset of this partition. */
  next: number
  /** The next run may be of another partition: a place where reading may be interrupted. */
  isWhole: boolean
}

const READ_BYTES = 512 * 1024
/** A partition may be this far ahead of the others before its turn is over. */
export const LANE_SLICE_MS = 1000

class Lane {
  readonly spec: LaneSpec
  readonly #log: Log
  #buffer: readonly ConsumedRecord[] = []
  #at = 0
  #position: number
  /** Timestamps may go back; the latest one seen counts. */
  #latestMs = -Infinity

  constructor(log: Log, spec: LaneSpec) {
    this.#log = log
    this.spec = spec
    this.#position = spec.from
  }

  get position(): number {
    return this.#position
  }

  /** When the next record is due; undefined at the end. */
  async dueMs(): Promise<number | undefined> {
    const record = await this.#peek()
    if (record === undefined) return undefined
    return Math.max(this.#latestMs, record.timestampMs) - this.spec.aheadMs
  }

  /** What is read already and due by then. */
  takeUntil(dueMs: number): ConsumedRecord[] {
    const taken: ConsumedRecord[] = []
    for (; this.#at < this.#buffer.length; this.#at += 1) {
      const record = this.#buffer[this.#at]!
      const latestMs = Math.max(this.#latestMs, record.timestampMs)
      if (record.offset >= this.spec.end || latestMs - this.spec.aheadMs > dueMs) break
      this.#latestMs = latestMs
      this.#position = record.offset + 1
      taken.push(record)
    }
    return taken
  }

  async #peek(): Promise<ConsumedRecord | undefined> {
    if (this.#at >= this.#buffer.length) {
      if (this.#position >= this.spec.end) return undefined
      const { topic, partition } = this.spec
      const options = { from: this.#position, bytesMax: READ_BYTES }
      this.#buffer = await readBelow(this.#log, { topic, partition }, options)
      this.#at = 0
    }
    const record = this.#buffer[this.#at]
    if (record !== undefined && record.offset < this.spec.end) return record
    // What compaction left lies behind the range.
    this.#position = this.spec.end
    return undefined
  }
}

export async function* readLanes(log: Log, specs: readonly LaneSpec[]): AsyncGenerator<LaneRun> {
  const lanes = specs.map((spec) => new Lane(log, spec))
  for (;;) {
    const next = await earliest(lanes)
    if (next === undefined) return
    const untilMs = next.dueMs + LANE_SLICE_MS
    const { topic, partition } = next.lane.spec
    for (let isWhole = false; !isWhole;) {
      const records = next.lane.takeUntil(untilMs)
      const dueMs = await next.lane.dueMs()
      isWhole = dueMs === undefined || dueMs > untilMs
      yield { tp: { topic, partition }, records, next: next.lane.position, isWhole }
    }
  }
}

async function earliest(
  lanes: readonly Lane[],
): Promise<{ lane: Lane; dueMs: number } | undefined> {
  let found: { lane: Lane; dueMs: number } | undefined
  for (const lane of lanes) {
    const dueMs = await lane.dueMs()
    if (dueMs !== undefined && (found === undefined || dueMs < found.dueMs)) found = { lane, dueMs }
  }
  return found
}
