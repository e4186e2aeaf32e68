import { createRecordReader } from '#/api/record-reader.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { ConsumedRecord, ProducedBatch } from '#/processors/log/port.ts'
import type { PayloadOf } from '#/schemas/collab/commands.ts'
import type { JsonObject } from '#/schemas/collab/json.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import type { Incident, IncidentStatus } from '#/schemas/incident.ts'
import type { IncidentEvent } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { batchOf, partitionsOf } from './action-log.ts'
import type { SchemaSource } from './action-log.ts'
import { recordOfCommand } from './action-record.ts'
import type { Submitted } from './action-record.ts'
import { ownPartitions } from './partition-owner.ts'
import type { OwnerDeps, PartitionOwner } from './partition-owner.ts'

export const BRIDGE_GROUP = 'rooms-engine'

/** Steps a room hears of. The others (counts once a minute, one more alert) change nothing people decide about. */
const TOLD = new Set([
  'opened',
  'resolved',
  'reopened',
  'status',
  'severity',
  'merged',
  'split',
  'flapping',
  'redirect',
])

const READ_BYTES_MAX = 1 << 20

/**
 * lifecycle → commands: what the engine did to an incident goes through the same sequencer as what people do, so that
 * a room is one sequence. The id of such a command is the engine's own step number: a replay tells nothing twice.
 */
export async function startEngineBridge(deps: OwnerDeps & SchemaSource): Promise<PartitionOwner> {
  const { log } = deps
  const reader = createRecordReader('IncidentEvent', deps)
  const partitions = await partitionsOf(log, TOPICS.commands.name)
  const read = async (records: readonly ConsumedRecord[]): Promise<Submitted[]> => {
    const commands: Submitted[] = []
    for (const { value, timestampMs } of records) {
      if (value === null) continue
      try {
        await reader.prepare([value])
        const step = reader.read(value)
        if (TOLD.has(step.kind)) commands.push(commandOfStep(step, timestampMs))
      } catch (error) {
        deps.onProblem?.(error)
      }
    }
    return commands
  }
  return ownPartitions(deps, {
    group: BRIDGE_GROUP,
    topic: TOPICS.lifecycle.name,
    bytesMax: READ_BYTES_MAX,
    begin: async () => async (records) =>
      outputsOf(await read(records), partitions, deps.schemaIds.Action),
  })
}

export function commandOfStep(step: IncidentEvent, recordedAt: number): Submitted {
  const detail = JSON.parse(step.detail) as Partial<Incident>
  const actor = detail.timeline?.findLast((entry) => entry.seq === step.seq)?.actor
  const payload: PayloadOf<'engine'> = {
    step: {
      seq: step.seq,
      kind: step.kind,
      at: step.at,
      sentence: step.sentence.slice(0, 4_000),
      ...(actor === undefined ? {} : { actor: actor.slice(0, 200) }),
    },
    status: step.status as IncidentStatus,
    level: step.severity,
    title: step.title.slice(0, 1_000),
    number: step.number,
    services: step.services.slice(0, 1_000).map((service) => service.slice(0, 200)),
    redirectTo: step.redirect_to,
    recordedAt,
  }
  return {
    project: step.project,
    incidentId: step.incident_id,
    command: {
      cmdId: `engine:${step.seq}`,
      kind: 'engine',
      payload: payload as unknown as JsonObject,
      actor: ENGINE,
      at: recordedAt,
    },
  }
}

function outputsOf(
  commands: readonly Submitted[],
  partitions: number,
  schemaId: number,
): ProducedBatch[] {
  const byPartition = Map.groupBy(commands, ({ incidentId }) =>
    partitionOf(Buffer.from(incidentId), partitions),
  )
  return [...byPartition].map(([partition, own]) =>
    batchOf({ topic: TOPICS.commands.name, partition }, own.map(recordOfCommand), schemaId),
  )
}
