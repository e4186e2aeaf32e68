import { AVRO_SCHEMAS, type RecordName } from '#/schemas/avro-schemas.ts'

/** A ClickHouse column made from an Avro field. */
export interface ColumnSpec {
  name: string
  /** Type in the table. */
  type: string
}

type AvroFieldType =
  | string
  | readonly AvroFieldType[]
  | { type: string; logicalType?: string; items?: string; values?: string }

// Few distinct values, or many repeats in a row: a dictionary makes them small and fast to filter.
const DICTIONARY = new Set([
  'project',
  'event_type',
  'service',
  'environment',
  'release',
  'host',
  'error_type',
  'error_code',
  'route',
  'method',
  'fingerprint',
  'fingerprint_method',
  'fingerprint_own',
  'fingerprint_rule',
  'title',
  'culprit',
  'template',
  'template_id',
  'kind',
  'status',
  'stage',
  'topic',
  'code',
  'model',
  'prompt_version',
])
const SMALL: Readonly<Record<string, string>> = { severity: 'UInt8', status_code: 'UInt16' }

function typeOf(name: string, type: AvroFieldType): string {
  if (typeof type === 'string') {
    if (type === 'string') return DICTIONARY.has(name) ? 'LowCardinality(String)' : 'String'
    if (type === 'bytes') return 'String'
    if (type === 'boolean') return 'Bool'
    if (type === 'int') return SMALL[name] ?? 'Int32'
    if (type === 'long') return 'Int64'
    if (type === 'double') return 'Float64'
    throw new RangeError(`no column type for ${type}`)
  }
  if (Array.isArray(type)) {
    const inner = (type as readonly AvroFieldType[]).find((option) => option !== 'null') ?? 'null'
    return `Nullable(${typeOf(name, inner)})`
  }
  const record = type as { type: string; logicalType?: string }
  if (record.logicalType === 'timestamp-millis') return `DateTime64(3, 'UTC')`
  if (record.type === 'enum') return 'LowCardinality(String)'
  if (record.type === 'array') return 'Array(LowCardinality(String))'
  if (record.type === 'map') return 'Map(LowCardinality(String), String)'
  throw new RangeError(`no column type for ${record.type}`)
}

/** Where a row came from; on every row of a table fed from the log. */
export const ORIGIN_COLUMNS: readonly ColumnSpec[] = [
  { name: '_topic', type: 'LowCardinality(String)' },
  { name: '_partition', type: 'UInt16' },
  { name: '_offset', type: 'UInt64' },
  { name: '_epoch', type: 'UInt32' },
]

/** The columns of a record's fields, in the order of the schema. */
export function columnsOf(record: RecordName): readonly ColumnSpec[] {
  const schema = JSON.parse(AVRO_SCHEMAS[record]) as {
    fields: { name: string; type: AvroFieldType }[]
  }
  return schema.fields.map(({ name, type }) => ({ name, type: typeOf(name, type) }))
}
