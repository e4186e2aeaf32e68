import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { AppendResult } from '#/processors/log/port.ts'
import { canAppend } from './api.ts'
import type { FrontContext, Handler } from './api.ts'
import { KAFKA, KafkaError, kafkaCodeOf } from './kafka-errors.ts'
import { checkProducedBatch } from './produced-batch.ts'
import type { ProducedBatch } from './produced-batch.ts'

interface Sent {
  topic: string
  partition: number
  records: Buffer | null
}

/** One partition of the request, and what became of it. */
export interface PartitionOutcome {
  topic: string
  partition: number
  batch: ProducedBatch | undefined
  code: number
  baseOffset: number
  message: string | null
}

/** Appends what producers send. The answer leaves when it is as durable as an append of our own. */
export const produce: Handler = async (context, request, answer) => {
  const { version, body } = request
  const transactionalId = body.nullableString()
  const acks = body.int16()
  body.int32()
  const topics = body.array(() => {
    const topic = body.string()
    return body.array(() => ({ topic, partition: body.int32(), records: body.nullableBytes() }))
  })
  const outcomes = topics.map((partitions) => partitions.map((sent) => check(context, sent, acks)))
  const accepted = outcomes.flat().filter(({ code }) => code === KAFKA.NONE)
  if (accepted.length > 0) await take(context, accepted, transactionalId)
  if (acks === 0) return 'silent'
  answer.array(outcomes, (partitions) => {
    answer.string(partitions[0]?.topic ?? '')
    answer.array(partitions, ({ topic, partition, code, baseOffset, message }) => {
      answer.int32(partition).int16(code).int64(baseOffset).int64(-1)
      if (version >= 5) answer.int64(context.front.range({ topic, partition })?.begin ?? -1)
      if (version >= 8) answer.int32(0).string(message)
    })
  })
  answer.int32(0)
  return undefined
}

function check(context: FrontContext, sent: Sent, acks: number): PartitionOutcome {
  const { topic, partition } = sent
  const outcome: PartitionOutcome = {
    topic,
    partition,
    batch: undefined,
    code: KAFKA.NONE,
    baseOffset: -1,
    message: null,
  }
  try {
    if (acks < -1 || acks > 1)
      throw new KafkaError(KAFKA.INVALID_REQUIRED_ACKS, 'acks must be 0, 1 or all')
    const access = context.policy.accessOf(topic)
    const config = context.front.topic(topic)
    if (config === undefined || partition < 0 || partition >= config.partitions)
      throw new KafkaError(KAFKA.UNKNOWN_TOPIC_OR_PARTITION, `there is no ${topic}/${partition}`)
    if (!canAppend(access))
      throw new KafkaError(KAFKA.TOPIC_AUTHORIZATION_FAILED, `${topic} is written by the platform`)
    outcome.batch = checkProducedBatch(sent.records, { isCompacted: config.compacted })
  } catch (error) {
    refuse(context, outcome, error)
  }
  return outcome
}

function refuse(context: FrontContext, outcome: PartitionOutcome, error: unknown): void {
  const code = kafkaCodeOf(error)
  if (code === undefined) context.onProblem(error)
  outcome.code = code ?? KAFKA.UNKNOWN_SERVER_ERROR
  outcome.message = messageOf(error)
}

async function take(
  context: FrontContext,
  accepted: readonly PartitionOutcome[],
  transactionalId: string | null,
): Promise<void> {
  const inTransaction = accepted.filter(({ batch }) => batch!.isTransactional)
  const plain = accepted.filter(({ batch }) => !batch!.isTransactional)
  for (const outcome of inTransaction) {
    await attempt(context, [outcome], async () => {
      await context.transactions.hold(transactionalId, { ...outcome, batch: outcome.batch! })
    })
  }
  const idempotent = Map.groupBy(plain, ({ batch }) => batch!.producerId)
  for (const [producerId, outcomes] of idempotent) {
    await attempt(context, outcomes, async () => {
      if (producerId >= 0) await context.producers.append(producerId, outcomes)
      else place(outcomes, await context.front.write({ batches: outcomes.map(encodedOf) }))
    })
  }
}

async function attempt(
  context: FrontContext,
  outcomes: readonly PartitionOutcome[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    for (const outcome of outcomes) refuse(context, outcome, error)
    if (isFaultlineError(error) && !error.retryable) context.onProblem(error)
  }
}

export function encodedOf({ topic, partition, batch }: PartitionOutcome) {
  return { topic, partition, bytes: batch!.bytes, count: batch!.count }
}

export function place(
  outcomes: readonly PartitionOutcome[],
  results: readonly AppendResult[],
): void {
  for (const [index, outcome] of outcomes.entries())
    outcome.baseOffset = results[index]?.baseOffset ?? -1
}
