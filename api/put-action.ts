import { FaultlineError } from '#/kernel/errors.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { Log } from '#/processors/log/port.ts'
import { encode } from '#/schemas/codec.ts'
import type { Action } from '#/schemas/records.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'

/** Among the actions, behind those with the same key. Durable when it resolves. */
export async function putAction(
  { log, schemaIds }: { log: Log; schemaIds: SchemaIds },
  key: string,
  action: Action,
): Promise<void> {
  const topic = TOPICS.actions.name
  const found = (await log.topics()).find(({ name }) => name === topic)
  if (found === undefined) throw new FaultlineError('unknown_topic', `There is no topic ${topic}.`)
  const bytes = Buffer.from(key)
  const value = encode('Action', schemaIds.Action, action)
  const partition = partitionOf(bytes, found.partitions)
  const records = [{ key: bytes, value, timestampMs: action.at }]
  await log.append([{ topic, partition, records }])
}
