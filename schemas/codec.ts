import avro from 'avsc'
import { AVRO_SCHEMAS, type RecordName } from '#/schemas/avro-schemas.ts'
import type * as records from '#/schemas/records.ts'

/** Confluent wire format: byte 0 is 0, bytes 1–4 the schema id (big endian), then the Avro datum. */
export const WIRE_HEADER_BYTES = 5
const SLAB_BYTES = 1 << 20
/** The largest datum the encoder takes; the door's limits keep events far below. */
export const DATUM_BYTES_MAX = 16 << 20

export interface RecordTypes {
  Action: records.Action
  AiJob: records.AiJob
  AuditEntry: records.AuditEntry
  ConfigEntry: records.ConfigEntry
  DeadLetter: records.DeadLetter
  Delivery: records.Delivery
  Detection: records.Detection
  Event: records.Event
  FingerprintAlias: records.FingerprintAlias
  GroupedEvent: records.GroupedEvent
  IncidentEvent: records.IncidentEvent
  Insight: records.Insight
  Tick: records.Tick
}

// Maps are decoded to plain objects and unions to bare values, which is what the interfaces say.
function parse(schema: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: false })
}

const types = new Map<RecordName, avro.Type>()

/** The avsc type of a record; built once. */
export function avroType(name: RecordName): avro.Type {
  let type = types.get(name)
  if (type === undefined) types.set(name, (type = parse(AVRO_SCHEMAS[name])))
  return type
}

/** Slabs are filled from the front and never reused, so that records may keep subarrays of them. */
function createSlab(): { encode(type: avro.Type, value: unknown, headerBytes: number): Buffer } {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  let used = 0
  return {
    encode(type, value, headerBytes) {
      for (let size = SLAB_BYTES; size <= DATUM_BYTES_MAX; size *= 2) {
        const start = used
        const end = type.encode(value, slab, start + headerBytes)
        if (end >= 0) {
          used = end
          return slab.subarray(start, end)
        }
        // A negative answer says that the slab was too small: begin a fresh one, larger on each miss.
        slab = Buffer.allocUnsafeSlow(start === 0 ? size * 2 : size)
        used = 0
      }
      throw new RangeError(`a record is larger than ${DATUM_BYTES_MAX} bytes`)
    },
  }
}

const slab = createSlab()

/** Encodes a record with its wire header. Throws when the value does not fit the schema. */
export function encode<N extends RecordName>(
  name: N,
  schemaId: number,
  value: RecordTypes[N],
): Buffer {
  const bytes = slab.encode(avroType(name), value, WIRE_HEADER_BYTES)
  bytes[0] = 0
  bytes.writeUInt32BE(schemaId, 1)
  return bytes
}

/** The schema id of a wire-format record, or undefined when the bytes are not of that format. */
export function schemaIdOf(bytes: Buffer): number | undefined {
  return bytes.length >= WIRE_HEADER_BYTES && bytes[0] === 0 ? bytes.readUInt32BE(1) : undefined
}

export interface Decoder<T> {
  /** Decodes the datum behind the wire header. Throws on bytes that are not of the writer's schema. */
  decode(bytes: Buffer): T
}

/**
 * Reads records another schema version wrote, and only the fields asked for: the others are skipped, which is
 * what makes a stage cheap. With `fields` left out the whole record is read.
 */
export function createDecoder<N extends RecordName, K extends keyof RecordTypes[N] & string>(
  name: N,
  options: { fields?: readonly K[]; writerSchema?: string } = {},
): Decoder<Pick<RecordTypes[N], K>> {
  const writer = options.writerSchema === undefined ? avroType(name) : parse(options.writerSchema)
  let reader = avroType(name)
  if (options.fields !== undefined) {
    const wanted = new Set<string>(options.fields)
    const schema = JSON.parse(AVRO_SCHEMAS[name]) as { fields: { name: string }[] }
    reader = parse(
      JSON.stringify({
        ...schema,
        fields: schema.fields.filter((field) => wanted.has(field.name)),
      }),
    )
  }
  const resolver = writer === reader ? undefined : reader.createResolver(writer)
  return {
    decode(bytes) {
      const { value, offset } = reader.decode(bytes, WIRE_HEADER_BYTES, resolver)
      if (offset < 0 || value === undefined) throw new RangeError('the record ends too early')
      return value as Pick<RecordTypes[N], K>
    },
  }
}

/** The Avro bytes of the fields a GroupedEvent has beyond an Event: appended to the event's own datum. */
const EXTRA_FIELDS = 'GroupedEventExtra'
let extraType: avro.Type | undefined

export type GroupedEventExtra = Omit<records.GroupedEvent, keyof records.Event>

/** Of an event that belongs to no issue. */
export const UNGROUPED: GroupedEventExtra = {
  fingerprint: '',
  fingerprint_method: '',
  title: '',
  culprit: '',
  template: '',
  template_id: '',
  params: {},
  fingerprint_own: '',
  fingerprint_rule: '',
}

/**
 * Turns an encoded Event into an encoded GroupedEvent without decoding it: an Avro record is the concatenation of
 * its fields, and a GroupedEvent is an Event with more of them behind. Only valid for bytes written with today's
 * Event schema.
 */
export function extendEvent(event: Buffer, extra: GroupedEventExtra, schemaId: number): Buffer {
  if (extraType === undefined) {
    const base = JSON.parse(AVRO_SCHEMAS.Event) as { fields: { name: string }[] }
    const grouped = JSON.parse(AVRO_SCHEMAS.GroupedEvent) as { fields: { name: string }[] }
    const fields = grouped.fields.slice(base.fields.length)
    extraType = parse(JSON.stringify({ ...grouped, name: EXTRA_FIELDS, fields }))
  }
  const bytes = slab.encode(extraType, extra, event.length)
  event.copy(bytes, 0)
  bytes[0] = 0
  bytes.writeUInt32BE(schemaId, 1)
  return bytes
}

/** Why `reader` cannot read what `writer` wrote (Avro's schema resolution), empty when it can. Fails on text that is no schema. */
export function readProblem(reader: string, writer: string): string {
  const [readerType, writerType] = [parse(reader), parse(writer)]
  try {
    readerType.createResolver(writerType)
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
