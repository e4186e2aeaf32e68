import { COMMIT_METADATA_BYTES_MAX } from '#/processors/log/port.ts'
import type { OffsetCommit } from '#/processors/log/port.ts'
import { canRead } from './api.ts'
import type { FrontContext, Handler } from './api.ts'
import { codeOf } from './api-groups.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import type { MemberRef } from './remote-group.ts'
import type { WireReader } from './wire-reader.ts'
import type { WireWriter } from './wire-writer.ts'

interface CommittedTopic {
  topic: string
  commits: OffsetCommit[]
}

/** Topics of a commit; metadata that is null is kept as empty text. */
export function readCommits(body: WireReader, hasEpoch: boolean): CommittedTopic[] {
  return body.array(() => {
    const topic = body.string()
    const commits = body.array(() => {
      const partition = body.int32()
      const offset = body.int64()
      if (hasEpoch) body.int32()
      return { topic, partition, offset, metadata: body.nullableString() ?? '' }
    })
    return { topic, commits }
  })
}

/** Why one commit of a request cannot be kept, whatever the group says. */
export function commitCode({ front, policy }: FrontContext, commit: OffsetCommit): number {
  if (front.range(commit) === undefined || !canRead(policy.accessOf(commit.topic)))
    return KAFKA.UNKNOWN_TOPIC_OR_PARTITION
  if (Buffer.byteLength(commit.metadata) > COMMIT_METADATA_BYTES_MAX)
    return KAFKA.OFFSET_METADATA_TOO_LARGE
  return commit.offset < 0 ? KAFKA.INVALID_REQUEST : KAFKA.NONE
}

export function answerCommits(
  answer: WireWriter,
  topics: readonly CommittedTopic[],
  codeFor: (commit: OffsetCommit) => number,
): void {
  answer.array(topics, ({ topic, commits }) => {
    answer.string(topic)
    answer.array(commits, (commit) => answer.int32(commit.partition).int16(codeFor(commit)))
  })
}

export const offsetCommit: Handler = async (context, { version, body }, answer) => {
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 7 ? body.nullableString() : null
  if (version <= 4) body.int64()
  const topics = readCommits(body, version >= 6)
  const all = topics.flatMap(({ commits }) => commits)
  const offsets = all.filter((commit) => commitCode(context, commit) === KAFKA.NONE)
  const code = await codeOf(context, () =>
    commitOffsets(context, group, { memberId, instanceId, generation }, offsets),
  )
  if (version >= 3) answer.int32(0)
  answerCommits(answer, topics, (one) => commitCode(context, one) || code)
}

/**
 * The platform's own groups: only from outside any membership, as tools do, and then as a reset, so that owners
 * drain first and a stage that was set back computes again. Other groups: as Kafka does.
 */
async function commitOffsets(
  context: FrontContext,
  group: string,
  ref: MemberRef,
  offsets: readonly OffsetCommit[],
): Promise<void> {
  const { policy, front, groups, log } = context
  if (!policy.isOwnGroup(group) && !front.hasLocalMembers(group))
    return groups.commit(group, ref, () => front.write({ group, offsets }))
  if (ref.memberId !== '' || ref.generation >= 0)
    throw new KafkaError(KAFKA.UNKNOWN_MEMBER_ID, `members of ${group} are in the platform`)
  return log.resetOffsets(group, offsets)
}

export const offsetFetch: Handler = async (context, { version, body }, answer) => {
  const { front, policy } = context
  const group = body.string()
  const asked = body.nullableArray(() => {
    const topic = body.string()
    return { topic, partitions: body.array(() => body.int32()) }
  })
  const topics = asked ?? Object.entries(partitionsByTopic(context, group)).map(asTopic)
  if (version >= 3) answer.int32(0)
  answer.array(topics, ({ topic, partitions }) => {
    const isVisible = canRead(policy.accessOf(topic))
    answer.string(topic)
    answer.array(partitions, (partition) => {
      const found = isVisible ? front.offset(group, { topic, partition }) : undefined
      answer.int32(partition).int64(found?.offset ?? -1)
      if (version >= 5) answer.int32(-1)
      answer.string(found?.metadata ?? '').int16(KAFKA.NONE)
    })
  })
  if (version >= 2) answer.int16(KAFKA.NONE)
}

const asTopic = ([topic, partitions]: [string, number[]]) => ({ topic, partitions })

function partitionsByTopic({ front, policy }: FrontContext, group: string) {
  const byTopic: Record<string, number[]> = {}
  for (const { topic, partition } of front.offsets(group))
    if (canRead(policy.accessOf(topic))) (byTopic[topic] ??= []).push(partition)
  return byTopic
}

const LATEST = -1
const EARLIEST = -2

export const listOffsets: Handler = async (context, { version, body }, answer) => {
  body.int32()
  if (version >= 2) body.int8()
  const topics = body.array(() => {
    const topic = body.string()
    return body.array(() => {
      const partition = body.int32()
      if (version >= 4) body.int32()
      return { topic, partition, timestampMs: body.int64() }
    })
  })
  if (version >= 2) answer.int32(0)
  const found = new Map<unknown, Found>()
  for (const one of topics.flat()) found.set(one, await find(context, one))
  answer.array(topics, (partitions) => {
    answer.string(partitions[0]?.topic ?? '')
    answer.array(partitions, (one) => {
      const { code, offset, timestampMs } = found.get(one)!
      answer.int32(one.partition).int16(code).int64(timestampMs).int64(offset)
      if (version >= 4) answer.int32(-1)
    })
  })
}

interface Found {
  code: number
  offset: number
  timestampMs: number
}

async function find(
  context: FrontContext,
  { topic, partition, timestampMs }: { topic: string; partition: number; timestampMs: number },
): Promise<Found> {
  const found: Found = { code: KAFKA.NONE, offset: -1, timestampMs: -1 }
  const tp = { topic, partition }
  found.code = await codeOf(context, async () => {
    const range = canRead(context.policy.accessOf(topic)) ? context.front.range(tp) : undefined
    if (range === undefined)
      throw new KafkaError(KAFKA.UNKNOWN_TOPIC_OR_PARTITION, `there is no ${topic}/${partition}`)
    if (timestampMs === LATEST) found.offset = range.end
    else if (timestampMs === EARLIEST) found.offset = range.begin
    else {
      const offset = await context.log.offsetForTimestamp(tp, timestampMs)
      if (offset >= range.end) return
      const [first] = await context.log.read(tp, offset, { bytesMax: 1, waitMs: 0 })
      found.offset = offset
      found.timestampMs = first?.timestampMs ?? -1
    }
  })
  return found
}
