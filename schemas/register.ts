import { AVRO_SCHEMAS } from './avro-schemas.ts'
import type { RecordName } from './avro-schemas.ts'
import { subjectOf } from './registry.ts'
import type { SchemaIds, SchemaRegistry } from './registry.ts'
import { TOPICS } from './topics.ts'

/**
 * Registers the schema of every topic under the topic's own subject and answers with the ids by record. A registry
 * gives one schema one id however many subjects it stands under. Fails with `schema_incompatible` when the registry
 * holds a version that today's readers could not read.
 */
export async function registerAll(registry: SchemaRegistry): Promise<SchemaIds> {
  const ids: Partial<Record<RecordName, number>> = {}
  for (const topic of Object.values(TOPICS)) {
    const id = await registry.register(subjectOf(topic.name), AVRO_SCHEMAS[topic.schema])
    ids[topic.schema] ??= id
  }
  return ids as SchemaIds
}
