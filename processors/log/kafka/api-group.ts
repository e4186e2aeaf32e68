import type { CommittedOffset, OffsetCommit, TopicPartition } from '#/processors/log/port.ts'
import { oneVersion } from './api-cluster.ts'
import type { Api } from './api-cluster.ts'
import { readByTopic, writeByTopic } from './api-records.ts'
import { checkCode } from './broker-error.ts'
import type { WireReader, WireWriter } from './wire.ts'

export interface JoinInput {
  group: string
  memberId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocol: string
  metadata: Buffer
}

export interface JoinOutput {
  error: number
  generation: number
  leader: string
  memberId: string
  members: readonly { memberId: string; metadata: Buffer }[]
}

export const JOIN_GROUP = oneVersion<JoinInput, JoinOutput>(11, 'JoinGroup', {
  version: 5,
  write: (input, writer) => {
    writer.string(input.group).int32(input.sessionTimeoutMs).int32(input.rebalanceTimeoutMs)
    writer.string(input.memberId).string(null).string('consumer')
    writer.array([input], ({ protocol, metadata }) => writer.string(protocol).bytes([metadata]))
  },
  read: (reader) => {
    reader.int32()
    const error = reader.int16()
    const generation = reader.int32()
    reader.nullableString()
    const leader = reader.string()
    const memberId = reader.string()
    const members = reader.array(() => {
      const id = reader.string()
      reader.nullableString()
      return { memberId: id, metadata: reader.bytes() }
    })
    return { error, generation, leader, memberId, members }
  },
})

export interface MemberRef {
  group: string
  generation: number
  memberId: string
}

export const SYNC_GROUP = oneVersion<
  MemberRef & { assignments: readonly { memberId: string; assignment: Buffer }[] },
  { error: number; assignment: Buffer }
>(14, 'SyncGroup', {
  version: 3,
  write: (input, writer) => {
    writer.string(input.group).int32(input.generation).string(input.memberId).string(null)
    writer.array(input.assignments, ({ memberId, assignment }) =>
      writer.string(memberId).bytes([assignment]),
    )
  },
  read: (reader) => {
    reader.int32()
    return { error: reader.int16(), assignment: reader.bytes() }
  },
})

/** Gives the error code, which is how a member learns of a rebalance. */
export const HEARTBEAT = oneVersion<MemberRef, number>(12, 'Heartbeat', {
  version: 3,
  write: ({ group, generation, memberId }, writer) => {
    writer.string(group).int32(generation).string(memberId).string(null)
  },
  read: (reader) => {
    reader.int32()
    return reader.int16()
  },
})

export const LEAVE_GROUP = oneVersion<{ group: string; memberId: string }, number>(
  13,
  'LeaveGroup',
  {
    version: 2,
    write: ({ group, memberId }, writer) => writer.string(group).string(memberId),
    read: (reader) => {
      reader.int32()
      return reader.int16()
    },
  },
)

interface PartitionError extends TopicPartition {
  error: number
}

function readPartitionErrors(reader: WireReader): PartitionError[] {
  reader.int32()
  const results = readByTopic(reader, () => {
    const result = { partition: reader.int32(), error: reader.int16() }
    reader.end()
    return result
  })
  reader.end()
  return results
}

export interface OffsetCommitInput {
  member: MemberRef
  offsets: readonly OffsetCommit[]
}

/** Generation -1 and no member: as an operator, while the group has no members. */
export const OFFSET_COMMIT = oneVersion<OffsetCommitInput, PartitionError[]>(8, 'OffsetCommit', {
  version: 7,
  write: ({ member, offsets }, writer) => {
    writer.string(member.group).int32(member.generation).string(member.memberId).string(null)
    writeByTopic(writer, offsets, (commit) => {
      writer.int32(commit.partition).int64(commit.offset).int32(-1).string(commit.metadata)
    })
  },
  read: readPartitionErrors,
})

export interface TxnOffsetsInput extends OffsetCommitInput {
  transactionalId: string
  producerId: number
  producerEpoch: number
}

function writeTxnOffsets(input: TxnOffsetsInput, writer: WireWriter, withMember: boolean): void {
  writer.string(input.transactionalId).string(input.member.group)
  writer.int64(input.producerId).int16(input.producerEpoch)
  if (withMember) writer.int32(input.member.generation).string(input.member.memberId).string(null)
  writeByTopic(writer, input.offsets, (commit) => {
    writer.int32(commit.partition).int64(commit.offset).int32(-1).string(commit.metadata).end()
  })
  writer.end()
}

/** Version 3 also compares generation and member: a member that lost the group cannot commit. */
export const TXN_OFFSET_COMMIT: Api<TxnOffsetsInput, PartitionError[]> = {
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [
    {
      version: 3,
      isFlexible: true,
      write: (input, writer) => writeTxnOffsets(input, writer, true),
      read: readPartitionErrors,
    },
    {
      version: 2,
      isFlexible: false,
      write: (input, writer) => writeTxnOffsets(input, writer, false),
      read: readPartitionErrors,
    },
  ],
}

export interface OffsetFetchInput {
  group: string
  /** undefined: everything the group committed. */
  partitions: readonly TopicPartition[] | undefined
}

function writeOffsetFetch({ group, partitions }: OffsetFetchInput, writer: WireWriter): void {
  writer.string(group)
  if (partitions === undefined) writer.array(null, () => undefined)
  else writeByTopic(writer, partitions, ({ partition }) => writer.int32(partition))
}

function readOffsets(reader: WireReader): (TopicPartition & CommittedOffset)[] {
  reader.int32()
  const offsets = readByTopic(reader, () => {
    const partition = reader.int32()
    const offset = reader.int64()
    reader.int32()
    const metadata = reader.string()
    checkCode('OffsetFetch', reader.int16())
    reader.end()
    return { partition, offset, metadata }
  })
  checkCode('OffsetFetch', reader.int16())
  reader.end()
  // -1: nothing was committed.
  return offsets.filter(({ offset }) => offset >= 0)
}

/** Version 7 refuses to answer while a transaction holds an offset of the group. */
export const OFFSET_FETCH: Api<OffsetFetchInput, (TopicPartition & CommittedOffset)[]> = {
  key: 9,
  name: 'OffsetFetch',
  versions: [
    {
      version: 7,
      isFlexible: true,
      write: (input, writer) => {
        writeOffsetFetch(input, writer)
        writer.bool(true).end()
      },
      read: readOffsets,
    },
    { version: 5, isFlexible: false, write: writeOffsetFetch, read: readOffsets },
  ],
}
