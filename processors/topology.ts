import type { TopicConfig } from '#/processors/log/port.ts'
import { stateTopicOf } from '#/processors/runtime/changelog.ts'
import { REPLAY_GROUP } from '#/processors/runtime/replay-board.ts'
import type { DeadLetterPort, Stage } from '#/processors/runtime/stage.ts'
import { createAiAnswersStage } from '#/processors/stages/ai-answers.ts'
import { createActionsStage } from '#/processors/stages/actions.ts'
import type { ActionsDeps } from '#/processors/stages/actions.ts'
import { createClusterStage } from '#/processors/stages/cluster.ts'
import type { ClusterDeps } from '#/processors/stages/cluster.ts'
import { createDeadLetterPort } from '#/processors/stages/dead-letter-record.ts'
import { createDetectStage } from '#/processors/stages/detect.ts'
import type { DetectDeps } from '#/processors/stages/detect.ts'
import { createEnrichStage } from '#/processors/stages/enrich.ts'
import { createFingerprintStage } from '#/processors/stages/fingerprint.ts'
import type { FingerprintDeps } from '#/processors/stages/fingerprint.ts'
import type { SchemaSource } from '#/processors/stages/record-reader.ts'
import { createSinkStage } from '#/processors/stages/sink.ts'
import type { SinkOptions, SinkTable } from '#/processors/stages/sink.ts'
import { rowSchemaOf } from '#/processors/stages/sink-rows.ts'
import { TOPICS } from '#/schemas/topics.ts'

export interface TopologyDeps extends FingerprintDeps, DetectDeps, ClusterDeps, ActionsDeps {
  schemas: SchemaSource
  tables: { events: SinkTable; derived: readonly SinkTable[] }
  /** Tests change batch sizes and switch the intent off. */
  sink?: Pick<SinkOptions, 'rowsMax' | 'bytesMax' | 'delayMs' | 'intent'>
}

/** Its group has gone past what can be asked of the table of events. */
export const EVENTS_SINK = 'events-sink'

export interface Topology {
  stages: readonly Stage[]
  deadLetters: DeadLetterPort
}

/**
 * The whole chain. Each stage is a consumer group of the same name; topics in between hold everything a stage needs
 * to be stopped, replaced or replayed on its own.
 *
 *   signals.raw ─ fingerprint ─ signals.fingerprinted ─ detect ─ detections ─ cluster ─ incidents.lifecycle ─ enrich ─ ai.insights
 *                                      │                             │ actions ┘                │   ai.jobs ─ ai-answers ─┤
 *                                 events-sink                        └──────────────── derived-sink ──────────────────────┘
 */
export function createTopology(deps: TopologyDeps): Topology {
  const { schemas, tables, sink } = deps
  const schemaOf = rowSchemaOf(schemas.ids)
  return {
    stages: [
      // First once: duplicates must be gone before anything counts. Then the issue, since everything counts by it.
      createFingerprintStage(deps),
      // Per service and partition, in the order of the log, with ticks as its only time.
      createDetectStage(deps),
      // People's decisions join the detections, so that the next stage has one input.
      createActionsStage(deps),
      // All partitions come together: slice by slice, sorted, so that the order of reading does not matter.
      createClusterStage(deps),
      // Words for what is known by then.
      createEnrichStage(deps),
      // And what a model said, where one was asked: beside it, so that the chain never waits for a model.
      createAiAnswersStage(deps),
      // Events have a sink of their own: its speed is the platform's, and small tables need not wait behind it.
      createSinkStage({ name: EVENTS_SINK, tables: [tables.events], schemaOf, ...sink }),
      createSinkStage({ name: 'derived-sink', tables: tables.derived, schemaOf, ...sink }),
    ],
    deadLetters: createDeadLetterPort(schemas.ids),
  }
}

export interface TopicLimits {
  /** Partitions of telemetry topics. */
  partitions: number
  /** Retention of telemetry topics. */
  retentionMs: number
}

/** Every topic of the chain, the state topics of the stages and of replays included. */
export function topicConfigsOf(
  stages: readonly Stage[],
  { partitions, retentionMs }: TopicLimits,
): TopicConfig[] {
  const topics = Object.values(TOPICS).map((topic) => ({
    name: topic.name,
    partitions: topic.partitions === 'telemetry' ? partitions : 1,
    retentionMs: topic.retention === 'telemetry' ? retentionMs : Infinity,
    retentionBytes: Infinity,
    compacted: topic.compacted,
  }))
  const countOf = new Map(topics.map((topic) => [topic.name, topic.partitions]))
  const states = stages.map(({ name, inputs }) =>
    stateOf(name, Math.max(...inputs.map((input) => countOf.get(input) ?? 1))),
  )
  return [...topics, ...states, stateOf(REPLAY_GROUP, 1)]
}

function stateOf(group: string, partitions: number): TopicConfig {
  return {
    name: stateTopicOf(group),
    partitions,
    retentionMs: Infinity,
    retentionBytes: Infinity,
    compacted: true,
  }
}
