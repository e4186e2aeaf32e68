import { hash } from 'node:crypto'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import type { Log, TopicConfig } from '#/processors/log/port.ts'
import { stateTopicOf } from '#/processors/runtime/changelog.ts'
import type { DeadLetterPort, KeptRange, TableHash } from '#/processors/runtime/stage.ts'
import type { SinkBatch, SinkTable } from '#/processors/stages/sink-table.ts'
import { AVRO_SCHEMAS, type RecordName } from '#/schemas/avro-schemas.ts'
import { encode, schemaIdOf } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import type { RegisteredSchema, SchemaIds } from '#/schemas/registry.ts'
import { telemetryKey, TOPICS } from '#/schemas/topics.ts'

const NAMES = Object.keys(AVRO_SCHEMAS) as RecordName[]

/** Every record's schema under an id of its own, as a registry would have it. */
export const SCHEMA_IDS = Object.fromEntries(
  NAMES.map((name, index) => [name, index + 1]),
) as unknown as SchemaIds

export const SCHEMAS = {
  ids: SCHEMA_IDS,
  registry: {
    async byId(id: number): Promise<RegisteredSchema> {
      const name = NAMES[id - 1]
      if (name === undefined) throw new FaultlineError('unknown_schema', `no schema ${id}`)
      return { id, subject: name, version: 1, schema: AVRO_SCHEMAS[name] }
    },
  },
}

export const DEAD_LETTERS: DeadLetterPort = {
  topic: TOPICS.deadLetters.name,
  partitionOf: () => 0,
  encode: ({ stage, topic, partition, record, code, error }) => ({
    key: Buffer.from(stage),
    value: encode('DeadLetter', SCHEMA_IDS.DeadLetter, {
      stage,
      topic,
      partition,
      offset: record.offset,
      at: record.timestampMs,
      schema_id: (record.value && schemaIdOf(record.value)) ?? 0,
      code,
      error,
      attempt: 1,
      project: '',
      key: record.key,
      value: record.value,
    }),
    timestampMs: record.timestampMs,
  }),
}

export function topicConfigs(partitions: number, stages: readonly string[]): TopicConfig[] {
  const rest = { retentionMs: Infinity, retentionBytes: Infinity }
  const state = stages.map((stage) => ({
    name: stateTopicOf(stage),
    partitions,
    compacted: true,
    ...rest,
  }))
  const topics = Object.values(TOPICS).map((topic) => ({
    name: topic.name,
    partitions: topic.partitions === 'one' ? 1 : partitions,
    compacted: topic.compacted,
    ...rest,
  }))
  return [...topics, ...state]
}

export function eventOf(over: Partial<Event>): Event {
  return {
    project: 'p',
    event_id: '',
    id_made: true,
    event_type: 'error',
    occurred_at: 0,
    received_at: 0,
    service: 'web',
    environment: 'prod',
    release: '',
    host: '',
    severity: 4,
    message: '',
    error_type: '',
    error_code: '',
    stack: '',
    route: '',
    method: '',
    status_code: 0,
    duration_ms: null,
    user_id: '',
    session_id: '',
    request_id: '',
    trace_id: '',
    span_id: '',
    parent_span_id: '',
    tags: [],
    attributes: {},
    attribute_kinds: {},
    flags: [],
    ...over,
  }
}

export function encodeEvent(event: Event): Buffer {
  return encode('Event', SCHEMA_IDS.Event, event)
}

export function keyOfEvent(event: Event): string {
  return telemetryKey(event.project, event.service)
}

/** Where the simulated process dies. */
export class CrashError extends Error {
  override readonly name = 'CrashError'
}

export interface CrashPlan {
  random: Random
  /** Chance of dying at each operation that can be interrupted. */
  chance: number
  /** Reads get a size drawn up to this instead of the one asked for. */
  readBytesMax?: number
}

