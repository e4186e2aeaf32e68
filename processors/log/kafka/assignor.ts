import { assignPartitions, partitionKey } from '#/processors/log/assignment.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import { byTopic } from './api-records.ts'
import { WireReader, WireWriter } from './wire.ts'

/** Members that do not speak this protocol are refused by the coordinator. */
export const ASSIGNOR = 'faultline-1'

/** What a member says when it joins. */
export interface MemberState {
  topics: readonly string[]
  /** What it owns, as of `generation`. */
  owned: readonly TopicPartition[]
  generation: number
  /** It wants exactly these and nothing else, to set their offsets. */
  takes: readonly TopicPartition[]
}

/** What the leader answers. */
export interface MemberAssignment {
  partitions: readonly TopicPartition[]
  /** Nothing is on its way between members: what they have is what they keep. */
  isSettled: boolean
}

interface Candidate extends MemberState {
  memberId: string
}

/**
 * Who gets what, worked out by the leader. A partition that somebody else still owns goes to nobody yet: its owner
 * sees that it lost it, drains, joins again, and only then it is given away. What nobody owns is given at once.
 */
export function planAssignments(
  members: readonly { memberId: string; state: MemberState }[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, MemberAssignment> {
  // Everybody sorts the same way, so that another leader comes to the same result.
  const all: Candidate[] = members
    .map(({ memberId, state }) => ({ memberId, ...state }))
    .toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const owners = ownersOf(all)
  const regular = all.filter((member) => member.takes.length === 0)
  const wanted = assignPartitions(regular, partitionCounts, (key) => {
    const owner = owners.get(key)
    return owner !== undefined && owner.takes.length === 0 ? owner : undefined
  })
  for (const member of all)
    for (const tp of member.takes) wanted.set(partitionKey(tp), { tp, member })
  const plans = new Map<string, TopicPartition[]>(all.map(({ memberId }) => [memberId, []]))
  let isSettled = true
  for (const [key, { tp, member }] of wanted) {
    const owner = owners.get(key)
    if (owner === undefined || owner === member) plans.get(member.memberId)!.push(tp)
    else isSettled = false
  }
  // Whoever takes partitions gives them back soon.
  if (all.some((member) => member.takes.length > 0)) isSettled = false
  return new Map([...plans].map(([id, partitions]) => [id, { partitions, isSettled }]))
}

/** Owners by what members say; of two that claim one partition the younger generation is right. */
function ownersOf(members: readonly Candidate[]): Map<string, Candidate> {
  const owners = new Map<string, Candidate>()
  for (const member of members) {
    for (const tp of member.owned) {
      const key = partitionKey(tp)
      const other = owners.get(key)
      if (other === undefined || other.generation < member.generation) owners.set(key, member)
    }
  }
  return owners
}

const VERSION = 0

/** In the format of Kafka's consumers, so that its tools show topics; the rest is user data. */
export function encodeState({ topics, owned, generation, takes }: MemberState): Buffer {
  const data = Buffer.from(JSON.stringify({ owned, generation, takes }))
  const writer = new WireWriter()
  writer
    .int16(VERSION)
    .array(topics, (topic) => writer.string(topic))
    .bytes([data])
  return Buffer.from(writer.finish())
}

export function decodeState(bytes: Buffer): MemberState {
  const reader = new WireReader(bytes)
  reader.int16()
  const topics = reader.array(() => reader.string())
  const data = JSON.parse(reader.bytes().toString()) as Omit<MemberState, 'topics'>
  return { topics, ...data }
}

export function encodeAssignment({ partitions, isSettled }: MemberAssignment): Buffer {
  const writer = new WireWriter()
  writer.int16(VERSION)
  writer.array(byTopic(partitions), ([topic, ofTopic]) => {
    writer.string(topic).array(ofTopic, ({ partition }) => writer.int32(partition))
  })
  writer.bytes([Buffer.from(JSON.stringify({ isSettled }))])
  return Buffer.from(writer.finish())
}

export function decodeAssignment(bytes: Buffer): MemberAssignment {
  if (bytes.length === 0) return { partitions: [], isSettled: false }
  const reader = new WireReader(bytes)
  reader.int16()
  const partitions = reader
    .array(() => {
      const topic = reader.string()
      return reader.array(() => ({ topic, partition: reader.int32() }))
    })
    .flat()
  const { isSettled } = JSON.parse(reader.bytes().toString()) as { isSettled: boolean }
  return { partitions, isSettled }
}
