import { FaultlineError } from '#/kernel/errors.ts'
import { assertSchema, incompatibilities } from './compatibility.ts'
import type { CompatibilityLevel } from './compatibility.ts'
import type { RegisteredSchema, SchemaRegistry } from './registry.ts'
import { createFileStore, createMemoryStore } from './registry-store.ts'
import type { RegistryStore, StoredVersion } from './registry-store.ts'
import { createSchemaTable } from './registry-table.ts'

/** The embedded registry offers more than the port: what Confluent's REST interface asks for. */
export interface EmbeddedRegistry extends SchemaRegistry {
  subjects(): readonly string[]
  /** Version numbers, oldest first. Fails with `not_found`. */
  versions(subject: string): readonly number[]
  /** Fails with `not_found`. */
  version(subject: string, version: number | 'latest'): RegisteredSchema
  /** The version of a subject that has exactly this schema. Fails with `not_found`. */
  lookup(subject: string, schema: string): RegisteredSchema
  /** All subjects and versions that use an id. */
  usesOf(id: number): readonly { subject: string; version: number }[]
  /** What keeps a schema from becoming the next version of a subject, or beside one version of it. */
  check(subject: string, schema: string, version?: number | 'latest'): readonly string[]
  level(subject?: string): CompatibilityLevel | undefined
  setLevel(level: CompatibilityLevel, subject?: string): void
}

/** Schemas in one small file; ids stay the same for ever, because every record of the log names one. */
export function openEmbeddedRegistry(options: { dir: string }): EmbeddedRegistry {
  return createRegistry(createFileStore(options.dir))
}

/** The same registry without a file, for tests and simulations. */
export function createMemoryRegistry(): EmbeddedRegistry {
  return createRegistry(createMemoryStore())
}

function createRegistry(store: RegistryStore): EmbeddedRegistry {
  const table = createSchemaTable(store)
  const versionsOf = (subject: string): readonly StoredVersion[] => {
    const found = table.versions(subject)
    if (found === undefined) throw missing(`There is no subject ${subject}.`)
    return found
  }
  const textOf = ({ id }: StoredVersion): string => table.textOf(id) ?? ''
  const find = (subject: string, text: string): StoredVersion | undefined =>
    table.versions(subject)?.find((stored) => textOf(stored) === text)

  const registry: EmbeddedRegistry = {
    async register(subject, schema) {
      assertSubject(subject)
      assertSchema(schema)
      const text = canonicalText(schema)
      const same = find(subject, text)
      if (same !== undefined) return same.id
      const problems = registry.check(subject, text)
      if (problems.length > 0) throw incompatible(subject, problems)
      return table.add(subject, text)
    },
    async byId(id) {
      const schema = table.textOf(id)
      if (schema === undefined)
        throw new FaultlineError('unknown_schema', `There is no schema ${id}.`)
      return { id, schema, subject: '', version: 0, ...registry.usesOf(id)[0] }
    },
    subjects: () => table.subjects(),
    versions: (subject) => versionsOf(subject).map(({ version }) => version),
    version(subject, version) {
      const all = versionsOf(subject)
      const found = version === 'latest' ? all.at(-1) : all.find((one) => one.version === version)
      if (found === undefined) throw missing(`${subject} has no version ${version}.`)
      return { ...found, subject, schema: textOf(found) }
    },
    lookup(subject, schema) {
      versionsOf(subject)
      const found = find(subject, canonicalText(schema))
      if (found === undefined) throw missing(`${subject} does not have this schema.`)
      return { ...found, subject, schema: textOf(found) }
    },
    usesOf: (id) =>
      table.subjects().flatMap((subject) =>
        versionsOf(subject)
          .filter((stored) => stored.id === id)
          .map(({ version }) => ({ subject, version })),
      ),
    check(subject, schema, version) {
      const earlier =
        version === undefined
          ? (table.versions(subject) ?? []).map(textOf)
          : [registry.version(subject, version).schema]
      return incompatibilities(schema, earlier, table.level(subject) ?? table.level() ?? 'BACKWARD')
    },
    level: (subject) => table.level(subject),
    setLevel: (level, subject) => table.setLevel(level, subject),
  }
  return registry
}

/** Whitespace between tokens does not make another schema. */
function canonicalText(schema: string): string {
  return JSON.stringify(JSON.parse(schema))
}

const SUBJECT_CHARS_MAX = 255

function assertSubject(subject: string): void {
  if (/^[\w.:-]+$/.test(subject) && subject !== '__proto__' && subject.length <= SUBJECT_CHARS_MAX)
    return
  throw new FaultlineError('invalid_request', 'The subject must be letters, digits, . _ - or :.', {
    path: 'subject',
  })
}

function missing(detail: string): FaultlineError {
  return new FaultlineError('not_found', detail)
}

function incompatible(subject: string, problems: readonly string[]): FaultlineError {
  return new FaultlineError(
    'schema_incompatible',
    `This schema cannot follow the last one of ${subject}: ${problems.join('; ')}`,
    { path: 'schema', remedy: 'Give new fields a default; do not rename or retype old ones.' },
  )
}
