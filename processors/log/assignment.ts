import type { TopicPartition } from './port.ts'

/** A member as the assignment sees it; `topics` are those it subscribed to. */
export interface Candidate {
  readonly topics: readonly string[]
}

export function partitionKey(tp: TopicPartition): string {
  return `${tp.topic}/${tp.partition}`
}

interface Unit<M> {
  partitions: TopicPartition[]
  eligible: readonly M[]
}

/**
 * Who shall own what. Partition n of all topics that the same members subscribed to goes to one member, so that
 * a task can join topics on their key; the counts of two members differ by at most one such unit; an owner keeps
 * what it has as far as that allows. Deterministic: the same input gives the same answer.
 */
export function assignPartitions<M extends Candidate>(
  members: readonly M[],
  partitionCounts: ReadonlyMap<string, number>,
  ownerOf: (key: string) => M | undefined,
): Map<string, { tp: TopicPartition; member: M }> {
  const assigned = new Map<string, { tp: TopicPartition; member: M }>()
  for (const units of unitsByEligible(members, partitionCounts)) {
    for (const [unit, member] of spread(units, ownerOf)) {
      for (const tp of unit.partitions) assigned.set(partitionKey(tp), { tp, member })
    }
  }
  return assigned
}

/** Units whose possible owners are the same form one class, balanced on its own. */
function unitsByEligible<M extends Candidate>(
  members: readonly M[],
  partitionCounts: ReadonlyMap<string, number>,
): Unit<M>[][] {
  const classes = new Map<string, Unit<M>[]>()
  for (const topic of [...partitionCounts.keys()].toSorted()) {
    const eligible = members.filter((member) => member.topics.includes(topic))
    if (eligible.length === 0) continue
    const signature = eligible.map((member) => members.indexOf(member)).join(',')
    const units = classes.get(signature) ?? []
    classes.set(signature, units)
    for (let partition = 0; partition < (partitionCounts.get(topic) ?? 0); partition++) {
      const unit = (units[partition] ??= { partitions: [], eligible })
      unit.partitions.push({ topic, partition })
    }
  }
  return [...classes.values()]
}

function spread<M extends Candidate>(
  units: readonly Unit<M>[],
  ownerOf: (key: string) => M | undefined,
): Map<Unit<M>, M> {
  const eligible = units[0]?.eligible ?? []
  const quota = Math.floor(units.length / eligible.length)
  let extras = units.length % eligible.length
  const loads = new Map<M, number>(eligible.map((member) => [member, 0]))
  const result = new Map<Unit<M>, M>()
  for (const unit of units) {
    const owner = unit.partitions
      .map((tp) => ownerOf(partitionKey(tp)))
      .find((one) => one !== undefined)
    const load = owner === undefined ? undefined : loads.get(owner)
    if (owner === undefined || load === undefined) continue
    if (load > quota || (load === quota && extras === 0)) continue
    if (load === quota) extras--
    loads.set(owner, load + 1)
    result.set(unit, owner)
  }
  for (const unit of units) {
    if (result.has(unit)) continue
    const [member, load] = [...loads].reduce((least, next) => (next[1] < least[1] ? next : least))
    loads.set(member, load + 1)
    result.set(unit, member)
  }
  return result
}
