import type { Detection, DetectorEvent } from '#/processors/domain/spike/types.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { deadLetter, drop, OK, redirect } from '#/processors/runtime/record.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import type { Store } from '#/processors/runtime/store.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import type { Tick } from '#/schemas/records.ts'
import { telemetryKey, TOPICS } from '#/schemas/topics.ts'
import { encodeDetection, encodeMarker } from './detection-record.ts'
import { DETECTOR_FIELDS, detectorEventOf } from './detector-event.ts'
import type { DetectorFields } from './detector-event.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'
import { createTickGate } from './tick-gate.ts'

/** What the stage needs of a detector of one service. */
interface ServiceDetector {
  observe(event: DetectorEvent): readonly Detection[]
  /** Closes what the recorded time closes. Advancing in one step or in many gives the same findings. */
  advance(nowMs: number): readonly Detection[]
  snapshot(): unknown
}

export interface DetectDeps {
  schemas: SchemaSource
  createDetector(service: { project: string; service: string }, snapshot?: unknown): ServiceDetector
  /** Services watched per partition; past it the ones quiet for longest are forgotten. */
  servicesMax?: number
}

const DETECT_SERVICES_MAX = 5000

/**
 * signals.fingerprinted → detections: what each service's detector notices. Tick n ends slice n of this partition:
 * everything noticed since the tick before carries that slice, and a marker to every partition of the output says
 * that nothing more of it will come.
 */
export function createDetectStage(deps: DetectDeps): Stage {
  return createTaskStage({
    name: 'detect',
    inputs: [TOPICS.fingerprinted.name],
    outputs: [TOPICS.detections.name, TOPICS.late.name],
    createProcessor: (context) => new DetectProcessor(deps, context),
  })
}

class DetectProcessor implements Processor {
  readonly #schemas: SchemaSource
  readonly #context: ProcessorContext
  readonly #reader
  readonly #detectors: Store<ServiceDetector>
  readonly #ticks
  readonly #partitionCount: number

  constructor(deps: DetectDeps, context: ProcessorContext) {
    this.#schemas = deps.schemas
    this.#context = context
    this.#reader = createRecordReader('GroupedEvent', deps.schemas, DETECTOR_FIELDS)
    this.#ticks = createTickGate(context)
    this.#partitionCount = context.partitionsOf(TOPICS.detections.name)
    const restoredTickMs = this.#ticks.last().at
    this.#detectors = context.openStore<ServiceDetector>('detectors', {
      keysMax: deps.servicesMax ?? DETECT_SERVICES_MAX,
      create: (key) => deps.createDetector(serviceOf(key)),
      encode: (detector) => Buffer.from(JSON.stringify(detector.snapshot())),
      decode(bytes, key) {
        const snapshot = JSON.parse(bytes.toString()) as unknown
        const detector = deps.createDetector(serviceOf(key), snapshot)
        // Ticks that brought nothing up were not written; the time that went by with them counts all the same.
        detector.advance(restoredTickMs)
        return detector
      },
    })
  }

  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined {
    return this.#reader.prepare(records)
  }

  process(record: ConsumedRecord) {
    const read = this.#reader.read(record.value)
    switch (read.kind) {
      case 'poison':
        return deadLetter(read.code, read.error)
      case 'tick':
        if (!this.#ticks.isNew(read.tick)) return drop('repeated_tick')
        this.#advance(read.tick, record.timestampMs)
        return OK
      case 'record':
        return this.#observe(read.record, record.timestampMs)
    }
  }

  #observe(event: DetectorFields, timestampMs: number) {
    const detector = this.#detectors.take(telemetryKey(event.project, event.service))
    const detections = detector.observe(detectorEventOf(event))
    if (detections.length === 0) return OK
    let isLate = false
    for (const detection of detections) {
      if (detection.kind === 'late') isLate = true
      else this.#emit(detection, this.#ticks.last().number + 1, timestampMs)
    }
    return isLate ? redirect(TOPICS.late.name, 'late') : OK
  }

  /** Detectors in the order of their keys, so that every run emits in the same order. */
  #advance(tick: Tick, timestampMs: number): void {
    for (const key of this.#detectors.keys()) {
      const detections = this.#detectors.get(key)?.advance(tick.at) ?? []
      if (detections.length === 0) continue
      this.#detectors.take(key)
      for (const detection of detections) this.#emit(detection, tick.number, timestampMs)
    }
    const value = encodeMarker(this.#schemas.ids.Detection, this.#context.input.partition, tick)
    // Without a key: a marker is about no project.
    for (let partition = 0; partition < this.#partitionCount; partition += 1)
      this.#context.emit(TOPICS.detections.name, partition, { key: null, value, timestampMs })
  }

  #emit(detection: Detection, slice: number, timestampMs: number): void {
    const place = { source_partition: this.#context.input.partition, slice }
    const key = Buffer.from(detection.project)
    const partition = partitionOf(key, this.#partitionCount)
    const value = encodeDetection(this.#schemas.ids.Detection, detection, place)
    this.#context.emit(TOPICS.detections.name, partition, { key, value, timestampMs })
  }
}

function serviceOf(key: string): { project: string; service: string } {
  const slash = key.indexOf('/')
  return { project: key.slice(0, slash), service: key.slice(slash + 1) }
}
