import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type {
  OffsetCommit,
  ProducedBatch,
  ProducedRecord,
  TopicPartition,
} from '#/processors/log/port.ts'
import { recordBytesMax } from '#/processors/log/record-batch.ts'
import { TXN_OFFSET_COMMIT } from './api-group.ts'
import type { MemberRef } from './api-group.ts'
import { PRODUCE } from './api-records.ts'
import {
  ADD_OFFSETS,
  ADD_PARTITIONS,
  DESCRIBE_TRANSACTIONS,
  END_TXN,
  INIT_PRODUCER_ID,
  NO_IDENTITY,
} from './api-txn.ts'
import type { ProducerIdentity, TxnRef } from './api-txn.ts'
import { encodeForBroker } from './batches.ts'
import { BrokerError, checkCode, CODE, isBrokerError, toFaultlineError } from './broker-error.ts'
import { isPassing } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import type { KafkaLogOptions } from './options.ts'
import { TransportError } from './transport.ts'

/** A part of the outputs of one partition that goes in one batch; Kafka's default limit is 1 MiB. */
const BATCH_BYTES_MAX = 900 * 1024
const BACKOFF_FIRST_MS = 5
const BACKOFF_MAX_MS = 1000
/** Between looks whether a transaction is complete. */
const LOOK_FIRST_MS = 1

export interface Transaction {
  outputs: readonly ProducedBatch[]
  offsets: readonly OffsetCommit[]
  /** Who commits, asked anew for every attempt: a rebalance changes the generation. */
  member(): MemberRef
  /** Whether the partitions are still ours. */
  holds(): boolean
  /** The broker says that they are not. */
  onFenced(error: unknown): void
}

/**
 * The producer of one input partition of one group. Its transactional id is made of both, so that the next owner
 * takes it over: that ends what the last owner left open, one way or the other, and fences it. The generation of the
 * group, sent with the offsets, keeps a zombie out that takes the id over in turn.
 */
