import { createHash } from 'node:crypto'
import type { Episode, Measurement } from './episode.ts'
import type { MinuteBin } from './minute-bin.ts'
import type { Tally } from './tally.ts'
import type { Detection, DetectionKind, DetectionSubject, SqlSubject } from './types.ts'

export interface Origin {
  project: string
  service: string
}

/** The identity of a detection: what it is about and when that began. */
export interface Identity {
  kind: DetectionKind
  subject: DetectionSubject | SqlSubject
  fingerprint?: string
  startedAtMs: number
}

/** 32 hexadecimal digits; the same for the same input, in every run. */
export function detectionId(origin: Origin, identity: Identity): string {
  const { kind, subject, fingerprint = '', startedAtMs } = identity
  const text = JSON.stringify([
    origin.project,
    origin.service,
    kind,
    subject,
    fingerprint,
    startedAtMs,
  ])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

export interface DetectionParts extends Identity {
  atMs: number
  sentence: string
  measurement: Measurement
  environment: string
  tally?: Tally
  episodeId?: string
  id?: string
  revision?: number
}

const NO_NAMES: readonly string[] = []

export function buildDetection(origin: Origin, parts: DetectionParts): Detection {
  const { tally, measurement } = parts
  return {
    id: parts.id ?? detectionId(origin, parts),
    revision: parts.revision ?? 0,
    kind: parts.kind,
    subject: parts.subject,
    atMs: parts.atMs,
    startedAtMs: parts.startedAtMs,
    project: origin.project,
    service: origin.service,
    environment: parts.environment,
    ...(parts.fingerprint === undefined ? {} : { fingerprint: parts.fingerprint }),
    ...(parts.episodeId === undefined ? {} : { episodeId: parts.episodeId }),
    observed: measurement.observed,
    expected: measurement.expected,
    windowMin: measurement.windowMin,
    score: measurement.score,
    threshold: measurement.threshold,
    sentence: parts.sentence,
    ...(tally?.sample === undefined ? {} : { sample: { ...tally.sample } }),
    count: tally?.count ?? 0,
    users: tally === undefined ? [] : [...tally.users],
    hosts: tally === undefined ? NO_NAMES : [...tally.hosts],
    releases: tally === undefined ? NO_NAMES : [...tally.releases],
    callees: tally === undefined ? NO_NAMES : [...tally.callees],
    ...(tally?.aliases === undefined ? {} : { aliases: [...tally.aliases] }),
    severityMax: tally?.severityMax ?? 0,
  }
}

/** What an open episode did in the minute that began at `minuteMs`. */
export function buildActivity(
  origin: Origin,
  episode: Episode,
  minute: { startMs: number; tally: Tally; expected: number; bin: MinuteBin | undefined },
): Detection {
  const { startMs, tally, expected, bin } = minute
  const { threshold, score } = episode.measurement
  const all = bin?.series.requests?.count ?? 0
  const failed = bin?.series.failures?.count ?? 0
  const activity = buildDetection(origin, {
    kind: 'activity',
    subject: episode.subject,
    ...(episode.fingerprint === undefined ? {} : { fingerprint: episode.fingerprint }),
    startedAtMs: startMs,
    atMs: startMs + 60_000,
    environment: tally.environment,
    episodeId: episode.id,
    tally,
    measurement: { observed: tally.count, expected, windowMin: 1, score, threshold },
    sentence: `${tally.count} in the minute, ${episode.tally.count} since it began`,
  })
  return all === 0 ? activity : { ...activity, requests: { all, failed } }
}

/** The end of an episode: what there was in all. */
export function buildEpisodeEnd(origin: Origin, episode: Episode, atMs: number): Detection {
  const windowMin = Math.max(1, Math.round((atMs - episode.startedAtMs) / 60_000))
  const { measurement } = episode
  return buildDetection(origin, {
    kind: 'episode_end',
    subject: episode.subject,
    ...(episode.fingerprint === undefined ? {} : { fingerprint: episode.fingerprint }),
    startedAtMs: episode.startedAtMs,
    atMs,
    environment: episode.tally.environment,
    episodeId: episode.id,
    tally: episode.tally,
    measurement: {
      observed: episode.tally.count,
      expected: episode.usual * windowMin,
      windowMin,
      score: measurement.score,
      threshold: measurement.threshold,
    },
    sentence: `over after ${windowMin} min with ${episode.tally.count} in all`,
  })
}
