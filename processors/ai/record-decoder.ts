import type { RecordName } from '#/schemas/avro-schemas.ts'
import { createDecoder, schemaIdOf, type Decoder, type RecordTypes } from '#/schemas/codec.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'

export interface RecordDecoderDeps {
  schemaIds: SchemaIds
  registry: Pick<SchemaRegistry, 'byId'>
  /** Told of records that cannot be read. */
  onProblem: (error: unknown) => void
}

/** Reads records of one kind, whichever version of its schema wrote them; undefined for what cannot be read. */
export function createRecordDecoder<N extends RecordName, K extends keyof RecordTypes[N] & string>(
  name: N,
  { schemaIds, registry, onProblem }: RecordDecoderDeps,
  fields?: readonly K[],
): (value: Buffer | null) => Promise<Pick<RecordTypes[N], K> | undefined> {
  const only = fields === undefined ? {} : { fields }
  const decoders = new Map<number, Decoder<Pick<RecordTypes[N], K>>>()
  decoders.set(schemaIds[name], createDecoder<N, K>(name, only))
  return async (value) => {
    const id = value === null ? undefined : schemaIdOf(value)
    if (value === null || id === undefined) return undefined
    try {
      let decoder = decoders.get(id)
      if (decoder === undefined) {
        const { schema: writerSchema } = await registry.byId(id)
        decoder = createDecoder<N, K>(name, { ...only, writerSchema })
        decoders.set(id, decoder)
      }
      return decoder.decode(value)
    } catch (error) {
      onProblem(error)
      return undefined
    }
  }
}
