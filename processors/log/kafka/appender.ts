import { FaultlineError } from '#/kernel/errors.ts'
import type {
  AppendResult,
  ProducedBatch,
  ProducedRecord,
  TopicPartition,
} from '#/processors/log/port.ts'
import { PRODUCE } from './api-records.ts'
import { INIT_PRODUCER_ID, NO_IDENTITY } from './api-txn.ts'
import type { ProducerIdentity } from './api-txn.ts'
import { encodeForBroker } from './batches.ts'
import { BrokerError, CODE, toFaultlineError } from './broker-error.ts'
import { isPassing, unavailable } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import type { KafkaLogOptions } from './options.ts'

/** What waits for a partition is put into one batch up to this size. */
const BATCH_BYTES_MAX = 512 * 1024
const PENDING_BYTES_MAX = 64 << 20
const BACKOFF_FIRST_MS = 10
const BACKOFF_MAX_MS = 1000

interface Entry {
  records: readonly ProducedRecord[]
  bytes: number
  deadlineMs: number
  resolve: (baseOffset: number) => void
  reject: (error: unknown) => void
}

interface Lane extends TopicPartition {
  waiting: Entry[]
  isBusy: boolean
  /** Each partition has a producer of its own, so that trouble with one does not touch the sequences of others. */
  identity: ProducerIdentity | undefined
  sequence: number
}

/** A batch on its way: what is in it and the bytes, which stay the same however often they are sent. */
interface Flight {
  lane: Lane
  entries: readonly Entry[]
  count: number
  batch: readonly Buffer[]
  resolve: (outcome: Outcome) => void
}

type Outcome = { baseOffset: number } | { error: unknown }

/**
 * Appends outside of commits: idempotent, so that a batch sent again after a lost answer is there once. One batch
 * per partition is on its way, and what arrives meanwhile goes together into the next.
 */
export class Appender {
  readonly #cluster: Cluster
  readonly #options: KafkaLogOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #ready = new Map<number, Flight[]>()
  #pendingBytes = 0

  constructor(cluster: Cluster, options: KafkaLogOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  /** `sizes` are upper bounds of the encoded bytes of the batches. */
  async append(
    batches: readonly ProducedBatch[],
    sizes: readonly number[],
  ): Promise<readonly AppendResult[]> {
    const bytes = sizes.reduce((sum, one) => sum + one, 0)
    const { pendingBytesMax = PENDING_BYTES_MAX } = this.#options
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > pendingBytesMax) {
      const detail = `${this.#pendingBytes} bytes wait for the broker already`
      throw new FaultlineError('overloaded', detail)
    }
    const deadlineMs = this.#cluster.deadlineMs()
    const outcomes = batches.map(({ topic, partition, records }, index) =>
      this.#enqueue({ topic, partition }, { records, bytes: sizes[index]!, deadlineMs }),
    )
    const settled = await Promise.allSettled(outcomes)
    const failed = settled.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return Promise.all(
      batches.map(async ({ topic, partition, records }, index) => ({
        topic,
        partition,
        baseOffset: await outcomes[index]!,
        count: records.length,
      })),
    )
  }