/** A log whose process dies at commits and reads: just before, or just after they took effect. */
export function crashingLog(log: Log, plan: CrashPlan): Log {
  const dies = (): boolean => plan.random.unit() < plan.chance
  const wrapped: Partial<Log> = {
    async commit(unit) {
      if (dies()) throw new CrashError('before a commit')
      await log.commit(unit)
      if (dies()) throw new CrashError('after a commit')
    },
    async read(tp, from, options) {
      // State topics take many reads to load: dying at each would mean never to get through.
      if (tp.topic.endsWith('.state.v1')) return log.read(tp, from, options)
      if (dies()) throw new CrashError('at a read')
      const { readBytesMax = Infinity } = plan
      if (readBytesMax === Infinity) return log.read(tp, from, options)
      return log.read(tp, from, { ...options, bytesMax: 1 + plan.random.int(readBytesMax) })
    },
  }
  return new Proxy(log, {
    get(target, name: keyof Log) {
      const own = wrapped[name]
      if (own !== undefined) return own
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/**
 * What ClickHouse promises, and no more: one insert is all or nothing, a token seen before inserts nothing, an
 * answer may get lost after the rows were written.
 */
export interface TwinTable extends SinkTable {
  rows(): readonly TwinRow[]
  insertCount(): number
}

interface TwinRow {
  partition: number
  offset: number
  epoch: number
  value: string
}

export interface TwinTableOptions {
  topic: string
  name: string
  crash?: CrashPlan
  /** Records ClickHouse refuses for their data. */
  refuses?(value: Buffer): boolean
}

class RefusedError extends Error {}

interface Table {
  rows: TwinRow[]
  tokens: Set<string>
  /** Of the replay that made it. */
  epoch: number
}

function emptyTable(): Table {
  return { rows: [], tokens: new Set(), epoch: 0 }
}

function contentOf(rows: readonly TwinRow[]): TableHash {
  const values = rows.map(({ value }) => value).toSorted()
  return { rows: values.length, hash: hash('sha256', values.join('\n'), 'hex') }
}

export function createTwinTable(options: TwinTableOptions): TwinTable {
  const tables = new Map<string, Table>([[options.name, emptyTable()]])
  let inserts = 0
  const twinName = (epoch: number): string => `${options.name}__e${epoch}`
  const get = (epoch?: number): Table => {
    const name = epoch === undefined ? options.name : twinName(epoch)
    const found = tables.get(name)
    if (found === undefined) throw new Error(`no table ${name}`)
    return found
  }
  const swap = (epoch: number): void => {
    const [live, twin] = [get(), get(epoch)]
    tables.set(options.name, twin)
    tables.set(twinName(epoch), live)
  }
  const dies = (): boolean =>
    options.crash !== undefined && options.crash.random.unit() < options.crash.chance
  const store = (table: Table, batch: SinkBatch): void => {
    if (table.tokens.has(batch.token)) return
    table.tokens.add(batch.token)
    for (const { offset, value } of batch.records) {
      table.rows.push({
        partition: batch.partition,
        offset,
        epoch: batch.epoch,
        value: String(value?.toString('base64')),
      })
    }
  }
  return {
    topic: options.topic,
    name: options.name,
    async insert(batch) {
      inserts += 1
      if (dies()) throw new CrashError('before an insert')
      if (batch.records.some(({ value }) => value !== null && options.refuses?.(value) === true))
        throw new RefusedError('cannot parse')
      store(get(batch.shadow ? batch.epoch : undefined), batch)
      if (dies()) throw new CrashError('after an insert')
    },
    isDataError: (error) => error instanceof RefusedError,
    async createShadow(epoch: number, keep: readonly KeptRange[]) {
      const kept = get().rows.filter((row) =>
        keep.some(({ partition, offset }) => partition === row.partition && row.offset < offset),
      )
      tables.set(twinName(epoch), { rows: [...kept], tokens: new Set(), epoch })
    },
    async exchange(epoch) {
      if (dies()) throw new CrashError('before an exchange')
      if (get().epoch !== epoch) swap(epoch)
      if (dies()) throw new CrashError('after an exchange')
    },
    async revert(epoch) {
      if (get().epoch === epoch) swap(epoch)
    },
    async drop(epoch) {
      tables.delete(twinName(epoch))
    },
    hash: async (epoch) => contentOf(get(epoch).rows),
    measure: async (epoch) => ({ rows: get(epoch).rows.length, hash: '' }),
    hashUpTo: async (epoch) => contentOf(get().rows.filter((row) => row.epoch <= epoch)),
    rows: () => get().rows,
    insertCount: () => inserts,
  }
}
