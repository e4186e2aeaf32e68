import type { TopicPartition } from '#/processors/log/port.ts'

/** Names as the broker knows them: ours with a prefix, so that several installations share a cluster. */
export interface Names {
  out(name: string): string
  /** undefined for what is not ours. */
  back(name: string): string | undefined
  outAll<T extends TopicPartition>(items: readonly T[]): T[]
  backAll<T extends TopicPartition>(items: readonly T[]): T[]
}

export function createNames(prefix: string): Names {
  const out = (name: string): string => prefix + name
  const back = (name: string): string | undefined =>
    name.startsWith(prefix) ? name.slice(prefix.length) : undefined
  return {
    out,
    back,
    outAll: (items) => items.map((item) => ({ ...item, topic: out(item.topic) })),
    backAll: (items) =>
      items.flatMap((item) => {
        const topic = back(item.topic)
        return topic === undefined ? [] : [{ ...item, topic }]
      }),
  }
}
