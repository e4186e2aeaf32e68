import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import { TXN_OFFSET_COMMIT } from './api-group.ts'
import { PRODUCE } from './api-records.ts'
import {
  ADD_OFFSETS,
  ADD_PARTITIONS,
  DESCRIBE_TRANSACTIONS,
  END_TXN,
  INIT_PRODUCER_ID,
  NO_IDENTITY,
} from './api-txn.ts'
import type { DescribedTransaction, ProducerIdentity, TxnRef } from './api-txn.ts'
import { encodeForBroker } from './batches.ts'
import {
  BrokerError,
  checkCode,
  CODE,
  isBrokerError,
  isRejoining,
  toFaultlineError,
} from './broker-error.ts'
import { isPassing } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { PendingDecision } from './decision.ts'
import type { Decision } from './decision.ts'
import type { OpenTransactions } from './left-open.ts'
import type { KafkaLogOptions } from './options.ts'
import { partsOf } from './output-parts.ts'
import type { OutputPart } from './output-parts.ts'
import type { ProducerPlace, Transaction } from './transaction.ts'

const BACKOFF_FIRST_MS = 5
const BACKOFF_MAX_MS = 1000
/** Between looks whether a transaction is complete. */
const LOOK_FIRST_MS = 1

/**
 * The producer of one input partition of one group. Its transactional id is made of both, so that the next owner
 * takes it over: that ends what the last owner left open, one way or the other, and fences it. The generation of the
 * group, sent with the offsets, keeps a zombie out that takes the id over in turn.
 */
