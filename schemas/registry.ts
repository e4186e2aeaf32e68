import type { RecordName } from '#/schemas/avro-schemas.ts'

/** A schema as the registry holds it; ids are unique over all subjects, as in Confluent's. */
export interface RegisteredSchema {
  id: number
  subject: string
  version: number
  /** Avro schema as JSON text. */
  schema: string
}

/**
 * Where schemas get their ids. Adapters: `registry-embedded` (the default; also served over HTTP as Confluent's
 * REST subset) and `registry-confluent`.
 */
export interface SchemaRegistry {
  /** The id of this schema under this subject; registers a new version when needed. Fails with `schema_incompatible`. */
  register(subject: string, schema: string): Promise<number>
  /** The schema of an id, from memory when seen before. Fails with `unknown_schema`. */
  byId(id: number): Promise<RegisteredSchema>
}

/** Ids of our own schemas, as the registry gave them at start. */
export type SchemaIds = Readonly<Record<RecordName, number>>

/** Confluent's TopicNameStrategy. */
export function subjectOf(topic: string): string {
  return `${topic}-value`
}

/** Name of a record's schema without its namespace: clients write the whole name, or namespace and name apart. */
export function recordNameOf(schema: string): string | undefined {
  const { name } = JSON.parse(schema) as { name?: unknown }
  return typeof name === 'string' ? name.slice(name.lastIndexOf('.') + 1) : undefined
}