export class PartitionProducer {
  readonly #cluster: Cluster
  readonly #options: KafkaLogOptions
  readonly #transactionalId: string
  readonly #lane: string
  #identity: ProducerIdentity = NO_IDENTITY
  readonly #sequences = new Map<string, number>()
  /** A transaction may be open that nobody will end: take over from oneself before the next. */
  #isDirty = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(cluster: Cluster, options: KafkaLogOptions, transactionalId: string, lane: string) {
    this.#cluster = cluster
    this.#options = options
    this.#transactionalId = transactionalId
    this.#lane = lane
  }

  /** Fences whoever had the partition before. When it resolves, nothing of theirs is undecided. */
  takeOver(isOver: () => boolean): Promise<void> {
    return this.#inTurn(async () => {
      this.#identity = NO_IDENTITY
      const what = `taking over ${this.#transactionalId}`
      await this.#cluster.retry(() => this.#initialise(), { what, deadlineMs: Infinity, isOver })
    })
  }

  /**
   * Resolves when nothing of ours is undecided: who reads what was committed sees all of it. Fails with `stale_owner`
   * when somebody else has taken over.
   */
  async settle(): Promise<void> {
    if (!this.#isDirty) return
    await this.#inTurn(async () => {
      if (!this.#isDirty) return
      const what = `settling ${this.#transactionalId}`
      await this.#cluster.retry(() => this.#beginAnew(), { what })
    })
  }

  /** All of it or nothing. When it rejects, it is decided that nothing of it counts. */
  commit(transaction: Transaction): Promise<void> {
    return this.#inTurn(() => this.#commit(transaction))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #commit(transaction: Transaction): Promise<void> {
    const { clock, random } = this.#options
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)) {
      if (this.#cluster.isClosed) throw new FaultlineError('log_unavailable', 'the log is closed')
      if (!transaction.holds()) throw stale(this.#transactionalId, 'the partition has gone')
      try {
        if (this.#isDirty) await this.#beginAnew()
        await this.#write(transaction)
        await this.#end(transaction)
        return
      } catch (error) {
        this.#isDirty = true
        if (isRejoining(error)) {
          // The group moves on; whether the partition stays with us is known soon.
          if (!transaction.holds()) throw stale(this.#transactionalId, messageOf(error))
        } else if (error instanceof BrokerError && error.isFenced) {
          transaction.onFenced(error)
          throw toFaultlineError(error, this.#transactionalId)
        } else if (!isPassing(error)) {
          await this.#abort()
          throw toFaultlineError(error, this.#transactionalId)
        }
      }
      await clock.sleep(backoffMs * (0.5 + random.unit() / 2))
    }
  }

  async #initialise(): Promise<void> {
    const input = { transactionalId: this.#transactionalId, current: this.#identity }
    this.#identity = await this.#onCoordinator((node) =>
      this.#cluster.send(node, INIT_PRODUCER_ID, input, { lane: this.#lane }),
    )
    this.#sequences.clear()
    this.#isDirty = false
  }

  /** Ends what is open first: a coordinator that has to do it takes the epoch for one that was fenced. */
  async #beginAnew(): Promise<void> {
    try {
      await this.#sendEnd(false)
    } catch (error) {
      // Nothing may be open, or it is being ended: the next request tells.
      if (error instanceof TransportError) throw error
    }
    await this.#initialise()
  }

  #onCoordinator<T>(work: (node: number) => Promise<T>): Promise<T> {
    return this.#cluster.onCoordinator('transaction', this.#transactionalId, work)
  }

  #ref(): TxnRef {
    return { transactionalId: this.#transactionalId, ...this.#identity }
  }

  /** Everything but the end: outputs beside offsets. */
  async #write(transaction: Transaction): Promise<void> {
    const parts = partsOf(transaction.outputs)
    const partitions = parts.map(({ topic, partition }) => ({ topic, partition }))
    if (partitions.length > 0) await this.#addPartitions(partitions)
    const outcomes = await Promise.allSettled([this.#produce(parts), this.#addOffsets(transaction)])
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** The broker may still be busy with the markers of the transaction before. */
  #addPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    return this.#patiently(async () => {
      const results = await this.#onCoordinator((node) =>
        this.#cluster.send(
          node,
          ADD_PARTITIONS,
          { ...this.#ref(), partitions },
          { lane: this.#lane },
        ),
      )
      const failed = results.find(({ error }) => error !== CODE.none && error !== 55)
      checkCode(
        'AddPartitionsToTxn',
        failed?.error ?? results.find(({ error }) => error !== 0)?.error ?? 0,
      )
    })
  }

  async #addOffsets(transaction: Transaction): Promise<void> {
    const { offsets } = transaction
    if (offsets.length === 0) return
    const { group } = transaction.member()
    await this.#patiently(async () => {
      const code = await this.#onCoordinator((node) =>
        this.#cluster.send(node, ADD_OFFSETS, { ...this.#ref(), group }, { lane: this.#lane }),
      )
      checkCode('AddOffsetsToTxn', code)
    })
    const results = await this.#cluster.onCoordinator('group', group, (node) => {
      const input = { ...this.#ref(), member: transaction.member(), offsets }
      return this.#cluster.send(node, TXN_OFFSET_COMMIT, input, { lane: this.#lane })
    })
    for (const { error } of results) checkCode('TxnOffsetCommit', error)
  }

  /** Repeats a request that is refused only because the last transaction is still being completed. */
  async #patiently(request: () => Promise<void>): Promise<void> {
    const { clock } = this.#options
    for (let waitMs = LOOK_FIRST_MS; ; waitMs = Math.min(waitMs * 2, 100)) {
      try {
        await request()
        return
      } catch (error) {
        if (!isBrokerError(error, CODE.concurrentTransactions)) throw error
        await clock.sleep(waitMs)
      }
    }
  }

  async #produce(parts: readonly OutputPart[]): Promise<void> {
    const rounds = Math.max(0, ...parts.map(({ chunks }) => chunks.length))
    for (let round = 0; round < rounds; round++) {
      const byNode = new Map<number, OutputPart[]>()
      for (const part of parts) {
        if (part.chunks[round] === undefined) continue
        const node = await this.#cluster.leaderOf(part)
        byNode.set(node, [...(byNode.get(node) ?? []), part])
      }
      await Promise.all([...byNode].map(([node, ofNode]) => this.#produceTo(node, ofNode, round)))
    }
  }

  async #produceTo(node: number, parts: readonly OutputPart[], round: number): Promise<void> {
    const { compression = 'none' } = this.#options
    const items = parts.map(({ topic, partition, chunks }) => {
      const key = `${topic}/${partition}`
      const records = chunks[round]!
      const sequence = this.#sequences.get(key) ?? 0
      this.#sequences.set(key, sequence + records.length)
      const producer = { ...this.#identity, sequence, isTransactional: true }
      return { topic, partition, batch: encodeForBroker(records, { producer, compression }) }
    })
    const input = { transactionalId: this.#transactionalId, items }
    const results = await this.#cluster.send(node, PRODUCE, input, { lane: this.#lane })
    for (const { error, topic } of results) {
      if (error === CODE.notLeader) this.#cluster.forgetTopic(topic)
      checkCode('Produce', error)
    }
  }

  /** Asks for the end until the answer is known, then waits until everybody can see it. */
  async #end(transaction: Transaction): Promise<void> {
    const { clock, random } = this.#options
    let isAskedAgain = false
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)) {
      try {
        await this.#sendEnd(true)
        break
      } catch (error) {
        if (!isPassing(error)) throw error
        // Without an answer only the next owner can find out what became of it, by taking over.
        if (!transaction.holds() || this.#cluster.isClosed)
          throw stale(this.#transactionalId, `the end is unknown: ${messageOf(error)}`)
        isAskedAgain = true
      }
      await clock.sleep(backoffMs * (0.5 + random.unit() / 2))
    }
    await this.#visible(transaction)
    // A request for the end that was given up may still reach the broker, and would end the next transaction half
    // written: another epoch keeps it out.
    if (isAskedAgain) this.#isDirty = true
  }

  async #sendEnd(commit: boolean): Promise<void> {
    const code = await this.#onCoordinator((node) =>
      this.#cluster.send(node, END_TXN, { ...this.#ref(), commit }, { lane: this.#lane }),
    )
    checkCode('EndTxn', code)
  }

  /** The decision stands once the end is acknowledged; readers see it when the markers are written. */
  async #visible(transaction: Transaction): Promise<void> {
    const { clock } = this.#options
    for (let waitMs = LOOK_FIRST_MS; ; waitMs = Math.min(waitMs * 2, 100)) {
      try {
        const isComplete = await this.#onCoordinator(async (node) => {
          if (!(await this.#cluster.supports(node, DESCRIBE_TRANSACTIONS, this.#lane))) return true
          const lane = { lane: this.#lane }
          const { error, state } = await this.#cluster.send(
            node,
            DESCRIBE_TRANSACTIONS,
            this.#transactionalId,
            lane,
          )
          // A coordinator that loads after a restart knows no state, and has not written the markers either.
          checkCode('DescribeTransactions', error)
          return state !== 'PrepareCommit'
        })
        if (isComplete) return
      } catch (error) {
        if (!isPassing(error)) {
          // It stands; that it can be seen is found out before the next thing is done.
          this.#isDirty = true
          return
        }
      }
      if (this.#cluster.isClosed || !transaction.holds()) return
      await clock.sleep(waitMs)
    }
  }

  /** Best effort: what stays open ends with the next take-over or by its time. */
  async #abort(): Promise<void> {
    await this.#sendEnd(false).catch(() => undefined)
  }
}

interface OutputPart extends TopicPartition {
  chunks: ProducedRecord[][]
}

/** Outputs by partition, in pieces that fit a batch. */
function partsOf(outputs: readonly ProducedBatch[]): OutputPart[] {
  const parts = new Map<string, OutputPart & { bytes: number }>()
  for (const { topic, partition, records } of outputs) {
    if (records.length === 0) continue
    const key = `${topic}/${partition}`
    let part = parts.get(key)
    if (part === undefined) parts.set(key, (part = { topic, partition, chunks: [], bytes: 0 }))
    for (const record of records) {
      const bytes = recordBytesMax(record)
      const last = part.chunks.at(-1)
      if (last === undefined || part.bytes + bytes > BATCH_BYTES_MAX) {
        part.chunks.push([record])
        part.bytes = bytes
      } else {
        last.push(record)
        part.bytes += bytes
      }
    }
  }
  return [...parts.values()]
}

function isRejoining(error: unknown): boolean {
  return (
    isBrokerError(error, CODE.illegalGeneration) || isBrokerError(error, CODE.rebalanceInProgress)
  )
}

function stale(what: string, detail: string): FaultlineError {
  return new FaultlineError('stale_owner', `${what}: ${detail}`)
}
