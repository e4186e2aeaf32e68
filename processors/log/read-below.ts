import { FaultlineError } from '#/kernel/errors.ts'
import type { ConsumedRecord, Log, TopicPartition } from './port.ts'

/**
 * The next records from an offset known to be below the end, so that there are some (the last may lie far behind
 * `from`, where compaction took what was between). Fails with `log_unavailable` when the log shows none: going on as if
 * that were the end would leave out what it holds, for good.
 */
export async function readBelow(
  log: Log,
  tp: TopicPartition,
  { from, bytesMax }: { from: number; bytesMax: number },
): Promise<readonly ConsumedRecord[]> {
  const records = await log.read(tp, from, { bytesMax, waitMs: 0 })
  if (records.length === 0) {
    const where = `${tp.topic}/${tp.partition} at ${from}`
    throw new FaultlineError('log_unavailable', `${where}: nothing is shown below the end`)
  }
  return records
}
