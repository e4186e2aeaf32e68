import type { Detection as Finding } from '#/processors/domain/spike/types.ts'
import { encode } from '#/schemas/codec.ts'
import type { Tick } from '#/schemas/records.ts'

/** Where a detection comes from and which slice of that source it belongs to. */
export interface SlicePlace {
  source_partition: number
  slice: number
}

export function encodeDetection(schemaId: number, finding: Finding, place: SlicePlace): Buffer {
  return encode('Detection', schemaId, {
    project: finding.project,
    detection_id: finding.id,
    revision: finding.revision,
    kind: finding.kind,
    at: finding.atMs,
    service: finding.service,
    environment: finding.environment,
    fingerprint: finding.fingerprint ?? '',
    observed: finding.observed,
    expected: finding.expected,
    window_min: finding.windowMin,
    score: finding.score,
    sentence: finding.sentence,
    ...place,
    detail: JSON.stringify(finding),
  })
}

/** Kind of the record that closes a slice of one source partition. */
export const MARKER = 'marker'
/** Kind of the record that carries a decision of a person about an incident. */
export const ACTION = 'action'
/** Decisions do not come from a telemetry partition; they close no slice. */
export const ACTION_SOURCE = -1

const BARE = {
  project: '',
  detection_id: '',
  revision: 0,
  service: '',
  environment: '',
  fingerprint: '',
  observed: 0,
  expected: 0,
  window_min: 0,
  score: 0,
  sentence: '',
  detail: '',
}

export function encodeMarker(schemaId: number, sourcePartition: number, tick: Tick): Buffer {
  const place = { source_partition: sourcePartition, slice: tick.number }
  return encode('Detection', schemaId, { ...BARE, kind: MARKER, at: tick.at, ...place })
}

export interface ActionDraft {
  project: string
  /** Command id: what makes a repeated one recognisable. */
  id: string
  at: number
  slice: number
  /** The domain's IncidentAction as JSON. */
  detail: string
}

export function encodeAction(schemaId: number, draft: ActionDraft): Buffer {
  const { project, id, at, slice, detail } = draft
  const place = { source_partition: ACTION_SOURCE, slice }
  return encode('Detection', schemaId, {
    ...BARE,
    project,
    detection_id: id,
    kind: ACTION,
    at,
    ...place,
    detail,
  })
}
