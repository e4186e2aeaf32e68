import { isFaultlineError } from '#/kernel/errors.ts'
import type { IncidentAction } from '#/processors/domain/incident/actions.ts'
import type { IncidentChange } from '#/processors/domain/incident/cluster.ts'
import { compareDetections, createClusterer } from '#/processors/domain/incident/clusterer.ts'
import type {
  Clusterer,
  ClustererOptions,
  ClustererSnapshot,
} from '#/processors/domain/incident/clusterer.ts'
import type { Silence, SilenceAction } from '#/processors/domain/incident/silence.ts'
import type { Detection as Finding } from '#/processors/domain/spike/types.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { deadLetter, OK } from '#/processors/runtime/record.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import { jsonCodec } from '#/processors/runtime/store.ts'
import type { Store } from '#/processors/runtime/store.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import { encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { ACTION, ACTION_SOURCE, MARKER } from './detection-record.ts'
import { incidentEventOf } from './incident-event.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'
import { refusalCommand } from './refusal-record.ts'
import { createSlices } from './slices.ts'
import type { ClosedSlice, Slices, Waiting } from './slices.ts'

export interface ClusterDeps {
  schemas: SchemaSource
  /** Topology and policy of a project; a change takes hold with the next restart or replay. */
  optionsOf(project: string): Omit<ClustererOptions, 'project'>
  /** Silences that were decided before this moment, for state that begins there and has not met them. */
  silencesBefore?(timeMs: number): Promise<readonly Silence[]>
}

const NEEDED = [
  'project',
  'detection_id',
  'kind',
  'at',
  'source_partition',
  'slice',
  'detail',
] as const

const BEGUN = 'begun'

/** Wall clock of the tick that closed a slice, and the timestamp of what leads to records. */
interface When {
  recordedAt: number
  timestampMs: number
}

/** A project's clusterer with its clock. */
interface ProjectState {
  clusterer: Clusterer
  /** Highest event time of a detection, and the tick it was applied at. */
  latestMs: number
  latestTickMs: number
}

interface ProjectSnapshot {
  clusterer: ClustererSnapshot
  latestMs: number
  latestTickMs: number
}

/**
 * detections → incidents.lifecycle. Detections of all source partitions are collected slice by slice, sorted and
 * then applied, so that the same events give the same incidents whatever partition was read first.
 */
export function createClusterStage(deps: ClusterDeps): Stage {
  return createTaskStage({
    name: 'cluster',
    inputs: [TOPICS.detections.name],
    outputs: [TOPICS.lifecycle.name, TOPICS.commands.name],
    createProcessor: (context) => new ClusterProcessor(deps, context),
  })
}

class ClusterProcessor implements Processor {
  readonly #schemas: SchemaSource
  readonly #context: ProcessorContext
  readonly #reader
  readonly #slices: Slices
  readonly #projects: Store<ProjectState>
  readonly #begun: Store<{ atMs: number }>
  readonly #silencesBefore
  #hasBegun = false
  #startMs: number | undefined
  #missed: Silence[] = []