export class PartitionProducer {
  readonly #cluster: Cluster
  readonly #options: KafkaLogOptions
  readonly #transactionalId: string
  readonly #group: string
  readonly #lane: string
  readonly #open: OpenTransactions
  #identity: ProducerIdentity = NO_IDENTITY
  readonly #sequences = new Map<string, number>()
  /** A transaction may be open that nobody will end: take over from oneself before the next. */
  #isDirty = false
  readonly #decided = new PendingDecision()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    cluster: Cluster,
    options: KafkaLogOptions,
    { transactionalId, group, lane, open }: ProducerPlace,
  ) {
    this.#cluster = cluster
    this.#options = options
    this.#transactionalId = transactionalId
    this.#group = group
    this.#lane = lane
    this.#open = open
  }

  /** Fences whoever had the partition before. When it resolves, nothing of theirs is undecided. */
  takeOver(isOver: () => boolean): Promise<void> {
    return this.#inTurn(async () => {
      this.#identity = NO_IDENTITY
      this.#decided.doubt()
      const what = `taking over ${this.#transactionalId}`
      await this.#cluster.retry(() => this.#take(), { what, deadlineMs: Infinity, isOver })
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

  /** Something of ours looks undecided although its end was answered: the next `settle` or commit finds out. */
  suspect(): void {
    this.#isDirty = true
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

  async #take(): Promise<void> {
    try {
      await (this.#identity === NO_IDENTITY ? this.#initialise() : this.#beginAnew())
    } catch (error) {
      if (!(error instanceof BrokerError && error.isFenced)) throw error
      // Somebody else took over in between. The group knows who is right, and tells.
      this.#identity = NO_IDENTITY
      this.#decided.doubt()
      throw new BrokerError(error.apiName, CODE.concurrentTransactions, messageOf(error))
    }
  }

  async #initialise(): Promise<void> {
    this.#decided.learn(await this.#described())
    const input = { transactionalId: this.#transactionalId, current: this.#identity }
    this.#identity = await this.#onCoordinator((node) =>
      this.#cluster.send(node, INIT_PRODUCER_ID, input, { lane: this.#lane }),
    )
    this.#decided.taken(this.#identity)
    this.#sequences.clear()
    try {
      const { value } = this.#decided
      if (value !== undefined) await this.#closeLeft(value)
    } catch (error) {
      if (isPassing(error) || (error instanceof BrokerError && error.isFenced)) throw error
      this.#options.onProblem?.(error)
    }
    this.#decided.clear()
    this.#isDirty = false
  }

  /** Writes the markers that the broker owes, by a transaction that holds nothing but the partitions. */
  async #closeLeft(decision: Decision): Promise<void> {
    const { producerId } = this.#identity
    const group = this.#group
    const left = await this.#open.leftBy({ producerId, group })
    if (left.partitions.length === 0 && !left.hasOffsets) return
    if (left.partitions.length > 0) await this.#addPartitions(left.partitions)
    if (left.hasOffsets) await this.#addGroup(group)
    await this.#patiently(() => this.#sendEnd(decision === 'commit'))
    while (!this.#cluster.isClosed && (await this.#state()).startsWith('Prepare'))
      await this.#options.clock.sleep(LOOK_FIRST_MS)
    const places = left.partitions.map(({ topic, partition }) => `${topic}/${partition}`)
    if (left.hasOffsets) places.push(`offsets of ${group}`)
    const detail = `the broker had called it complete without markers on ${places.join(', ')}`
    this.#options.onProblem?.(
      new FaultlineError(
        'log_unavailable',
        `${decision} of ${this.#transactionalId}: ${detail}; they are written now`,
      ),
    )
  }

  async #state(): Promise<string> {
    return (await this.#described()).state
  }

  /** In the coordinator's words; empty where it knows nothing of the id, or does not tell. */
  #described(): Promise<DescribedTransaction> {
    return this.#onCoordinator(async (node) => {
      const lane = { lane: this.#lane }
      const nothing = { error: CODE.none, state: '', ...NO_IDENTITY }
      if (!(await this.#cluster.supports(node, DESCRIBE_TRANSACTIONS, this.#lane))) return nothing
      const id = this.#transactionalId
      const described = await this.#cluster.send(node, DESCRIBE_TRANSACTIONS, id, lane)
      // A coordinator that loads after a restart knows no state, and has not written the markers either.
      const failure = new BrokerError('DescribeTransactions', described.error)
      if (failure.isPassing) throw failure
      return described.error === CODE.none ? described : nothing
    })
  }

  /**
   * Ends what is open first: a coordinator that has to do it takes the epoch for one that was fenced. While missing
   * markers are written that goes the way it was decided.
   */
  async #beginAnew(): Promise<void> {
    try {
      await this.#sendEnd(this.#decided.value === 'commit')
    } catch (error) {
      // Otherwise nothing was open.
      if (isPassing(error)) throw error
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
    await this.#addGroup(group)
    const results = await this.#cluster.onCoordinator('group', group, (node) => {
      const input = { ...this.#ref(), member: transaction.member(), offsets }
      return this.#cluster.send(node, TXN_OFFSET_COMMIT, input, { lane: this.#lane })
    })
    for (const { error } of results) checkCode('TxnOffsetCommit', error)
  }

  #addGroup(group: string): Promise<void> {
    return this.#patiently(async () => {
      const code = await this.#onCoordinator((node) =>
        this.#cluster.send(node, ADD_OFFSETS, { ...this.#ref(), group }, { lane: this.#lane }),
      )
      checkCode('AddOffsetsToTxn', code)
    })
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
    const wasSmooth = await this.#visible(transaction)
    if (isAskedAgain || !wasSmooth) await this.#afterTrouble(transaction)
  }

  /**
   * It stands, whatever happens here. But a request for the end that was given up may still reach the broker, and would
   * end the next transaction half written: another epoch keeps it out. And a broker that came back may owe markers.
   */
  async #afterTrouble(transaction: Transaction): Promise<void> {
    this.#isDirty = true
    this.#decided.set('commit')
    while (transaction.holds() && !this.#cluster.isClosed) {
      try {
        await this.#beginAnew()
        return
      } catch (error) {
        if (!isPassing(error)) return
      }
      await this.#options.clock.sleep(BACKOFF_FIRST_MS)
    }
  }

  async #sendEnd(commit: boolean): Promise<void> {
    const code = await this.#onCoordinator((node) =>
      this.#cluster.send(node, END_TXN, { ...this.#ref(), commit }, { lane: this.#lane }),
    )
    checkCode('EndTxn', code)
  }

  /** The decision stands once the end is acknowledged; readers see it when the markers are written. False on trouble. */
  async #visible(transaction: Transaction): Promise<boolean> {
    const { clock } = this.#options
    let wasSmooth = true
    for (let waitMs = LOOK_FIRST_MS; ; waitMs = Math.min(waitMs * 2, 100)) {
      try {
        if ((await this.#state()) !== 'PrepareCommit') return wasSmooth
      } catch (error) {
        wasSmooth = false
        if (!isPassing(error)) return wasSmooth
      }
      if (this.#cluster.isClosed || !transaction.holds()) return wasSmooth
      await clock.sleep(waitMs)
    }
  }

  /** Best effort: what stays open ends with the next take-over or by its time. */
  async #abort(): Promise<void> {
    await this.#sendEnd(false).catch(() => undefined)
  }
}

function stale(what: string, detail: string): FaultlineError {
  return new FaultlineError('stale_owner', `${what}: ${detail}`)
}
