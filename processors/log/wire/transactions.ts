import type { Clock } from '#/kernel/clock.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type { FrontNote, LogFront } from '#/processors/log/embedded-front.ts'
import type { OffsetCommit, TopicPartition } from '#/processors/log/port.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import { createLocks } from './locks.ts'
import type { ProducedBatch } from './produced-batch.ts'
import { advance, judge, keyOf, notesOf } from './producers.ts'
import type { Producers, ProducerState } from './producers.ts'

/** Held in memory until the end of the transaction. */
const TRANSACTION_BYTES_MAX = 32 * 1024 * 1024
const ALL_BYTES_MAX = 128 * 1024 * 1024
const TIMEOUT_MS_MAX = 900_000
const IDS_MAX = 10_000
const EPOCH_MAX = 32_766

/** Batches and offsets of a transaction that has not ended. */
interface Open {
  startedMs: number
  partitions: Set<string>
  batches: { tp: TopicPartition; batch: ProducedBatch }[]
  bytes: number
  /** Of its producer, by partition, as they will be at its end. */
  states: Map<string, ProducerState>
  group: string | undefined
  offsets: Map<string, OffsetCommit>
}

/** One transactional id. */
interface Holder {
  producerId: number
  epoch: number
  timeoutMs: number
  /** How the last one ended, for a client that asks again. */
  outcome: 'commit' | 'abort' | undefined
  open: Open | undefined
}

export interface TransactionsDeps {
  front: Pick<LogFront, 'write'>
  clock: Clock
  producers: Producers
  /** Notes of kind `transaction`. */
  notes: ReadonlyMap<string, string>
}

export interface Claimed {
  id: string
  producerId: number
  epoch: number
}

const stateError = (detail: string): KafkaError => new KafkaError(KAFKA.INVALID_TXN_STATE, detail)

/**
 * Transactions without markers: what a producer sends is held back until it commits and then appended in one step
 * with the offsets that belong to it. So nobody ever reads what was aborted, and read_committed costs nothing.
 * What is held dies with the process: that a transaction was open is noted at its beginning, and after a restart
 * its producer is fenced, so that it cannot commit the second half alone.
 */
export class Transactions {
  readonly #deps: TransactionsDeps
  readonly #holders = new Map<string, Holder>()
  readonly #locks = createLocks()
  #bytes = 0

  constructor(deps: TransactionsDeps) {
    this.#deps = deps
    for (const [id, text] of deps.notes) {
      const { isOpen, ...kept } = JSON.parse(text) as Omit<Holder, 'open'> & { isOpen: boolean }
      const epoch = isOpen ? kept.epoch + 1 : kept.epoch
      this.#holders.set(id, { ...kept, epoch, open: undefined })
    }
  }

