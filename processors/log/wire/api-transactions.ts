import { canAppend } from './api.ts'
import type { FrontContext, Handler, WireRequest } from './api.ts'
import { answerCommits, commitCode, readCommits } from './api-offsets.ts'
import { checkForeign, codeOf } from './api-groups.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'

export const initProducerId: Handler = async (context, { body }, answer) => {
  const id = body.nullableString()
  const timeoutMs = body.int32()
  let given = { producerId: -1, epoch: -1 }
  const code = await codeOf(context, async () => {
    if (id === '') throw new KafkaError(KAFKA.INVALID_REQUEST, 'an empty transactional id')
    given =
      id === null
        ? { producerId: await context.producers.newId(), epoch: 0 }
        : await context.transactions.init(id, timeoutMs)
  })
  answer.int32(0).int16(code).int64(given.producerId).int16(given.epoch)
}

function claimedIn({ body }: WireRequest) {
  return { id: body.string(), producerId: body.int64(), epoch: body.int16() }
}

export const addPartitionsToTxn: Handler = async (context, request, answer) => {
  const claimed = claimedIn(request)
  const { body } = request
  const topics = body.array(() => {
    const topic = body.string()
    return body.array(() => ({ topic, partition: body.int32() }))
  })
  const all = topics.flat()
  const wrong = all.find((tp) => partitionCode(context, tp) !== KAFKA.NONE)
  const code = await codeOf(context, async () => {
    if (wrong === undefined) await context.transactions.addPartitions(claimed, all)
  })
  answer.int32(0)
  answer.array(topics, (partitions) => {
    answer.string(partitions[0]?.topic ?? '')
    answer.array(partitions, (tp) => {
      // As with Kafka: where one is refused, the others were not attempted.
      const own = partitionCode(context, tp)
      answer.int32(tp.partition).int16(wrong === undefined ? code : own || NOT_ATTEMPTED)
    })
  })
}

const NOT_ATTEMPTED = KAFKA.OPERATION_NOT_ATTEMPTED

function partitionCode(
  { front, policy }: FrontContext,
  tp: { topic: string; partition: number },
): number {
  if (front.range(tp) === undefined) return KAFKA.UNKNOWN_TOPIC_OR_PARTITION
  return canAppend(policy.accessOf(tp.topic)) ? KAFKA.NONE : KAFKA.TOPIC_AUTHORIZATION_FAILED
}

export const addOffsetsToTxn: Handler = async (context, request, answer) => {
  const claimed = claimedIn(request)
  const group = request.body.string()
  const code = await codeOf(context, async () => {
    checkForeign(context, group)
    await context.transactions.addGroup(claimed, group)
  })
  answer.int32(0).int16(code)
}

export const endTxn: Handler = async (context, request, answer) => {
  const claimed = claimedIn(request)
  const outcome = request.body.bool() ? 'commit' : 'abort'
  const code = await codeOf(context, () => context.transactions.end(claimed, outcome))
  // Nothing was appended and nothing lost: the client asks again.
  const isBusy = code === KAFKA.KAFKA_STORAGE_ERROR || code === KAFKA.NOT_ENOUGH_REPLICAS
  answer.int32(0).int16(isBusy ? KAFKA.COORDINATOR_NOT_AVAILABLE : code)
}

export const txnOffsetCommit: Handler = async (context, { version, body }, answer) => {
  const id = body.string()
  const group = body.string()
  const claimed = { id, producerId: body.int64(), epoch: body.int16() }
  const topics = readCommits(body, version >= 2)
  const all = topics.flatMap(({ commits }) => commits)
  const offsets = all.filter((commit) => commitCode(context, commit) === KAFKA.NONE)
  const code = await codeOf(context, () => context.transactions.addOffsets(claimed, group, offsets))
  answer.int32(0)
  answerCommits(answer, topics, (commit) => commitCode(context, commit) || code)
}
