/**
 * Writes records.ts and avro-schemas.ts from avro/*.avsc, so that one source gives the wire format, the TypeScript
 * types, and (through columns.ts) the ClickHouse columns. `node schemas/generate.ts` writes; the test compares.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface AvroField {
  name: string
  type: AvroType
  doc?: string
  default?: unknown
}
type AvroType = string | AvroType[] | { type: string; [key: string]: unknown }
interface AvroRecord {
  type: 'record'
  name: string
  namespace: string
  doc: string
  extends?: string
  fields: AvroField[]
}

const HEADER =
  '// Generated from avro/*.avsc by generate.ts. Do not edit: change the schema and run `npm run generate`.\n'

function load(dir: string): Map<string, AvroRecord> {
  const files = readdirSync(dir)
    .filter((name) => name.endsWith('.avsc'))
    .toSorted()
  const raw = new Map(
    files.map((name) => [
      name.slice(0, -'.avsc'.length),
      JSON.parse(readFileSync(join(dir, name), 'utf8')) as AvroRecord,
    ]),
  )
  for (const [name, record] of raw) {
    if (record.extends === undefined) continue
    const { extends: parent, ...own } = record
    raw.set(name, { ...own, fields: [...(raw.get(parent)?.fields ?? []), ...record.fields] })
  }
  return raw
}

function typeScriptOf(type: AvroType): string {
  if (Array.isArray(type)) return type.map(typeScriptOf).join(' | ')
  if (typeof type === 'object') {
    if (type.type === 'array') return `readonly ${typeScriptOf(type['items'] as AvroType)}[]`
    if (type.type === 'map')
      return `Readonly<Record<string, ${typeScriptOf(type['values'] as AvroType)}>>`
    if (type.type === 'enum')
      return (type['symbols'] as string[]).map((symbol) => `'${symbol}'`).join(' | ')
    return typeScriptOf(type.type)
  }
  const primitives: Record<string, string> = {
    string: 'string',
    boolean: 'boolean',
    int: 'number',
    long: 'number',
    double: 'number',
    bytes: 'Buffer',
    null: 'null',
  }
  return primitives[type] ?? 'never'
}

function interfaceOf(record: AvroRecord): string {
  const fields = record.fields.map((field) => {
    const doc = field.doc === undefined || field.doc === '' ? '' : `  /** ${field.doc} */\n`
    return `${doc}  ${field.name}: ${typeScriptOf(field.type)}\n`
  })
  return `/** ${record.doc} */\nexport interface ${record.name} {\n${fields.join('')}}\n`
}

/** The text of both generated files. */
export function generate(dir: string): { records: string; schemas: string } {
  const all = load(dir)
  const records = `${HEADER}\n${[...all.values()].map(interfaceOf).join('\n')}`
  const entries = [...all.values()].map(
    (record) => `  ${record.name}: ${JSON.stringify(JSON.stringify(record))},\n`,
  )
  const schemas = `${HEADER}
/** Avro schemas as JSON text, by record name. */
export const AVRO_SCHEMAS = {\n${entries.join('')}} as const

export type RecordName = keyof typeof AVRO_SCHEMAS
`
  return { records, schemas }
}

if (import.meta.main) {
  const { records, schemas } = generate(join(import.meta.dirname, 'avro'))
  writeFileSync(join(import.meta.dirname, 'records.ts'), records)
  writeFileSync(join(import.meta.dirname, 'avro-schemas.ts'), schemas)
}
