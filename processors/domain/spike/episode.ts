import { createFlapState } from './flapping.ts'
import { mergeTally } from './tally.ts'
import type { FlapState } from './flapping.ts'
import type { Tally } from './tally.ts'
import type { DetectionKind, DetectionSubject } from './types.ts'

/** The measurement that opened an episode. */
export interface Measurement {
  observed: number
  expected: number
  windowMin: number
  score: number
  threshold: number
}

/** A subject in alarm, from its opening detection to its `episode_end`. Plain data. */
export interface Episode {
  id: string
  kind: DetectionKind
  subject: DetectionSubject
  fingerprint?: string
  startedAtMs: number
  openedAtMs: number
  measurement: Measurement
  sentence: string
  /** It was new in the first hour of its service, when everything is. */
  fromColdStart: boolean
  /** Corrections told so far, the alert's own count with late events, and whether some are not yet told. */
  revision: number
  alertCount: number
  lateCount: number
  hasLate: boolean
  /** All events since it began. */
  tally: Tally
  /** Events per minute that were usual when it opened. */
  usual: number
  /** Events of late, halving in three and a half minutes: 5 × the rate when steady. */
  heat: number
  lastEventMs: number
  flaps: FlapState
  /** The last half minute was full of events. */
  loud: boolean
}

const HEAT_MIN = 5
const HEAT_KEEP = Math.exp(-1 / HEAT_MIN)
/** Nothing at all for this long ends an episode. */
export const QUIET_MS = 15 * 60_000
/** After this long it is no episode but how things are; sooner for what a new service brings along. */
const LENGTH_MS_MAX = 12 * 3_600_000
const LENGTH_COLD_MS_MAX = 3_600_000
const PASSING_MS_MAX = 3 * 3_600_000
/** A half minute with this many events is loud; one without any is silent. */
const LOUD_EVENTS = 4

export interface EpisodeStart {
  id: string
  kind: DetectionKind
  subject: DetectionSubject
  fingerprint?: string
  startedAtMs: number
  openedAtMs: number
  measurement: Measurement
  sentence: string
  fromColdStart?: boolean
  tally: Tally
  usual: number
}

export function openEpisode(start: EpisodeStart): Episode {
  return {
    ...start,
    fromColdStart: start.fromColdStart ?? false,
    revision: 0,
    alertCount: start.tally.count,
    lateCount: 0,
    hasLate: false,
    heat: firstHeat(start),
    lastEventMs: start.kind === 'silence' ? start.startedAtMs : start.openedAtMs,
    flaps: createFlapState(),
    loud: true,
  }
}

function firstHeat({ kind, usual, tally, measurement }: EpisodeStart): number {
  if (kind === 'drop') return (measurement.observed / measurement.windowMin) * HEAT_MIN
  return usual * HEAT_MIN + tally.count
}

/** When an episode ends even if it still goes on. */
export const lengthEndMs = (episode: Episode): number =>
  episode.startedAtMs + (episode.fromColdStart ? LENGTH_COLD_MS_MAX : LENGTH_MS_MAX)

/** Not what a new service brings along, nor so long that it is becoming how things are. */
export const isPassing = (episode: Episode, atMs: number): boolean =>
  !episode.fromColdStart && atMs - episode.startedAtMs < PASSING_MS_MAX

/** Adds a closed minute; `tally` is undefined when nothing happened in it. */
export function addMinute(episode: Episode, tally: Tally | undefined): void {
  episode.heat = episode.heat * HEAT_KEEP + (tally?.count ?? 0)
  if (tally !== undefined) mergeTally(episode.tally, tally)
}

/** Whether a closed minute leaves the episode over: quiet, back to usual, or here to stay. */
export function isOver(episode: Episode, endMs: number): boolean {
  if (endMs >= lengthEndMs(episode)) return true
  const usualHeat = episode.usual * HEAT_MIN
  if (episode.kind === 'drop') return episode.heat >= 0.7 * usualHeat
  if (episode.kind === 'silence') return episode.lastEventMs === endMs
  if (endMs - episode.lastEventMs >= QUIET_MS) return true
  if (episode.kind === 'latency') return false
  // Only a usual rate that can be told from nothing can be returned to.
  return usualHeat >= 1 && episode.heat <= 1.5 * usualHeat + Math.sqrt(usualHeat)
}

/** Times at which two half minutes with these counts changed the episode between loud and silent. */
export function flipsOf(
  episode: Episode,
  halves: readonly [number, number],
  startMs: number,
): number[] {
  const flips: number[] = []
  for (const [index, count] of halves.entries()) {
    const loud = count >= LOUD_EVENTS ? true : count === 0 ? false : episode.loud
    if (loud !== episode.loud) flips.push(startMs + index * 30_000)
    episode.loud = loud
  }
  return flips
}