  constructor(deps: ClusterDeps, context: ProcessorContext) {
    this.#schemas = deps.schemas
    this.#context = context
    this.#reader = createRecordReader('Detection', deps.schemas, NEEDED)
    this.#slices = createSlices(context, context.partitionsOf(TOPICS.fingerprinted.name))
    const create = (project: string, snapshot?: ClustererSnapshot): Clusterer =>
      createClusterer({ project, ...deps.optionsOf(project) }, snapshot)
    this.#begun = context.openStore(
      'begun',
      jsonCodec(() => ({ atMs: 0 })),
    )
    this.#silencesBefore = deps.silencesBefore?.bind(deps)
    this.#projects = context.openStore<ProjectState>('projects', {
      create: (project) => ({ clusterer: create(project), latestMs: 0, latestTickMs: 0 }),
      encode: ({ clusterer, latestMs, latestTickMs }) =>
        Buffer.from(JSON.stringify({ clusterer: clusterer.snapshot(), latestMs, latestTickMs })),
      decode(bytes, project) {
        const snapshot = JSON.parse(bytes.toString()) as ProjectSnapshot
        return { ...snapshot, clusterer: create(project, snapshot.clusterer) }
      },
    })
  }

  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined {
    const schemas = this.#reader.prepare(records)
    const [first] = records
    if (first === undefined || this.#silencesBefore === undefined || this.#hasBegun) return schemas
    this.#hasBegun = true
    if (this.#begun.get(BEGUN) !== undefined) return schemas
    const { timestampMs } = first
    return this.#load(schemas, timestampMs, this.#silencesBefore)
  }

  async #load(
    schemas: Promise<void> | undefined,
    timestampMs: number,
    before: NonNullable<ClusterDeps['silencesBefore']>,
  ): Promise<void> {
    this.#missed = [...(await before(timestampMs))]
    this.#startMs = timestampMs
    await schemas
  }

  /** State that begins here takes over the silences that hold, and never looks again. */
  #begin(): void {
    if (this.#startMs === undefined) return
    this.#begun.put(BEGUN, { atMs: this.#startMs })
    this.#startMs = undefined
    const { partition } = this.#context.input
    const count = this.#context.partitionsOf(TOPICS.detections.name)
    for (const silence of this.#missed.splice(0)) {
      if (partitionOf(Buffer.from(silence.project), count) !== partition) continue
      const { clusterer } = this.#projects.take(silence.project)
      clusterer.applyAction({ kind: 'silence', silence, atMs: silence.from })
    }
  }

  process(record: ConsumedRecord) {
    this.#begin()
    const read = this.#reader.read(record.value)
    if (read.kind === 'poison') return deadLetter(read.code, read.error)
    if (read.kind === 'tick') return deadLetter('invalid_event', 'a tick is no detection')
    const { project, kind, at, source_partition: source, slice, detail } = read.record
    if (kind === MARKER) {
      for (const closed of this.#slices.mark(source, { number: slice, at }))
        this.#close(closed, record.timestampMs)
    } else {
      // Read here, where a detail that is no JSON still is this record's own fault.
      JSON.parse(detail)
      const commandId = kind === ACTION ? { commandId: read.record.detection_id } : {}
      const { isLate } = this.#slices.add({ slice, project, kind, at, detail, ...commandId })
      // A replay has it in time: from here on its steps may differ from those told live.
      if (isLate && source === ACTION_SOURCE) this.#context.count('action_late')
    }
    return OK
  }

  /** Projects in the order of their names: what one decides does not touch another. */
  #close(slice: ClosedSlice, timestampMs: number): void {
    const byProject = new Map<string, Waiting[]>()
    for (const item of slice.items) {
      const items = byProject.get(item.project)
      if (items === undefined) byProject.set(item.project, [item])
      else items.push(item)
    }
    const projects = new Set([...this.#projects.keys(), ...byProject.keys()])
    for (const project of [...projects].toSorted()) {
      const when = { recordedAt: slice.at, timestampMs }
      const changes = this.#applySlice(project, byProject.get(project) ?? [], when)
      for (const change of changes) this.#emit(project, change, when)
    }
  }

  #applySlice(project: string, items: readonly Waiting[], when: When): IncidentChange[] {
    const tickMs = when.recordedAt
    // Taken, not read: what an advance does depends on when the one before it was.
    const state = this.#projects.take(project)
    const { clusterer } = state
    const findings = items.filter(({ kind }) => kind !== ACTION).map(findingOf)
    const changes = findings
      .toSorted(compareDetections)
      .flatMap((finding) => clusterer.apply(finding))
    for (const finding of findings) {
      if (finding.atMs <= state.latestMs) continue
      state.latestMs = finding.atMs
      state.latestTickMs = tickMs
    }
    changes.push(...clusterer.advance(clockOf(state, tickMs)))
    for (const item of items.filter(({ kind }) => kind === ACTION).toSorted(byTime))
      changes.push(...this.#decide(clusterer, item, when))
    return changes
  }

  /** A decision that came too late (its incident is gone or moved on) changes nothing, and its room is told so. */
  #decide(clusterer: Clusterer, item: Waiting, when: When): IncidentChange[] {
    const action = JSON.parse(item.detail) as IncidentAction | SilenceAction
    try {
      return clusterer.applyAction(action)
    } catch (error) {
      if (!isFaultlineError(error)) throw error
      this.#context.count('action_refused')
      if (action.kind !== 'silence' && action.kind !== 'unsilence')
        this.#refuse(action, error.message, { item, when })
      return []
    }
  }

  #refuse(
    action: IncidentAction,
    reason: string,
    { item, when }: { item: Waiting; when: When },
  ): void {
    const { project, commandId = '', at: decidedAt } = item
    const refused = { project, commandId, action, reason, decidedAt, at: when.recordedAt }
    const value = encode('Action', this.#schemas.ids.Action, refusalCommand(refused))
    const topic = TOPICS.commands.name
    const key = Buffer.from(action.incidentId)
    const partition = partitionOf(key, this.#context.partitionsOf(topic))
    this.#context.emit(topic, partition, { key, value, timestampMs: when.timestampMs })
  }

  #emit(project: string, change: IncidentChange, { recordedAt, timestampMs }: When): void {
    const topic = TOPICS.lifecycle.name
    const key = Buffer.from(change.incident.id)
    const value = encode(
      'IncidentEvent',
      this.#schemas.ids.IncidentEvent,
      incidentEventOf(project, change, recordedAt),
    )
    const partition = partitionOf(key, this.#context.partitionsOf(topic))
    this.#context.emit(topic, partition, { key, value, timestampMs })
  }
}

/** A project's clock: its newest event time, and the recorded time that went by since then. */
function clockOf({ latestMs, latestTickMs }: Omit<ProjectState, 'clusterer'>, tickMs: number) {
  return latestMs + tickMs - latestTickMs
}

function findingOf({ detail }: Waiting): Finding {
  return JSON.parse(detail) as Finding
}

function byTime(left: Waiting, right: Waiting): number {
  return left.at - right.at || (left.detail < right.detail ? -1 : 1)
}
