import { assert } from '#/kernel/assert.ts'
import type { FrontNote, LogFront } from '#/processors/log/embedded-front.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import { encodedOf } from './api-produce.ts'
import type { PartitionOutcome } from './api-produce.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import { createLocks } from './locks.ts'
import type { ProducedBatch } from './produced-batch.ts'

/** Kafka remembers as many: a producer may have this many requests on their way. */
const BATCHES_KEPT = 5
/** Producers × partitions; the one quiet for longest is forgotten first. */
const STATES_MAX = 20_000
/** Ids are reserved in blocks, so that not every new producer costs a write. */
const ID_BLOCK = 1000
const NEXT_ID_KEY = 'next-id'
const SEQUENCES = 2 ** 31

interface KeptBatch {
  first: number
  last: number
  baseOffset: number
}

/** What one idempotent producer sent to one partition last. */
export interface ProducerState {
  epoch: number
  batches: readonly KeptBatch[]
}

export interface ProducersDeps {
  front: Pick<LogFront, 'write'>
  /** Notes of kind `producer`. */
  notes: ReadonlyMap<string, string>
  statesMax?: number
}

/**
 * Idempotent producers: what was sent again after a lost answer is recognised by its sequence numbers and not kept
 * twice, also when the platform was killed in between.
 */
export class Producers {
  readonly #front
  readonly #statesMax: number
  readonly #states = new Map<string, ProducerState>()
  readonly #locks = createLocks()
  #nextId: number
  #reservedTo: number

  constructor({ front, notes, statesMax = STATES_MAX }: ProducersDeps) {
    this.#front = front
    this.#statesMax = statesMax
    for (const [key, value] of notes)
      if (key !== NEXT_ID_KEY) this.#states.set(key, JSON.parse(value) as ProducerState)
    this.#nextId = Number(notes.get(NEXT_ID_KEY) ?? 0)
    this.#reservedTo = this.#nextId
  }

  /** A producer id that was never given before. */
  newId(): Promise<number> {
    return this.#locks.run(NEXT_ID_KEY, async () => {
      if (this.#nextId === this.#reservedTo) {
        const value = String(this.#reservedTo + ID_BLOCK)
        await this.#front.write({ notes: () => [{ kind: 'producer', key: NEXT_ID_KEY, value }] })
        this.#reservedTo += ID_BLOCK
      }
      return this.#nextId++
    })
  }

  /** Appends the batches of one producer that are new; repeated ones get the offset they have. */
  append(producerId: number, outcomes: readonly PartitionOutcome[]): Promise<void> {
    // One at a time, as the next one's sequence is judged by what became of this one.
    return this.#locks.run(String(producerId), async () => {
      const fresh: { outcome: PartitionOutcome; state: ProducerState | undefined }[] = []
      for (const outcome of outcomes) {
        const state = this.get(producerId, outcome)
        try {
          const repeated = judge(state, outcome.batch!)
          if (repeated === undefined) fresh.push({ outcome, state })
          else outcome.baseOffset = repeated.baseOffset
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error
          outcome.code = error.code
          outcome.message = error.message
        }
      }
      if (fresh.length === 0) return
      const next = new Map<string, ProducerState>()
      const results = await this.#front.write({
        batches: fresh.map(({ outcome }) => encodedOf(outcome)),
        notes: (placed) => {
          for (const [index, { outcome, state }] of fresh.entries()) {
            const baseOffset = placed[index]!.baseOffset
            const key = keyOf(producerId, outcome)
            next.set(key, advance(state, outcome.batch!, baseOffset))
          }
          return notesOf(next)
        },
      })
      for (const [index, { outcome }] of fresh.entries())
        outcome.baseOffset = results[index]!.baseOffset
      await this.keep(next)
    })
  }

  get(producerId: number, tp: TopicPartition): ProducerState | undefined {
    return this.#states.get(keyOf(producerId, tp))
  }

  /** Takes over states whose notes are written. */
  async keep(states: ReadonlyMap<string, ProducerState>): Promise<void> {
    for (const [key, state] of states) {
      this.#states.delete(key)
      this.#states.set(key, state)
    }
    if (this.#states.size <= this.#statesMax) return
    // An eighth at a time, so that this is rare.
    const count = this.#states.size - Math.floor((this.#statesMax * 7) / 8)
    const oldest = [...this.#states.keys()].slice(0, count)
    for (const key of oldest) this.#states.delete(key)
    await this.#front.write({
      notes: () => oldest.map((key) => ({ kind: 'producer', key, value: null })),
    })
  }
}

export function keyOf(producerId: number, tp: TopicPartition): string {
  return `${producerId}/${partitionKey(tp)}`
}

export function notesOf(states: ReadonlyMap<string, ProducerState>): FrontNote[] {
  return [...states].map(([key, state]) => ({
    kind: 'producer',
    key,
    value: JSON.stringify(state),
  }))
}

const lastSequence = ({ baseSequence, count }: ProducedBatch): number =>
  (baseSequence + count - 1) % SEQUENCES

/**
 * undefined for a batch that comes next, the kept one for a repetition. Fails for a gap or an old epoch. A producer
 * that is not known (any more) may begin anywhere, as with Kafka.
 */
export function judge(
  state: ProducerState | undefined,
  batch: ProducedBatch,
): KeptBatch | undefined {
  const { producerEpoch, baseSequence } = batch
  if (baseSequence < 0) throw new KafkaError(KAFKA.INVALID_RECORD, 'the batch has no sequence')
  if (state === undefined) return undefined
  if (producerEpoch < state.epoch)
    throw new KafkaError(KAFKA.INVALID_PRODUCER_EPOCH, 'a newer instance of this producer exists')
  if (producerEpoch > state.epoch) {
    if (baseSequence === 0) return undefined
    throw outOfOrder(0, baseSequence)
  }
  const last = lastSequence(batch)
  const repeated = state.batches.find((kept) => kept.first === baseSequence && kept.last === last)
  if (repeated !== undefined) return repeated
  const expected = ((state.batches.at(-1)?.last ?? -1) + 1) % SEQUENCES
  if (baseSequence !== expected) throw outOfOrder(expected, baseSequence)
  return undefined
}

function outOfOrder(expected: number, found: number): KafkaError {
  const detail = `sequence ${expected} comes next, not ${found}`
  return new KafkaError(KAFKA.OUT_OF_ORDER_SEQUENCE_NUMBER, detail)
}

/** The state after this batch. */
export function advance(
  state: ProducerState | undefined,
  batch: ProducedBatch,
  baseOffset: number,
): ProducerState {
  const { producerEpoch: epoch, baseSequence: first } = batch
  assert(first >= 0, 'an idempotent batch has a sequence')
  const earlier = state?.epoch === epoch ? state.batches : []
  const kept = { first, last: lastSequence(batch), baseOffset }
  return { epoch, batches: [...earlier, kept].slice(-BATCHES_KEPT) }
}
