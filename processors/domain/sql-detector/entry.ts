import type { ConfigEntry } from '#/schemas/records.ts'
import type { DetectorBacktest, DetectorSpec } from '#/schemas/detector-view.ts'
import type { DetectorState } from './evaluate.ts'

/** A detector as config.v1 keeps it. */
export interface KeptDetector {
  project: string
  id: string
  name: string
  spec: DetectorSpec
  active: boolean
  /** Since when it has been looking, without a break; 0 while it is off. */
  activeFromMs: number
  actor: string
  atMs: number
  removed: boolean
}

/** How far a detector has looked, written together with what it found. */
export interface DetectorProgress {
  project: string
  id: string
  /** Of the switch-on it belongs to. */
  activeFromMs: number
  /** Windows up to here have been looked at. */
  upToMs: number
  state: DetectorState
  firedTotal: number
  firedAtMs: number
  problem: string
}

const DETECTOR = 'detector'
export const BACKTEST_KIND = 'detector_backtest'
const PROGRESS = 'detector_progress'
/** What there is of one detector. */
export const DETECTOR_KINDS = [DETECTOR, PROGRESS] as const

export type DetectorEntry =
  | { kind: 'detector'; detector: KeptDetector }
  | { kind: 'backtest'; project: string; backtest: DetectorBacktest }
  | { kind: 'progress'; progress: DetectorProgress }

export function entryOfDetector(detector: KeptDetector): ConfigEntry {
  const { project, id, atMs, actor } = detector
  return {
    kind: DETECTOR,
    id: `${project}/${id}`,
    at: atMs,
    actor,
    value: JSON.stringify(detector),
  }
}

export function entryOfBacktest(project: string, backtest: DetectorBacktest): ConfigEntry {
  const { id, at, actor } = backtest
  return { kind: BACKTEST_KIND, id: `${project}/${id}`, at, actor, value: JSON.stringify(backtest) }
}

export function entryOfProgress(progress: DetectorProgress, atMs: number): ConfigEntry {
  const { project, id } = progress
  return {
    kind: PROGRESS,
    id: `${project}/${id}`,
    at: atMs,
    actor: '',
    value: JSON.stringify(progress),
  }
}

/** undefined for other entries. */
export function readDetectorEntry(entry: ConfigEntry): DetectorEntry | undefined {
  switch (entry.kind) {
    case DETECTOR:
      return { kind: 'detector', detector: JSON.parse(entry.value) as KeptDetector }
    case BACKTEST_KIND: {
      const project = entry.id.slice(0, entry.id.lastIndexOf('/'))
      return { kind: 'backtest', project, backtest: JSON.parse(entry.value) as DetectorBacktest }
    }
    case PROGRESS:
      return { kind: 'progress', progress: JSON.parse(entry.value) as DetectorProgress }
    default:
      return undefined
  }
}