  /** Gives the id to a new instance of its producer; an older one, and what it has open, is over. */
  init(id: string, timeoutMs: number): Promise<{ producerId: number; epoch: number }> {
    return this.#locks.run(id, async () => {
      if (!(timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX)) {
        const detail = `transaction.timeout.ms must be 1 to ${TIMEOUT_MS_MAX}`
        throw new KafkaError(KAFKA.INVALID_TRANSACTION_TIMEOUT, detail)
      }
      const known = this.#holders.get(id)
      if (known === undefined && this.#holders.size >= IDS_MAX)
        throw new KafkaError(KAFKA.POLICY_VIOLATION, `there are ${IDS_MAX} transactional ids`)
      if (known?.open !== undefined) this.#drop(known)
      const isFresh = known === undefined || known.epoch >= EPOCH_MAX
      const holder: Holder = {
        producerId: isFresh ? await this.#deps.producers.newId() : known.producerId,
        epoch: isFresh ? 0 : known.epoch + 1,
        timeoutMs,
        outcome: undefined,
        open: undefined,
      }
      await this.#write(id, holder)
      this.#holders.set(id, holder)
      return holder
    })
  }

  /** Partitions the transaction is going to write to; the first one opens it. */
  addPartitions(claimed: Claimed, partitions: readonly TopicPartition[]): Promise<void> {
    return this.#locks.run(claimed.id, async () => {
      const { partitions: known } = await this.#begin(claimed)
      for (const tp of partitions) known.add(partitionKey(tp))
    })
  }

  addGroup(claimed: Claimed, group: string): Promise<void> {
    return this.#locks.run(claimed.id, async () => {
      const open = await this.#begin(claimed)
      if (open.group !== undefined && open.group !== group)
        throw new KafkaError(KAFKA.INVALID_REQUEST, 'a transaction commits offsets of one group')
      open.group = group
    })
  }

  addOffsets(claimed: Claimed, group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#locks.run(claimed.id, async () => {
      const { open } = this.#holderOf(claimed)
      if (open?.group !== group) throw stateError(`${group} is not part of the transaction`)
      for (const commit of offsets) open.offsets.set(partitionKey(commit), commit)
    })
  }

  /** Holds a batch back until the end. */
  hold(id: string | null, part: TopicPartition & { batch: ProducedBatch }): Promise<void> {
    if (id === null) throw stateError('a transactional batch without a transactional id')
    const { batch } = part
    return this.#locks.run(id, async () => {
      const { producerId, producerEpoch: epoch } = batch
      const { open } = this.#holderOf({ id, producerId, epoch })
      if (open === undefined || !open.partitions.has(partitionKey(part)))
        throw stateError(`${partitionKey(part)} is not part of the transaction`)
      const key = keyOf(producerId, part)
      const state = open.states.get(key) ?? this.#deps.producers.get(producerId, part)
      if (judge(state, batch) !== undefined) return
      const bytes = batch.bytes.length
      if (open.bytes + bytes > TRANSACTION_BYTES_MAX || this.#bytes + bytes > ALL_BYTES_MAX) {
        const detail = `a transaction holds at most ${TRANSACTION_BYTES_MAX} bytes, all together ${ALL_BYTES_MAX}`
        throw new KafkaError(KAFKA.POLICY_VIOLATION, detail)
      }
      open.states.set(key, advance(state, batch, -1))
      open.batches.push({ tp: { topic: part.topic, partition: part.partition }, batch })
      open.bytes += bytes
      this.#bytes += bytes
    })
  }

  /** Everything that was held becomes visible, or nothing. Asking again after a lost answer is fine. */
  end(claimed: Claimed, outcome: 'commit' | 'abort'): Promise<void> {
    return this.#locks.run(claimed.id, async () => {
      const holder = this.#holderOf(claimed)
      if (holder.open === undefined) {
        if (holder.outcome === outcome) return
        throw stateError('no transaction is open')
      }
      await this.#finish(claimed.id, holder, { ...holder, outcome })
    })
  }

  /** Aborts what is open for longer than its producer asked for, and fences the producer. */
  async expire(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const [id, { open, timeoutMs }] of this.#holders) {
      if (open === undefined || nowMs - open.startedMs < timeoutMs) continue
      await this.#locks.run(id, async () => {
        const holder = this.#holders.get(id)
        if (holder?.open !== open) return
        await this.#finish(id, holder, { ...holder, epoch: holder.epoch + 1, outcome: 'abort' })
      })
    }
  }

  #holderOf({ id, producerId, epoch }: Claimed): Holder {
    const holder = this.#holders.get(id)
    if (holder?.producerId !== producerId)
      throw new KafkaError(KAFKA.INVALID_PRODUCER_ID_MAPPING, `${id} belongs to another producer`)
    if (holder.epoch !== epoch)
      throw new KafkaError(KAFKA.INVALID_PRODUCER_EPOCH, `a newer instance of ${id} exists`)
    return holder
  }

  async #begin(claimed: Claimed): Promise<Open> {
    const holder = this.#holderOf(claimed)
    if (holder.open !== undefined) return holder.open
    await this.#write(claimed.id, holder, { isOpen: true })
    return (holder.open = {
      startedMs: this.#deps.clock.monotonicMs(),
      partitions: new Set(),
      batches: [],
      bytes: 0,
      states: new Map(),
      group: undefined,
      offsets: new Map(),
    })
  }

  async #finish(id: string, holder: Holder, next: Holder): Promise<void> {
    const open = holder.open!
    const isCommit = next.outcome === 'commit'
    const note = noteOf(id, next, false)
    await this.#deps.front.write({
      batches: isCommit
        ? open.batches.map(({ tp, batch: { bytes, count } }) => ({ ...tp, bytes, count }))
        : [],
      group: open.group ?? '',
      offsets: isCommit ? [...open.offsets.values()] : [],
      // A client goes on counting after an abort too.
      notes: () => [note, ...notesOf(open.states)],
    })
    this.#drop(holder)
    Object.assign(holder, next, { open: undefined })
    await this.#deps.producers.keep(open.states)
  }

  #drop(holder: Holder): void {
    this.#bytes -= holder.open?.bytes ?? 0
    holder.open = undefined
  }

  async #write(id: string, holder: Holder, { isOpen = false } = {}): Promise<void> {
    await this.#deps.front.write({ notes: () => [noteOf(id, holder, isOpen)] })
  }
}

function noteOf(id: string, holder: Holder, isOpen: boolean): FrontNote {
  const { producerId, epoch, timeoutMs, outcome } = holder
  const value = JSON.stringify({ producerId, epoch, timeoutMs, outcome, isOpen })
  return { kind: 'transaction', key: id, value }
}