  #enqueue(
    tp: TopicPartition,
    item: Pick<Entry, 'records' | 'bytes' | 'deadlineMs'>,
  ): Promise<number> {
    const lane = this.#laneOf(tp)
    this.#pendingBytes += item.bytes
    const done = new Promise<number>((resolve, reject) => {
      const refuse = (error: unknown): void =>
        reject(error instanceof Error ? error : new Error(String(error)))
      lane.waiting.push({ ...item, resolve, reject: refuse })
    }).finally(() => (this.#pendingBytes -= item.bytes))
    if (!lane.isBusy) {
      lane.isBusy = true
      void this.#drain(lane)
    }
    return done
  }

  #laneOf(tp: TopicPartition): Lane {
    const key = `${tp.topic}/${tp.partition}`
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      const { topic, partition } = tp
      lane = { topic, partition, waiting: [], isBusy: false, identity: undefined, sequence: 0 }
      this.#lanes.set(key, lane)
    }
    return lane
  }

  /** Sends what waits for a partition, batch after batch. Never rejects. */
  async #drain(lane: Lane): Promise<void> {
    // What is appended in the same turn goes along.
    await new Promise((resolve) => setImmediate(resolve))
    while (lane.waiting.length > 0) {
      const entries = takeBatch(lane)
      const outcome = await this.#deliver(lane, entries)
      if ('error' in outcome) {
        // One that is too large must not take the others with it.
        if (entries.length > 1 && isTooLarge(outcome.error)) await this.#deliverEach(lane, entries)
        else for (const entry of entries) entry.reject(outcome.error)
      } else settle(entries, outcome.baseOffset)
    }
    lane.isBusy = false
  }

  async #deliverEach(lane: Lane, entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      const outcome = await this.#deliver(lane, [entry])
      if ('error' in outcome) entry.reject(outcome.error)
      else entry.resolve(outcome.baseOffset)
    }
  }

  async #deliver(lane: Lane, entries: readonly Entry[]): Promise<Outcome> {
    const { clock, random, compression = 'none' } = this.#options
    const what = `append to ${lane.topic}/${lane.partition}`
    const records =
      entries.length === 1 ? entries[0]!.records : entries.flatMap((one) => one.records)
    const deadlineMs = Math.max(...entries.map((entry) => entry.deadlineMs))
    let batch: Buffer[] | undefined
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)) {
      let failure: unknown
      try {
        const identity = (lane.identity ??= await this.#newIdentity())
        const producer = { ...identity, sequence: lane.sequence, isTransactional: false }
        batch ??= encodeForBroker(records, { producer, compression })
        const outcome = await this.#fly(lane, { entries, count: records.length, batch })
        if ('baseOffset' in outcome) {
          lane.sequence += records.length
          return outcome
        }
        failure = outcome.error
      } catch (error) {
        failure = error
      }
      if (failure instanceof BrokerError && failure.isFenced) {
        // The broker forgot this producer (its records expired, or it was never told): begin a new one.
        lane.identity = undefined
        lane.sequence = 0
        batch = undefined
      } else if (!isPassing(failure)) {
        forget(lane)
        return { error: toFaultlineError(failure, what) }
      }
      if (this.#cluster.isClosed || clock.monotonicMs() + backoffMs > deadlineMs) {
        // Whether it arrived is unknown, so the sequence is, too.
        forget(lane)
        return { error: unavailable(what, failure) }
      }
      await clock.sleep(backoffMs * (0.5 + random.unit() / 2))
    }
  }

  async #newIdentity(): Promise<ProducerIdentity> {
    const input = { transactionalId: null, current: NO_IDENTITY }
    return this.#cluster.send(await this.#cluster.anyNode(), INIT_PRODUCER_ID, input, {
      lane: 'main',
    })
  }

  /** Batches for one broker that are ready in the same turn go in one request. */
  async #fly(lane: Lane, load: Omit<Flight, 'lane' | 'resolve'>): Promise<Outcome> {
    const node = await this.#cluster.leaderOf(lane)
    return new Promise((resolve) => {
      const flight = { ...load, lane, resolve }
      const flights = this.#ready.get(node)
      if (flights !== undefined) {
        flights.push(flight)
        return
      }
      this.#ready.set(node, [flight])
      setImmediate(() => void this.#send(node))
    })
  }

  async #send(node: number): Promise<void> {
    const flights = this.#ready.get(node) ?? []
    this.#ready.delete(node)
    const items = flights.map(({ lane, batch }) => ({
      topic: lane.topic,
      partition: lane.partition,
      batch,
    }))
    try {
      const results = await this.#cluster.send(
        node,
        PRODUCE,
        { transactionalId: null, items },
        { lane: 'produce' },
      )
      const byPartition = new Map(results.map((one) => [`${one.topic}/${one.partition}`, one]))
      for (const { lane, resolve } of flights) {
        const result = byPartition.get(`${lane.topic}/${lane.partition}`)
        const error = result?.error ?? -1
        if (error === CODE.notLeader) this.#cluster.forgetTopic(lane.topic)
        if (error === CODE.none || error === CODE.duplicateSequence)
          resolve({ baseOffset: result?.baseOffset ?? -1 })
        else resolve({ error: new BrokerError('Produce', error) })
      }
    } catch (error) {
      for (const { lane, resolve } of flights) {
        this.#cluster.forgetTopic(lane.topic)
        resolve({ error })
      }
    }
  }
}

function takeBatch(lane: Lane): Entry[] {
  let bytes = 0
  let count = 0
  for (const entry of lane.waiting) {
    bytes += entry.bytes
    if (count > 0 && bytes > BATCH_BYTES_MAX) break
    count++
  }
  return lane.waiting.splice(0, count)
}

function settle(entries: readonly Entry[], baseOffset: number): void {
  let next = baseOffset
  for (const { records, resolve } of entries) {
    resolve(next)
    next += records.length
  }
}

function forget(lane: Lane): void {
  lane.identity = undefined
  lane.sequence = 0
}

function isTooLarge(error: unknown): boolean {
  return error instanceof FaultlineError && error.code === 'body_too_large'
}
