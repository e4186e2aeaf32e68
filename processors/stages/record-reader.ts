import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import type { RecordName } from '#/schemas/avro-schemas.ts'
import { createDecoder, schemaIdOf } from '#/schemas/codec.ts'
import type { Decoder, RecordTypes } from '#/schemas/codec.ts'
import type { Tick } from '#/schemas/records.ts'
import { recordNameOf } from '#/schemas/registry.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'

export interface SchemaSource {
  ids: SchemaIds
  registry: Pick<SchemaRegistry, 'byId'>
}

/** What the bytes of one record are. Ticks and records share topics and are told apart by their schema id. */
type Read<T> =
  | { kind: 'tick'; tick: Tick }
  /** `isCurrent`: written with today's schema, so that its bytes may be passed on as they are. */
  | { kind: 'record'; record: T; isCurrent: boolean }
  | { kind: 'poison'; code: string; error: string }

export interface RecordReader<T> {
  /** Looks up schemas not seen before; undefined when all are known, which is nearly always. */
  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined
  read(value: Buffer | null): Read<T>
}

/** Schemas of other versions remembered; hostile producers can register many. */
const SCHEMAS_MAX = 1000
/** A schema nobody knew may be registered later: after this many batches it is asked for again. */
const BATCHES_BROKEN = 200

interface Writer<T> {
  decoder: Decoder<T> | undefined
  tick: Decoder<Tick> | undefined
  isCurrent: boolean
  /** Set when nothing can read it. */
  error: string
}

/** Reads records of one kind, whichever version of its schema wrote them; only `fields` when given. */
export function createRecordReader<N extends RecordName, K extends keyof RecordTypes[N] & string>(
  name: N,
  { ids, registry }: SchemaSource,
  fields?: readonly K[],
): RecordReader<Pick<RecordTypes[N], K>> {
  type T = Pick<RecordTypes[N], K>
  const own = fields === undefined ? {} : { fields }
  const current: Writer<T> = {
    decoder: createDecoder<N, K>(name, own),
    tick: undefined,
    isCurrent: true,
    error: '',
  }
  const tick: Writer<T> = { ...current, decoder: undefined, tick: createDecoder('Tick') }
  const writers = new Map<number, Writer<T>>([
    [ids.Tick, tick],
    [ids[name], current],
  ])
  const lookUp = async (id: number): Promise<Writer<T>> => {
    try {
      const { schema } = await registry.byId(id)
      const written = recordNameOf(schema)
      if (written !== name) return broken(`schema ${id} is of ${String(written)}, not of ${name}`)
      const decoder = createDecoder<N, K>(name, { ...own, writerSchema: schema })
      return { decoder, tick: undefined, isCurrent: false, error: '' }
    } catch (error) {
      // A registry that does not answer is not the record's fault: the batch is tried again.
      const isOutage = isFaultlineError(error) && error.retryable && error.code !== 'unknown_schema'
      if (isOutage) throw error
      return broken(`schema ${id}: ${messageOf(error)}`)
    }
  }
  let batches = 0
  return {
    prepare(records) {
      batches += 1
      if (batches % BATCHES_BROKEN === 0)
        for (const [id, { error }] of writers) if (error !== '') writers.delete(id)
      let missing: Set<number> | undefined
      for (const { value } of records) {
        const id = value === null ? undefined : schemaIdOf(value)
        if (id !== undefined && !writers.has(id)) (missing ??= new Set()).add(id)
      }
      return missing === undefined ? undefined : resolve(missing, writers, lookUp)
    },
    read(value) {
      const id = value === null ? undefined : schemaIdOf(value)
      if (value === null || id === undefined)
        return {
          kind: 'poison',
          code: 'invalid_event',
          error: 'not an Avro record with a schema id',
        }
      const writer = writers.get(id)
      try {
        if (writer?.decoder !== undefined)
          return {
            kind: 'record',
            record: writer.decoder.decode(value),
            isCurrent: writer.isCurrent,
          }
        if (writer?.tick !== undefined) return { kind: 'tick', tick: writer.tick.decode(value) }
      } catch (error) {
        return { kind: 'poison', code: 'invalid_event', error: messageOf(error) }
      }
      return { kind: 'poison', code: 'unknown_schema', error: writer?.error ?? `schema ${id}` }
    },
  }
}

function broken(error: string): Writer<never> {
  return { decoder: undefined, tick: undefined, isCurrent: false, error }
}

async function resolve<T>(
  missing: ReadonlySet<number>,
  writers: Map<number, Writer<T>>,
  lookUp: (id: number) => Promise<Writer<T>>,
): Promise<void> {
  for (const id of missing) {
    const writer = await lookUp(id)
    if (writers.size >= SCHEMAS_MAX) {
      const oldest = [...writers].find(([, { isCurrent }]) => !isCurrent)
      if (oldest !== undefined) writers.delete(oldest[0])
    }
    writers.set(id, writer)
  }
}
