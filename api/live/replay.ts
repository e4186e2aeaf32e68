import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { Positions, Source } from './positions.ts'

const READ_BYTES_MAX = 1 << 20

/**
 * Reads exactly what lies between two positions, source by source, telling the position behind each record. Fails
 * with `offset_out_of_range` when the log no longer holds it.
 */
export async function replayBetween(
  log: Log,
  options: { sources: readonly Source[]; from: Positions; to: Positions },
  onRecord: (source: number, record: ConsumedRecord, behind: Positions) => Promise<void>,
): Promise<void> {
  const behind = [...options.from]
  for (const [index, tp] of options.sources.entries()) {
    const end = options.to[index] ?? 0
    let next = options.from[index] ?? 0
    while (next < end) {
      const records = await readBelow(log, tp, { from: next, bytesMax: READ_BYTES_MAX })
      for (const record of records) {
        if (record.offset >= end) break
        next = record.offset + 1
        behind[index] = next
        await onRecord(index, record, behind)
      }
      if ((records.at(-1)?.offset ?? end) >= end) break
    }
    behind[index] = end
  }
}
