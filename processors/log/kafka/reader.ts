import type { Clock } from '#/kernel/clock.ts'
import { outOfRange } from '#/processors/log/topic-config.ts'
import type { ConsumedRecord, ReadOptions, TopicPartition } from '#/processors/log/port.ts'
import type { FetchResult } from './api-records.ts'
import { decodeFetched } from './batches.ts'
import { BrokerError, checkCode, CODE, isBrokerError } from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { loadCodec } from './compression.ts'
import type { Fetcher } from './fetcher.ts'

/** Asking for less saves nothing: a broker returns whole batches. */
const FETCH_BYTES_MIN = 256 * 1024
const RECORD_OVERHEAD_BYTES = 16

interface PartitionMemory {
  /** Records of the last fetch that the reader did not want yet; they begin at `leftFrom`. */
  left: readonly ConsumedRecord[]
  leftFrom: number
  /** From `emptyFrom` to `emptyTo` there are only markers and aborted records. */
  emptyFrom: number
  emptyTo: number
}

export interface ReaderDeps {
  cluster: Cluster
  fetcher: Fetcher
  clock: Clock
  closing: AbortSignal
  /** For the error of a read outside the log. */
  rangeOf(tp: TopicPartition): Promise<{ begin: number; end: number }>
}

/** What is asked of one read. */
interface Read extends ReadOptions {
  tp: TopicPartition
  from: number
  deadlineMs: number
  stop: AbortSignal
}

export class Reader {
  readonly #deps: ReaderDeps
  readonly #memories = new Map<string, PartitionMemory>()

  constructor(deps: ReaderDeps) {
    this.#deps = deps
  }

  async read(
    tp: TopicPartition,
    from: number,
    options: ReadOptions,
  ): Promise<readonly ConsumedRecord[]> {
    const { clock, closing, cluster } = this.#deps
    const memory = this.#memoryOf(tp)
    if (memory.left.length > 0 && memory.leftFrom === from) {
      return this.#handOut(memory, { from, records: memory.left, bytesMax: options.bytesMax })
    }
    await cluster.checkPartition(tp)
    if (from < 0) throw await this.#outside(tp, from)
    const stop = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal])
    const deadlineMs = clock.monotonicMs() + options.waitMs
    try {
      return await this.#readOn(memory, { ...options, tp, from, deadlineMs, stop })
    } catch (error) {
      if (stop.aborted) return []
      throw error
    }
  }

  async #readOn(memory: PartitionMemory, read: Read): Promise<readonly ConsumedRecord[]> {
    const { clock } = this.#deps
    let next = memory.emptyFrom === read.from ? memory.emptyTo : read.from
    let fetchBytes = Math.max(read.bytesMax, FETCH_BYTES_MIN)
    // The first look does not wait: it would wait for a free connection too.
    for (let waitMs = 0; ;) {
      const result = await this.#fetch({ ...read, from: next }, fetchBytes, waitMs)
      if (read.stop.aborted) return []
      const decoded = decodeFetched(result, next)
      if (decoded.missing !== undefined) {
        await loadCodec(decoded.missing)
        continue
      }
      if (decoded.records.length > 0) {
        return this.#handOut(memory, { ...read, records: decoded.records })
      }
      if (decoded.bytesWanted > fetchBytes) {
        fetchBytes = decoded.bytesWanted
        waitMs = 0
        continue
      }
      const hasMoved = decoded.next > next
      next = decoded.next
      if (next > read.from) Object.assign(memory, { emptyFrom: read.from, emptyTo: next })
      const leftMs = read.deadlineMs - clock.monotonicMs()
      if (!hasMoved && leftMs <= 0) return []
      waitMs = hasMoved ? 0 : leftMs
    }
  }

  /** One answer without an error; a broker that is away is waited for. */
  #fetch({ tp, from, stop }: Read, bytesMax: number, waitMs: number): Promise<FetchResult> {
    const { cluster, fetcher } = this.#deps
    const attempt = async (): Promise<FetchResult> => {
      try {
        const result = await fetcher.fetch({ ...tp, offset: from, bytesMax }, waitMs, stop)
        if (result.error === CODE.offsetOutOfRange) throw await this.#outside(tp, from)
        checkCode('Fetch', result.error)
        // Below the stable end something always comes, unless the answer was full of other partitions, or the broker
        // has just come back. Who takes that for the end leaves out what is behind it, for good.
        if (result.records.length === 0 && result.lastStableOffset > from)
          throw new BrokerError('Fetch', CODE.offsetNotAvailable)
        return result
      } catch (error) {
        if (isBrokerError(error, CODE.notLeader) || isBrokerError(error, 74))
          cluster.forgetTopic(tp.topic)
        throw error
      }
    }
    const what = `read of ${tp.topic}/${tp.partition}`
    return cluster.retry(attempt, { what, isOver: () => stop.aborted })
  }

  async #outside(tp: TopicPartition, from: number): Promise<Error> {
    return outOfRange(`${tp.topic}/${tp.partition}`, from, await this.#deps.rangeOf(tp))
  }

  #handOut(
    memory: PartitionMemory,
    { records, bytesMax }: { from: number; records: readonly ConsumedRecord[]; bytesMax: number },
  ): readonly ConsumedRecord[] {
    let bytes = 0
    let count = 0
    for (; count < records.length; count++) {
      const { key, value } = records[count]!
      bytes += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
      if (bytes > bytesMax && count > 0) break
    }
    memory.left = count === records.length ? [] : records.slice(count)
    memory.leftFrom = (records[count - 1]?.offset ?? -1) + 1
    return count === records.length ? records : records.slice(0, count)
  }

  #memoryOf({ topic, partition }: TopicPartition): PartitionMemory {
    const key = `${topic}/${partition}`
    let memory = this.#memories.get(key)
    if (memory === undefined) {
      memory = { left: [], leftFrom: -1, emptyFrom: -1, emptyTo: -1 }
      this.#memories.set(key, memory)
    }
    return memory
  }
}
