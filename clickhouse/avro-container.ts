import { assert } from '#/kernel/assert.ts'

/** A field every row of the block gets in front of its own: one value for all, or one for each. */
export type AvroLead =
  | { name: string; string: string }
  | { name: string; long: number }
  | { name: string; longs: readonly number[] }

export interface AvroContainerInput {
  /** The writer's schema, a record, as JSON. */
  schemaJson: string
  /** Encoded records without any framing, all written with that schema. */
  datums: readonly Uint8Array[]
  /** Fields the records do not have (`_offset`), before the schema's own; names must be new ones. */
  lead?: readonly AvroLead[]
  /** 16 bytes that end the block; the same input gives the same bytes, which deduplication relies on. */
  sync?: Uint8Array
}

// "Obj" and the version (Avro 1.12 specification, "Object Container Files").
const MAGIC = Buffer.from([0x4f, 0x62, 0x6a, 0x01])
const SYNC_BYTES = 16
const SYNC = Buffer.alloc(SYNC_BYTES, 0x46)
const VARINT_BYTES_MAX = 10

/**
 * An Avro object container around records as they came from the log: a header and one uncompressed block.
 * Nothing is decoded; a record is the concatenation of its fields, so leading fields are bytes in front.
 */
export function avroContainer(input: AvroContainerInput): Buffer {
  const { datums, lead = [], sync = SYNC } = input
  assert(sync.length === SYNC_BYTES, 'an Avro sync marker has 16 bytes')
  for (const field of lead) {
    if ('longs' in field) assert(field.longs.length === datums.length, 'one value for each record')
  }
  const block = blockOf(datums, lead)
  const header = headerOf(schemaWith(input.schemaJson, lead), sync)
  return Buffer.concat([header, longOf(datums.length), longOf(block.length), block, sync])
}

function blockOf(datums: readonly Uint8Array[], lead: readonly AvroLead[]): Buffer {
  const { constant, counted } = splitLead(lead)
  const dataBytes = datums.reduce((sum, datum) => sum + datum.length, 0)
  const leadBytesMax = constant.length + counted.length * VARINT_BYTES_MAX
  const block = Buffer.allocUnsafe(dataBytes + datums.length * leadBytesMax)
  let at = 0
  for (const [index, datum] of datums.entries()) {
    block.set(constant, at)
    at += constant.length
    for (const longs of counted) at = writeLong(block, at, longs[index] ?? 0)
    block.set(datum, at)
    at += datum.length
  }
  return block.subarray(0, at)
}

/** Constants are encoded once; what differs from row to row comes behind them (see `schemaWith`). */
function splitLead(lead: readonly AvroLead[]) {
  const constants = lead.flatMap((field) => {
    if ('string' in field) return [stringOf(field.string)]
    return 'long' in field ? [longOf(field.long)] : []
  })
  const counted = lead.flatMap((field) => ('longs' in field ? [field.longs] : []))
  return { constant: Buffer.concat(constants), counted }
}

interface RecordSchema {
  fields: unknown[]
}

function schemaWith(schemaJson: string, lead: readonly AvroLead[]): string {
  if (lead.length === 0) return schemaJson
  const schema = JSON.parse(schemaJson) as RecordSchema
  const constants = lead.filter((field) => !('longs' in field))
  const counted = lead.filter((field) => 'longs' in field)
  const fields = [...constants, ...counted].map((field) => ({
    name: field.name,
    type: 'string' in field ? 'string' : 'long',
  }))
  return JSON.stringify({ ...schema, fields: [...fields, ...schema.fields] })
}

function headerOf(schemaJson: string, sync: Uint8Array): Buffer {
  const metadata = [
    longOf(2),
    stringOf('avro.schema'),
    stringOf(schemaJson),
    stringOf('avro.codec'),
    stringOf('null'),
    longOf(0),
  ]
  return Buffer.concat([MAGIC, ...metadata, sync])
}

function stringOf(text: string): Buffer {
  const bytes = Buffer.from(text.toWellFormed())
  return Buffer.concat([longOf(bytes.length), bytes])
}

function longOf(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(VARINT_BYTES_MAX)
  return bytes.subarray(0, writeLong(bytes, 0, value))
}

/** Zigzag and seven bits a byte; returns where the next one starts. */
function writeLong(target: Buffer, start: number, value: number): number {
  assert(Number.isSafeInteger(value), 'an Avro long made from a number is a safe integer')
  // Arithmetic instead of shifts: those would cut off at 32 bits.
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  if (rest > Number.MAX_SAFE_INTEGER) return writeBigLong(target, start, BigInt(value))
  let at = start
  while (rest >= 0x80) {
    target[at] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
    at += 1
  }
  target[at] = rest
  return at + 1
}

function writeBigLong(target: Buffer, start: number, value: bigint): number {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  let at = start
  while (rest >= 0x80n) {
    target[at] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
    at += 1
  }
  target[at] = Number(rest)
  return at + 1
}
