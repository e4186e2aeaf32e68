import { partitionOf } from '#/processors/log/partitioner.ts'
import type { Log } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { batchOf, partitionsOf } from './action-log.ts'
import type { SchemaSource } from './action-log.ts'
import { recordOfCommand } from './action-record.ts'
import type { Submitted } from './action-record.ts'

export interface CommandDoor {
  /** Durable, and on its way to the sequencer, when it resolves. Calls keep their order. */
  submit(submitted: Submitted): Promise<void>
}

export async function openCommandDoor(deps: SchemaSource & { log: Log }): Promise<CommandDoor> {
  const topic = TOPICS.commands.name
  const partitions = await partitionsOf(deps.log, topic)
  return {
    async submit(submitted) {
      const action = recordOfCommand(submitted)
      const partition = partitionOf(Buffer.from(submitted.incidentId), partitions)
      await deps.log.append([batchOf({ topic, partition }, [action], deps.schemaIds.Action)])
    },
  }
}
