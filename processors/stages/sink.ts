import type { ConsumedRecord, TopicPartition } from '#/processors/log/port.ts'
import type {
  ShadowPort,
  ShadowScope,
  Stage,
  TableChange,
  TableHash,
} from '#/processors/runtime/stage.ts'
import { insertRows } from './insert-rows.ts'
import type { RowRange } from './insert-rows.ts'
import { tokenOf } from './sink-table.ts'
import type { SinkBatch, SinkOptions, SinkTable } from './sink-table.ts'
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
  const inScope = ({ topics }: ShadowScope): SinkTable[] =>
    tables.filter((table) => topics.has(table.topic))
  return {
    async create(scope, keep) {
      for (const table of inScope(scope)) {
        const kept = keep.filter((range) => range.topic === table.topic)
        await table.createShadow(scope.epoch, kept)
      }
    },
    async exchange(scope) {
      for (const table of inScope(scope)) await table.exchange(scope.epoch)
    },
    async revert(scope) {
      for (const table of inScope(scope)) await table.revert(scope.epoch)
    },
    async drop(scope) {
      for (const table of inScope(scope)) await table.drop(scope.epoch)
    },
    async measure(scope) {
      const measured: Record<string, TableHash> = {}
      for (const table of inScope(scope)) measured[table.name] = await table.measure(scope.epoch)
      return measured
    },
    async compare(scope, derived) {
      const compared: Record<string, TableChange> = {}
      for (const table of inScope(scope)) {
        const { rows, hash } = await table.hashUpTo(scope.epoch)
        const parts = [hash, derived[table.name]].filter((part) => part !== '')
        compared[table.name] = {
          before: await table.hash(scope.epoch),
          after: { rows, hash: parts.join(' ') },
        }
      }
      return compared
    },
    async write({ epoch }, { topic, partition, records, hi }) {
      const taken: Record<string, number> = {}
      for (const rows of runsOfOneSchema(records, (record) => options.schemaOf(record))) {
        const range = { topic, partition, epoch, lo: rows.lo, hi: Math.min(rows.hi, hi) }
        for (const table of tables) {
          if (table.topic !== topic) continue
          const refused = await insertRows({
            table,
            rows: rows.records,
            insert: (part) => table.insert(shadowBatch(name, { ...range, ...part })),
            onRefused: () => undefined,
          })
          taken[table.name] = (taken[table.name] ?? 0) + rows.records.length - refused
        }
      }
      return taken
    },
  }
}

function shadowBatch(
  sink: string,
  { lo, hi, rows, topic, partition, epoch }: RowRange & TopicPartition & { epoch: number },
): SinkBatch {
  const range = { topic, partition, epoch, lo, hi }
  return { ...range, token: tokenOf(sink, range), records: rows, shadow: true }
}

/** One block holds records of one writer schema. */
function runsOfOneSchema(
  records: readonly ConsumedRecord[],
  schemaOf: (record: ConsumedRecord) => number | undefined,
): { lo: number; hi: number; records: ConsumedRecord[] }[] {
  const runs: { lo: number; hi: number; records: ConsumedRecord[] }[] = []
  let current: number | undefined
  for (const record of records) {
    const id = schemaOf(record)
    if (id === undefined) continue
    const last = runs.at(-1)
    if (last === undefined || id !== current)
      runs.push({ lo: record.offset, hi: record.offset + 1, records: [record] })
    else {
      last.records.push(record)
      last.hi = record.offset + 1
    }
    current = id
  }
  return runs
}
