import type { IncidentAction } from '#/processors/domain/incident/actions.ts'
import type { SilenceAction } from '#/processors/domain/incident/silence.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { findingIn } from '#/processors/domain/sql-detector/action.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { deadLetter, drop, OK } from '#/processors/runtime/record.ts'
import { LANE_SLICE_MS } from '#/processors/runtime/replay-lanes.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import type { Action } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { ACTION_SOURCE, encodeAction, encodeDetection } from './detection-record.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

export interface ActionsDeps {
  schemas: SchemaSource
  /** What a confirmed action means for detection; undefined for notes, cards and whatever else it does not see. */
  incidentActionOf?(action: Action): IncidentAction | undefined
}

const TICK_MS = 1000
/** What a decision has at least to get from the door to the cluster stage before its slice closes. */
const MARGIN_MS = 500
/**
 * Records of one partition may be this much out of order by their own time, which is the clock of whoever decided:
 * another process, with another clock, when the partition changed hands.
 */
const DISORDER_MS = 2500
/**
 * What a replay has to read decisions earlier than ticks by. The tick that closes the slice of a decision is more than
 * the margin later than the decision; a partition may be read a lane's slice ahead of the others, and what stands
 * behind a record with a later time is read when that one is due.
 */
export const DECISIONS_AHEAD_MS = LANE_SLICE_MS - MARGIN_MS + DISORDER_MS
/** Nobody waits at a screen for what a detector found: far more than the stages are apart, live and in a replay. */
const FINDING_MARGIN_MS = 10_000

/**
 * investigation.actions → detections: what people decided about incidents, as input of the cluster stage. A decision
 * belongs to a slice that its own time names, half a second to one and a half ahead, so that it is applied at the
 * same place when everything is computed again.
 */
export function createActionsStage(deps: ActionsDeps): Stage {
  return createTaskStage({
    name: 'actions',
    inputs: [TOPICS.actions.name],
    outputs: [TOPICS.detections.name],
    aheadMs: DECISIONS_AHEAD_MS,
    createProcessor: (context) => new ActionsProcessor(deps, context),
  })
}

class ActionsProcessor implements Processor {
  readonly #schemas: SchemaSource
  readonly #context: ProcessorContext
  readonly #reader
  readonly #incidentActionOf

  constructor(deps: ActionsDeps, context: ProcessorContext) {
    this.#schemas = deps.schemas
    this.#context = context
    this.#reader = createRecordReader('Action', deps.schemas)
    this.#incidentActionOf = (action: Action) =>
      deps.incidentActionOf?.(action) ?? plainActionOf(action)
  }

  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined {
    return this.#reader.prepare(records)
  }

  process({ value, timestampMs }: ConsumedRecord) {
    const read = this.#reader.read(value)
    if (read.kind === 'poison') return deadLetter(read.code, read.error)
    if (read.kind === 'tick') return drop('tick')
    const action = read.record
    const finding = findingIn(action)
    if (finding !== undefined) return this.#emitFinding(finding, action, timestampMs)
    const decision = this.#incidentActionOf(action)
    if (decision === undefined) return drop('no_decision')
    const draft = {
      project: action.project,
      id: action.command_id,
      at: action.at,
      slice: sliceOf(action, MARGIN_MS),
      detail: JSON.stringify(decision),
    }
    const topic = TOPICS.detections.name
    const key = Buffer.from(action.project)
    // The partition of the project, but no key: the tables of detections leave it out, as they do markers.
    this.#context.emit(topic, partitionOf(key, this.#context.partitionsOf(topic)), {
      key: null,
      value: encodeAction(this.#schemas.ids.Detection, draft),
      timestampMs,
    })
    return OK
  }

  /** What a detector of the team found: a detection like others, which the log got from outside the chain. */
  #emitFinding(finding: Detection, action: Action, timestampMs: number) {
    const topic = TOPICS.detections.name
    const key = Buffer.from(action.project)
    const place = { source_partition: ACTION_SOURCE, slice: sliceOf(action, FINDING_MARGIN_MS) }
    this.#context.emit(topic, partitionOf(key, this.#context.partitionsOf(topic)), {
      key,
      value: encodeDetection(this.#schemas.ids.Detection, finding, place),
      timestampMs,
    })
    return OK
  }
}

function sliceOf({ at }: Pick<Action, 'at'>, marginMs: number): number {
  return Math.floor((at + marginMs) / TICK_MS) + 1
}

/** What people decided in a room, and other decisions by `kind` status, severity, merge, split or a silence. */
function plainActionOf(action: Action): IncidentAction | SilenceAction | undefined {
  const { kind, payload, actor, at: atMs, incident_id: incidentId, role, result } = action
  if (result !== '') return undefined
  if (role !== '') return roomActionOf(action)
  if (kind === 'silence' || kind === 'unsilence')
    return { ...(JSON.parse(payload) as object), kind, actor, atMs } as SilenceAction
  if (kind !== 'status' && kind !== 'severity' && kind !== 'merge' && kind !== 'split')
    return undefined
  const rest = JSON.parse(payload) as object
  return { ...rest, kind, incidentId, actor, atMs } as IncidentAction
}

/** Kinds of a room that the engine acts on; notes, cards and the like stay in the room. */
function roomActionOf(action: Action): IncidentAction | undefined {
  const { kind, actor_name, actor, at: atMs, incident_id: incidentId } = action
  const whose = { incidentId, actor: actor_name === '' ? actor : actor_name, atMs }
  const payload = JSON.parse(action.payload) as Readonly<Record<string, never>>
  switch (kind) {
    case 'status_change':
      return { ...whose, kind: 'status', status: payload['status']! }
    case 'severity_lock':
      return { ...whose, kind: 'severity', level: payload['level']! }
    case 'severity_unlock':
      return { ...whose, kind: 'severity', level: null }
    case 'merge_into':
      return { ...whose, kind: 'merge', into: payload['into']! }
    case 'split_issues':
      return { ...whose, kind: 'split', memberKeys: payload['keys']! }
    case 'rename':
      return { ...whose, kind: 'title', title: payload['title']! }
    case 'create':
      return {
        ...whose,
        kind: 'create',
        title: payload['title']!,
        level: payload['severity']!,
        services: payload['services'] ?? [],
      }
    default:
      return undefined
  }
}
