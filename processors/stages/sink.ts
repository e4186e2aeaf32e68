import type { ShadowPort, Stage, TableHash } from '#/processors/runtime/stage.ts'
import { tokenOf } from './sink-table.ts'
import type { SinkOptions, SinkTable } from './sink-table.ts'
import { createSinkWorker } from './sink-worker.ts'

export type { SinkBatch, SinkOptions, SinkTable } from './sink-table.ts'

/** A stage that writes each record of its topics into ClickHouse, exactly once. See sink-worker.ts. */
export function createSinkStage(options: SinkOptions): Stage {
  const inputs = [...new Set(options.tables.map((table) => table.topic))]
  return {
    name: options.name,
    inputs,
    outputs: [],
    createWorker: (context) => createSinkWorker(options, context),
    shadow: createShadowPort(options),
  }
}

function createShadowPort(options: SinkOptions): ShadowPort {
  const { name, tables } = options
  const each = async (work: (table: SinkTable) => Promise<void>): Promise<void> => {
    for (const table of tables) await work(table)
  }
  return {
    create: (epoch, keep) =>
      each((table) =>
        table.createShadow(
          epoch,
          keep.filter((range) => range.topic === table.topic),
        ),
      ),
    exchange: (epoch) => each((table) => table.exchange(epoch)),
    drop: (epoch) => each((table) => table.drop(epoch)),
    async hash(epoch) {
      const hashes: Record<string, TableHash> = {}
      for (const table of tables) hashes[table.name] = await table.hash(epoch)
      return hashes
    },
    async write(epoch, { topic, partition, lo, hi, records }) {
      const rows = records.filter((record) => options.schemaOf(record) !== undefined)
      if (rows.length === 0) return
      const range = { topic, partition, epoch, lo, hi }
      const batch = { ...range, token: tokenOf(name, range), records: rows, shadow: true }
      for (const table of tables) if (table.topic === topic) await table.insert(batch)
    },
  }
}
