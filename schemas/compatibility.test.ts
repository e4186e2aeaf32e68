import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AVRO_SCHEMAS } from './avro-schemas.ts'
import type { RecordName } from './avro-schemas.ts'
import { createDecoder, encode } from './codec.ts'
import { incompatibilities } from './compatibility.ts'
import { RELEASED_DIR } from './release.ts'
import { registerAll } from './register.ts'
import { createMemoryRegistry } from './registry-embedded.ts'
import { subjectOf } from './registry.ts'
import { TOPICS } from './topics.ts'

interface Field {
  name: string
  type: unknown
  default?: unknown
}
interface RecordSchema {
  fields: Field[]
}

const versions = readdirSync(RELEASED_DIR, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
const released = (version: string, name: string): string =>
  readFileSync(join(RELEASED_DIR, version, `${name}.avsc`), 'utf8')
const NAMES = Object.keys(AVRO_SCHEMAS) as RecordName[]

function changed(name: RecordName, change: (fields: Field[]) => Field[]): string {
  const schema = JSON.parse(AVRO_SCHEMAS[name]) as RecordSchema
  return JSON.stringify({ ...schema, fields: change(schema.fields) })
}

describe('released schemas', () => {
  it('there is one, for every record', () => {
    expect(versions.length).toBeGreaterThan(0)
    for (const version of versions) {
      const names = readdirSync(join(RELEASED_DIR, version))
      for (const file of names) expect(NAMES).toContain(file.replace('.avsc', ''))
    }
  })

  it.each(versions.flatMap((version) => NAMES.map((name) => [version, name] as const)))(
    '[A4] %s %s: today’s readers read its records, and its readers read today’s',
    (version, name) => {
      const file = `${name}.avsc`
      // A record that came later was never released under this version.
      if (!readdirSync(join(RELEASED_DIR, version)).includes(file)) return
      const old = released(version, name)
      expect(incompatibilities(AVRO_SCHEMAS[name], [old], 'FULL_TRANSITIVE')).toEqual([])
    },
  )

  it('[A4] an old reader reads what a newer writer wrote, and takes defaults for what it lacks', () => {
    const newer = changed('Tick', (fields) => [
      ...fields,
      { name: 'zone', type: 'string', default: 'utc' },
    ])
    const bytes = encode('Tick', 1, { number: 7, at: 9 })
    expect(incompatibilities(newer, [AVRO_SCHEMAS.Tick], 'FULL')).toEqual([])
    expect(createDecoder('Tick', { writerSchema: AVRO_SCHEMAS.Tick }).decode(bytes)).toEqual({
      number: 7,
      at: 9,
    })
  })
})

describe('incompatible changes', () => {
  const bad: [string, string][] = [
    [
      'a field without a default',
      changed('Tick', (fields) => [...fields, { name: 'zone', type: 'string' }]),
    ],
    ['another type', changed('Tick', (fields) => fields.map((f) => ({ ...f, type: 'string' })))],
    [
      'a renamed field',
      changed('Tick', ([first, ...rest]) => [{ ...(first as Field), name: 'count' }, ...rest]),
    ],
  ]
  it.each(bad)('[A4] %s is refused by the registry', async (_, schema) => {
    const registry = createMemoryRegistry()
    await registerAll(registry)
    const before = registry.versions('clock.v1-value')
    await expect(registry.register('clock.v1-value', schema)).rejects.toMatchObject({
      code: 'schema_incompatible',
    })
    expect(registry.versions('clock.v1-value')).toEqual(before)
  })

  it('[A4] a removed enum symbol breaks readers of old records', () => {
    const schema = AVRO_SCHEMAS.Event.replace('"feedback",', '')
    expect(schema).not.toBe(AVRO_SCHEMAS.Event)
    expect(incompatibilities(schema, [AVRO_SCHEMAS.Event], 'BACKWARD')).toHaveLength(1)
    expect(incompatibilities(schema, [AVRO_SCHEMAS.Event], 'FORWARD')).toEqual([])
    expect(incompatibilities(schema, [AVRO_SCHEMAS.Event], 'NONE')).toEqual([])
  })

  it('transitive levels look at every earlier version', () => {
    const first = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'
    const second =
      '{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"string","default":""}]}'
    const third =
      '{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"string"}]}'
    expect(incompatibilities(third, [first, second], 'BACKWARD')).toEqual([])
    expect(incompatibilities(third, [first, second], 'BACKWARD_TRANSITIVE')).toHaveLength(1)
  })
})

describe('registration', () => {
  it('gives every record one id, the same again, and its subject the topic’s name', async () => {
    const registry = createMemoryRegistry()
    const ids = await registerAll(registry)
    expect(await registerAll(registry)).toEqual(ids)
    expect(Object.keys(ids).toSorted((a, b) => a.localeCompare(b))).toEqual(
      NAMES.toSorted((a, b) => a.localeCompare(b)),
    )
    for (const topic of Object.values(TOPICS))
      expect(registry.version(subjectOf(topic.name), 'latest').id).toBe(ids[topic.schema])
  })
})
