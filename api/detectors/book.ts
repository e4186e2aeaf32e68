import {
  EARLY_WARNING,
  EARLY_WARNING_ID,
  EARLY_WARNING_NAME,
} from '#/processors/domain/sql-detector/early-warning.ts'
import { readDetectorEntry } from '#/processors/domain/sql-detector/entry.ts'
import type { DetectorProgress, KeptDetector } from '#/processors/domain/sql-detector/entry.ts'
import { DETECTOR_LIMITS, specId } from '#/processors/domain/sql-detector/spec.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import type { DetectorBacktest, DetectorView } from '#/schemas/detector-view.ts'

/** What config.v1 says of detectors, by project; only what was read from the log is in here. */
export interface DetectorBook {
  apply(entry: ConfigEntry): void
  /** With the one that comes with the platform, which nobody has to make. */
  find(project: string, id: string): KeptDetector | undefined
  list(project: string): readonly KeptDetector[]
  active(): readonly KeptDetector[]
  backtest(project: string, id: string): DetectorBacktest | undefined
  /** Newest first. */
  backtests(project: string): readonly DetectorBacktest[]
  /** Of this switch-on; what was before it does not count. */
  progress(detector: KeptDetector): DetectorProgress | undefined
  view(detector: KeptDetector): DetectorView
  /** Entries of back-tests that made room for newer ones, each told once. */
  takeDropped(): readonly string[]
}

export function createDetectorBook(): DetectorBook {
  const detectors = new Map<string, KeptDetector>()
  const backtests = new Map<string, Map<string, DetectorBacktest>>()
  const progress = new Map<string, DetectorProgress>()
  const find = (project: string, id: string): KeptDetector | undefined =>
    detectors.get(`${project}/${id}`) ??
    (id === EARLY_WARNING_ID ? untouchedWarning(project) : undefined)
  const dropped: string[] = []
  const dropOldest = (project: string, known: Map<string, DetectorBacktest>): void => {
    const used = new Set(book.list(project).map(({ spec }) => specId(spec)))
    for (const id of known.keys()) {
      if (known.size <= DETECTOR_LIMITS.backtestsKept + used.size) return
      if (used.has(id)) continue
      known.delete(id)
      dropped.push(`${project}/${id}`)
    }
  }
  const book: DetectorBook = {
    apply(entry) {
      const read = readDetectorEntry(entry)
      if (read?.kind === 'detector') {
        if (read.detector.removed) {
          detectors.delete(entry.id)
          progress.delete(entry.id)
        } else detectors.set(entry.id, read.detector)
      } else if (read?.kind === 'backtest') {
        const known = backtests.get(read.project) ?? new Map<string, DetectorBacktest>()
        // Set anew at the end: the order is that of the log.
        known.delete(read.backtest.id)
        backtests.set(read.project, known.set(read.backtest.id, read.backtest))
        dropOldest(read.project, known)
      } else if (read?.kind === 'progress') progress.set(entry.id, read.progress)
    },
    find,
    list(project) {
      const own = [...detectors.values()].filter((one) => one.project === project)
      const warning = find(project, EARLY_WARNING_ID)!
      return [
        ...own.filter(({ id }) => id !== EARLY_WARNING_ID).toSorted((a, b) => b.atMs - a.atMs),
        warning,
      ]
    },
    takeDropped: () => dropped.splice(0),
    active: () => [...detectors.values()].filter(({ active }) => active),
    backtest: (project, id) => backtests.get(project)?.get(id),
    backtests: (project) => [...(backtests.get(project)?.values() ?? [])].toReversed(),
    progress(detector) {
      const known = progress.get(`${detector.project}/${detector.id}`)
      return known?.activeFromMs === detector.activeFromMs ? known : undefined
    },
    view: (detector) => {
      const { project, id, spec } = detector
      return viewOf(detector, {
        progress: progress.get(`${project}/${id}`),
        backtest: backtests.get(project)?.get(specId(spec)),
      })
    },
  }
  return book
}

function viewOf(
  { id, name, spec, active, actor, atMs }: KeptDetector,
  known: { progress: DetectorProgress | undefined; backtest: DetectorBacktest | undefined },
): DetectorView {
  const { progress, backtest } = known
  return {
    id,
    name,
    spec,
    active,
    built_in: id === EARLY_WARNING_ID,
    experimental: spec.effect === 'warn',
    actor,
    at: atMs,
    backtest: backtest ?? null,
    looked_at: progress?.upToMs ?? 0,
    fired_total: progress?.firedTotal ?? 0,
    fired_at: progress?.firedAtMs ?? 0,
    problem: active ? (progress?.problem ?? '') : '',
  }
}

function untouchedWarning(project: string): KeptDetector {
  return {
    project,
    id: EARLY_WARNING_ID,
    name: EARLY_WARNING_NAME,
    spec: EARLY_WARNING,
    active: false,
    activeFromMs: 0,
    actor: '',
    atMs: 0,
    removed: false,
  }
}
