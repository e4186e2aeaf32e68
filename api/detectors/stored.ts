import type { Log } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'

/**
 * Whether everything that arrived before this moment is in ClickHouse: each partition of the grouped events has gone
 * past it, which its ticks do even where nobody sends, and the sink has come as far.
 */
export async function isStored(log: Log, sinkGroup: string, timeMs: number): Promise<boolean> {
  const topic = TOPICS.fingerprinted.name
  const count = (await log.topics()).find(({ name }) => name === topic)?.partitions ?? 0
  for (let partition = 0; partition < count; partition += 1) {
    const tp = { topic, partition }
    const behind = await log.offsetForTimestamp(tp, timeMs)
    if (behind >= (await log.endOffset(tp))) return false
    const committed = await log.committed(sinkGroup, tp)
    if ((committed?.offset ?? 0) < behind) return false
  }
  return count > 0
}
