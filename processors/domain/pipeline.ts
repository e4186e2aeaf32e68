import { createGrouper } from '#/processors/domain/grouping/fingerprint.ts'
import type { Grouped, Grouper, GroupInput } from '#/processors/domain/grouping/fingerprint.ts'
import type { FingerprintRule } from '#/processors/domain/grouping/fingerprint-rules.ts'
import type { IncidentChange } from '#/processors/domain/incident/cluster.ts'
import { compareDetections, createClusterer } from '#/processors/domain/incident/clusterer.ts'
import type { Clusterer } from '#/processors/domain/incident/clusterer.ts'
import type { IncidentPolicy } from '#/processors/domain/incident/policy.ts'
import type { TopologyService } from '#/processors/domain/incident/service-graph.ts'
import { createServiceDetector } from '#/processors/domain/spike/service-detector.ts'
import type { ServiceDetector } from '#/processors/domain/spike/service-detector.ts'
import type { Detection, DetectorEvent } from '#/processors/domain/spike/types.ts'
import type { Event, GroupedEvent } from '#/schemas/records.ts'

/** How the stages read an event; given in, so that a back-test reads it exactly as they do. */
export interface EventReading {
  isGrouped(event: Event): boolean
  groupInputOf(event: Event): GroupInput
  detectorEventOf(event: GroupedEvent): DetectorEvent
}

export interface OfflinePipelineOptions {
  project: string
  reading: EventReading
  topology?: readonly TopologyService[]
  policy?: Partial<IncidentPolicy>
  fingerprintRules?: readonly FingerprintRule[]
}

/** What became of one event: its issue (empty without one), and the incident steps that came before it. */
export interface Pushed {
  fingerprint: string
  changes: readonly IncidentChange[]
}

/**
 * The chain of the live stages in one place: deduplication, grouping, detection per service, and slices that close
 * with each tick of a second. Recorded events come in order of arrival; the same file gives the same incidents as
 * the live stages with ticks at whole seconds.
 */
export interface OfflinePipeline {
  /** `undefined` for an event that was seen within the day before. A `received_at` that goes back counts as now. */
  push(event: Event): Pushed | undefined
  /** Closes the last slice. */
  finish(): readonly IncidentChange[]
  readonly clusterer: Clusterer
  /** The recorded time of the last closed slice, ms. */
  readonly nowMs: number
}

const TICK_MS = 1000
/** Nobody speaks for this long: from then on a tick a minute does, so that a gap of months takes seconds. */
const LULL_MS = 2 * 3_600_000
const LULL_TICK_MS = 60_000
const HOUR_MS = 3_600_000
const DEDUP_HOURS = 24

export function createOfflinePipeline(options: OfflinePipelineOptions): OfflinePipeline {
  const { project, reading, fingerprintRules = [] } = options
  const groupers = new Map<string, Grouper>()
  const detectors = new Map<string, ServiceDetector>()
  const clusterer = createClusterer(clustererOptions(options))
  const isRepeated = createDayMemory()
  const clock = createProjectClock()
  let waiting: Detection[] = []
  let tickMs = 0

  function advance(untilMs: number): IncidentChange[] {
    if (tickMs === 0) tickMs = Math.floor(untilMs / TICK_MS) * TICK_MS
    const changes: IncidentChange[] = []
    const lullMs = tickMs + LULL_MS
    while (tickMs + TICK_MS <= untilMs) {
      const isLull = tickMs >= lullMs && tickMs + LULL_TICK_MS <= untilMs
      tickMs += isLull ? LULL_TICK_MS : TICK_MS
      for (const detector of detectors.values()) waiting.push(...detector.advance(tickMs))
      changes.push(...closeSlice(clusterer, clock, { detections: waiting, tickMs }))
      waiting = []
    }
    return changes
  }

  function group(event: Event): Grouped | undefined {
    if (!reading.isGrouped(event)) return undefined
    let grouper = groupers.get(event.service)
    if (grouper === undefined) {
      grouper = createGrouper({ rules: fingerprintRules })
      groupers.set(event.service, grouper)
    }
    return grouper.group(reading.groupInputOf(event))
  }

  return {
    push(event) {
      const changes = advance(event.received_at)
      const id = `${event.service}/${event.event_id}`
      if (!event.id_made && isRepeated(id, event.received_at)) return undefined
      const grouped = group(event)
      let detector = detectors.get(event.service)
      if (detector === undefined) {
        detector = createServiceDetector({ project, service: event.service })
        detectors.set(event.service, detector)
      }
      const seen = reading.detectorEventOf(withGroup(event, grouped))
      for (const detection of detector.observe(seen))
        if (detection.kind !== 'late') waiting.push(detection)
      return { fingerprint: grouped?.fingerprint ?? '', changes }
    },
    finish: () => advance(tickMs + TICK_MS),
    clusterer,
    get nowMs() {
      return tickMs
    },
  }
}

function clustererOptions({ project, topology, policy }: OfflinePipelineOptions) {
  return {
    project,
    ...(topology === undefined ? {} : { topology }),
    ...(policy === undefined ? {} : { policy }),
  }
}

function withGroup(event: Event, grouped: Grouped | undefined): GroupedEvent {
  return {
    ...event,
    fingerprint: grouped?.fingerprint ?? '',
    fingerprint_method: grouped?.method ?? '',
    title: grouped?.title ?? '',
    culprit: grouped?.culprit ?? '',
    template: grouped?.template ?? '',
    template_id: grouped?.templateId ?? '',
    params: {},
    fingerprint_own: '',
    fingerprint_rule: '',
  }
}

/** A project's time: its newest event time, and the recorded time that went by since then. */
interface ProjectClock {
  latestMs: number
  latestTickMs: number
  hasBegun: boolean
}

function createProjectClock(): ProjectClock {
  return { latestMs: 0, latestTickMs: 0, hasBegun: false }
}

/** Applies one slice as the cluster stage does; before a project's first detection there is nothing to advance. */
function closeSlice(
  clusterer: Clusterer,
  clock: ProjectClock,
  slice: { detections: readonly Detection[]; tickMs: number },
): IncidentChange[] {
  const { detections, tickMs } = slice
  clock.hasBegun ||= detections.length > 0
  if (!clock.hasBegun) return []
  const changes = detections
    .toSorted(compareDetections)
    .flatMap((detection) => clusterer.apply(detection))
  for (const { atMs } of detections) {
    if (atMs <= clock.latestMs) continue
    clock.latestMs = atMs
    clock.latestTickMs = tickMs
  }
  changes.push(...clusterer.advance(clock.latestMs + tickMs - clock.latestTickMs))
  return changes
}

/** Remembers ids for a day of arrival, in sets by the hour so that forgetting costs nothing. */
function createDayMemory(): (id: string, atMs: number) => boolean {
  const hours = new Map<number, Set<string>>()
  return (id, atMs) => {
    const hour = Math.floor(atMs / HOUR_MS)
    for (const known of hours.keys()) if (known <= hour - DEDUP_HOURS) hours.delete(known)
    for (const ids of hours.values()) if (ids.has(id)) return true
    const ids = hours.get(hour)
    if (ids === undefined) hours.set(hour, new Set([id]))
    else ids.add(id)
    return false
  }
}
