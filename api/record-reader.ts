import { createDecoder, schemaIdOf } from '#/schemas/codec.ts'
import type { Decoder, RecordTypes } from '#/schemas/codec.ts'
import type { RecordName } from '#/schemas/avro-schemas.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { FaultlineError } from '#/kernel/errors.ts'

export interface RecordReader<T> {
  /** Loads the schemas of records that other versions wrote, so that `read` can stay synchronous. */
  prepare(values: readonly Buffer[]): Promise<void>
  /** Fails with `unknown_schema` for bytes whose schema was not prepared or that carry none. */
  read(value: Buffer): T
}

/** Reads one kind of record, whichever version of its schema the bytes were written with. */
export function createRecordReader<N extends RecordName, K extends keyof RecordTypes[N] & string>(
  name: N,
  options: { schemaIds: SchemaIds; registry: SchemaRegistry; fields?: readonly K[] },
): RecordReader<Pick<RecordTypes[N], K>> {
  const { schemaIds, registry, fields } = options
  const only = fields === undefined ? {} : { fields }
  const decoders = new Map<number, Decoder<Pick<RecordTypes[N], K>>>()
  decoders.set(schemaIds[name], createDecoder<N, K>(name, only))
  return {
    async prepare(values) {
      for (const value of values) {
        const id = schemaIdOf(value)
        if (id === undefined || decoders.has(id)) continue
        const { schema } = await registry.byId(id)
        decoders.set(id, createDecoder<N, K>(name, { ...only, writerSchema: schema }))
      }
    },
    read(value) {
      const id = schemaIdOf(value)
      const decoder = id === undefined ? undefined : decoders.get(id)
      if (decoder === undefined)
        throw new FaultlineError('unknown_schema', `No schema ${id ?? 'id'} for a ${name}.`)
      return decoder.decode(value)
    },
  }
}
