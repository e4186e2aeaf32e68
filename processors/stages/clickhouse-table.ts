import { clickHouseCodeOf, type ClickHouse } from '#/clickhouse/client.ts'
import type { DdlOptions } from '#/clickhouse/ddl.ts'
import { isDataErrorCode } from '#/clickhouse/error-codes.ts'
import { createShadow, shadowSuffix } from '#/clickhouse/shadow.ts'
import { createSinkTable, SINK_TABLES, type SinkTableSpec } from '#/clickhouse/sink-table.ts'
import type { RecordName } from '#/schemas/avro-schemas.ts'
import { recordNameOf } from '#/schemas/registry.ts'
import type { RegisteredSchema } from '#/schemas/registry.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
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
  deliveries: TOPICS.deliveries.name,
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
      const writer = id === today ? undefined : await writerOf(id, spec.record, options)
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
    // What is refused for its content; everything else is the engine or the registry being away or busy.
    isDataError(error) {
      if (isFaultlineError(error, 'invalid_event')) return true
      const code = clickHouseCodeOf(error)
      return code !== undefined && isDataErrorCode(code)
    },
    createShadow: (epoch, keep) => shadow.create(epoch, keep),
    exchange: (epoch) => shadow.exchange(epoch),
    revert: (epoch) => shadow.revert(epoch),
    drop: (epoch) => shadow.drop(epoch),
    hash: (epoch) => shadow.hash(epoch),
    measure: (epoch) => shadow.measure(epoch),
    hashUpTo: (epoch) => shadow.hashUpTo(epoch),
  }
}

/** The schema of a batch that is not of today's; without one its records are dead letters, waiting would not help them. */
async function writerOf(
  id: number | undefined,
  record: RecordName,
  options: ClickHouseTablesOptions,
): Promise<string> {
  if (id === undefined)
    throw new FaultlineError('invalid_event', 'not an Avro record with a schema id')
  const { schema } = await options.schemaById(id).catch((error: unknown) => {
    if (!isFaultlineError(error, 'unknown_schema')) throw error
    throw new FaultlineError('invalid_event', messageOf(error), { cause: error })
  })
  // ClickHouse fills fields it misses with defaults: a record of another kind would be an empty row.
  const name = recordNameOf(schema)
  if (name !== record)
    throw new FaultlineError(
      'invalid_event',
      `schema ${id} is of ${name ?? 'no record'}, not of ${record}`,
    )
  return schema
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
