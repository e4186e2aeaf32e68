import { FaultlineError } from '#/kernel/errors.ts'
import { entryOfProgress } from '#/processors/domain/sql-detector/entry.ts'
import type { DetectorProgress, KeptDetector } from '#/processors/domain/sql-detector/entry.ts'
import { DETECTOR_ACTION } from '#/processors/domain/sql-detector/action.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { Log, ProducedBatch } from '#/processors/log/port.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import { encode } from '#/schemas/codec.ts'
import type { Action } from '#/schemas/records.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'

export interface Findings {
  detector: KeptDetector
  progress: DetectorProgress
  findings: readonly Detection[]
  atMs: number
}

/** Both or neither: what was found in a window is in the log exactly when the window counts as looked at. */
export async function appendFindings(
  { log, schemaIds }: { log: Log; schemaIds: SchemaIds },
  { detector, progress, findings, atMs }: Findings,
): Promise<void> {
  const entry = entryOfProgress(progress, atMs)
  const batches: ProducedBatch[] = [
    {
      topic: TOPICS.config.name,
      partition: 0,
      records: [
        {
          key: Buffer.from(`${entry.kind}/${entry.id}`),
          value: encode('ConfigEntry', schemaIds.ConfigEntry, entry),
          timestampMs: atMs,
        },
      ],
    },
  ]
  if (findings.length > 0)
    batches.push({
      topic: TOPICS.actions.name,
      partition: partitionOf(Buffer.from(detector.project), await partitionsOf(log)),
      records: findings.map((finding) => ({
        key: Buffer.from(detector.project),
        value: encode('Action', schemaIds.Action, actionOf(detector, finding, atMs)),
        timestampMs: atMs,
      })),
    })
  await log.append(batches)
}

function actionOf({ project, id }: KeptDetector, detection: Detection, atMs: number): Action {
  return {
    project,
    incident_id: '',
    seq: 0,
    command_id: `detector/${id}/${detection.kind}/${detection.id}`,
    kind: DETECTOR_ACTION,
    actor: `detector:${id}`,
    at: atMs,
    payload: JSON.stringify({ detection }),
    ...PLAIN_ACTION,
  }
}

async function partitionsOf(log: Log): Promise<number> {
  const topic = TOPICS.actions.name
  const found = (await log.topics()).find(({ name }) => name === topic)
  if (found !== undefined) return found.partitions
  throw new FaultlineError('unknown_topic', `There is no topic ${topic}.`)
}
