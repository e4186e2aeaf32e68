import { partitionKey } from './assignment.ts'
import type { CommittedOffset, OffsetCommit, TopicPartition } from './port.ts'

/** What every group committed, in memory; the embedded log keeps the same rows in its database. */
export interface OffsetTable {
  get(group: string, tp: TopicPartition): CommittedOffset | undefined
  set(group: string, commit: OffsetCommit): void
  groups(): readonly string[]
  /** A topic is gone, and with it what groups read of it. */
  forgetTopic(topic: string): void
  /** In the order of topic and partition. */
  list(group: string): readonly OffsetCommit[]
}

export function createOffsetTable(): OffsetTable {
  const byGroup = new Map<string, Map<string, OffsetCommit>>()
  return {
    get: (group, tp) => {
      const found = byGroup.get(group)?.get(partitionKey(tp))
      return found === undefined ? undefined : { offset: found.offset, metadata: found.metadata }
    },
    set: (group, commit) => {
      let rows = byGroup.get(group)
      if (rows === undefined) byGroup.set(group, (rows = new Map()))
      const { topic, partition, offset, metadata } = commit
      rows.set(partitionKey(commit), { topic, partition, offset, metadata })
    },
    groups: () => [...byGroup.keys()],
    forgetTopic: (topic) => {
      for (const [group, rows] of byGroup) {
        for (const [key, row] of rows) if (row.topic === topic) rows.delete(key)
        if (rows.size === 0) byGroup.delete(group)
      }
    },
    list: (group) =>
      [...(byGroup.get(group)?.values() ?? [])].toSorted((a, b) =>
        a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
      ),
  }
}
