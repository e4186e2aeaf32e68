import type { Clock } from '#/kernel/clock.ts'
import type { Log } from '#/processors/log/port.ts'
import { scanPartition } from '#/processors/runtime/changelog.ts'
import type { EpochPort } from '#/processors/runtime/replay.ts'
import { encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

export interface EpochDeps {
  log: Log
  clock: Clock
  schemas: SchemaSource
}

const KIND = 'epoch'
const FIRST = 1
const CONFIG = { topic: TOPICS.config.name, partition: 0 }

/** Epochs of the groups, read from config.v1 once; afterwards this process is the one that raises them. */
export async function loadEpochs({ log, clock, schemas }: EpochDeps): Promise<EpochPort> {
  const epochs = new Map<string, number>()
  const reader = createRecordReader('ConfigEntry', schemas)
  await scanPartition(log, CONFIG, ({ value }) => {
    const read = reader.read(value)
    // Entries of other kinds, tombstones and what other versions wrote are not about epochs.
    if (read.kind !== 'record' || read.record.kind !== KIND) return
    const { epoch } = JSON.parse(read.record.value) as { epoch: number }
    epochs.set(read.record.id, Math.max(epoch, epochs.get(read.record.id) ?? FIRST))
  })
  const current = (group: string): number => epochs.get(group) ?? FIRST
  return {
    current,
    async raise(groups) {
      const epoch = Math.max(FIRST, ...groups.map(current)) + 1
      const at = clock.nowMs()
      const records = groups.map((group) => ({
        key: Buffer.from(`${KIND}/${group}`),
        value: encode('ConfigEntry', schemas.ids.ConfigEntry, {
          kind: KIND,
          id: group,
          at,
          actor: 'replay',
          value: JSON.stringify({ epoch }),
        }),
        timestampMs: at,
      }))
      await log.append([{ ...CONFIG, records }])
      for (const group of groups) epochs.set(group, epoch)
      return epoch
    },
  }
}
