import { clickHouseCodeOf, type ClickHouse } from '#/clickhouse/client.ts'
import type { DdlOptions } from '#/clickhouse/ddl.ts'
import { isDataErrorCode } from '#/clickhouse/error-codes.ts'
import { createShadow, shadowSuffix } from '#/clickhouse/shadow.ts'
import { createSinkTable, SINK_TABLES, type SinkTableSpec } from '#/clickhouse/sink-table.ts'
import type { RegisteredSchema } from '#/schemas/registry.ts'
import { schemaIdOf } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { SinkTable } from './sink.ts'

export interface ClickHouseTablesOptions {
  clickhouse: ClickHouse
  ddl: DdlOptions
  /** Today's id of each record's schema; other ids are looked up. */
  schemaIdOfToday(record: string): number
  schemaById(id: number): Promise<RegisteredSchema>
}

type Key = keyof typeof SINK_TABLES

const TOPIC_OF: Readonly<Record<Key, string>> = {
  events: TOPICS.fingerprinted.name,
  detections: TOPICS.detections.name,
  lifecycle: TOPICS.lifecycle.name,
  insights: TOPICS.insights.name,
  deadLetters: TOPICS.deadLetters.name,
  aliases: TOPICS.aliases.name,
  actions: TOPICS.actions.name,
}

function createTable(key: Key, options: ClickHouseTablesOptions): SinkTable {
  const { clickhouse, ddl } = options
  const spec: SinkTableSpec = SINK_TABLES[key]
  const live = createSinkTable(clickhouse, spec)
  const shadow = createShadow(clickhouse, spec.table, ddl)
  const today = options.schemaIdOfToday(spec.record)
  return {
    topic: TOPIC_OF[key],
    name: spec.table,
    async insert(batch) {
      const first = batch.records[0]?.value
      const id = first === null || first === undefined ? undefined : schemaIdOf(first)
      const writer =
        id === undefined || id === today ? undefined : (await options.schemaById(id)).schema
      const target = batch.shadow
        ? createSinkTable(clickhouse, spec, shadowSuffix(batch.epoch))
        : live
      await target.insert({
        topic: batch.topic,
        partition: batch.partition,
        epoch: batch.epoch,
        token: batch.token,
        records: batch.records.flatMap(({ offset, value }) =>
          value === null ? [] : [{ offset, value }],
        ),
        ...(writer === undefined ? {} : { writerSchema: writer }),
      })
    },
    // What ClickHouse refuses for its content; everything else is the engine being away or busy.
    isDataError(error) {
      const code = clickHouseCodeOf(error)
      return code !== undefined && isDataErrorCode(code)
    },
    createShadow: (epoch, keep) => shadow.create(epoch, keep),
    exchange: (epoch) => shadow.exchange(epoch),
    drop: (epoch) => shadow.drop(epoch),
    hash: (epoch) => shadow.hash(epoch),
  }
}

export interface ClickHouseTables {
  events: SinkTable
  derived: readonly SinkTable[]
}

/** The tables the sinks of the chain write. */
export function createClickHouseTables(options: ClickHouseTablesOptions): ClickHouseTables {
  const derived = (Object.keys(SINK_TABLES) as Key[]).filter((key) => key !== 'events')
  return {
    events: createTable('events', options),
    derived: derived.map((key) => createTable(key, options)),
  }
}
