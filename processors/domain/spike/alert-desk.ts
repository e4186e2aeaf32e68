import { noveltyMeasurement, noveltySentence } from './alert-sentences.ts'
import { COUNT_THRESHOLD, COUNT_THRESHOLD_AFTER_DEPLOY } from './count-detector.ts'
import { countSentence } from './count-explanation.ts'
import type { CountPool } from './count-pool.ts'
import { rateRatio, releasePValue } from './deploy-test.ts'
import { buildDetection, detectionId } from './detection-builder.ts'
import type { Origin } from './detection-builder.ts'
import { openEpisode } from './episode.ts'
import type { Episode, EpisodeStart, Measurement } from './episode.ts'
import { EpisodeBook } from './episode-book.ts'
import type { FingerprintState, Watch } from './fingerprint-state.ts'
import type { FingerprintMinute, MinuteBin } from './minute-bin.ts'
import { familiarity, recentSightings, usersAmong } from './novelty.ts'
import type { NoveltyRule } from './novelty.ts'
import { onsetOf } from './onset.ts'
import { COMPARE_MS, deployOf, isSuspect } from './release-watch.ts'
import type { LatestDeploy } from './release-watch.ts'
import type { SeriesAlarm } from './service-series.ts'
import { createTally, emptyTally } from './tally.ts'
import type { Tally } from './tally.ts'
import type { Detection, DetectorEvent, ReleaseComparison } from './types.ts'

const MINUTE_MS = 60_000
const BASELINE_MIN_MAX = 7 * 1440

export interface SavedDesk {
  deploy?: LatestDeploy
  environment: string
  bornMs: number
  series: Episode[]
}

/** Events a minute of what counts as new, before what was seen of late: it may have come one by one for an hour. */
function rateBefore(
  state: FingerprintState,
  { recentCount, startedAtMs }: { recentCount: number; startedAtMs: number },
): number {
  const knownMin = Math.max(1, (startedAtMs - state.firstSeenMs) / MINUTE_MS)
  return Math.max(0, state.seenCount - recentCount) / knownMin
}

/** Turns findings into detections: opens episodes, compares releases, words the sentences. */
export class AlertDesk {
  readonly book: EpisodeBook
  readonly #origin: Origin
  readonly #spikes: CountPool
  #deploy: LatestDeploy | undefined
  #environment = ''
  #bornMs = 0

  constructor(origin: Origin, spikes: CountPool) {
    this.#origin = origin
    this.#spikes = spikes
    this.book = new EpisodeBook(origin)
  }

  /** Must be told of every event, before anything else is asked. */
  meet(event: DetectorEvent, atMs: number): void {
    this.#environment = event.environment
    if (this.#bornMs === 0) this.#bornMs = atMs
  }

  deploy(event: DetectorEvent, atMs: number): Detection {
    const deploy = deployOf(event, atMs, this.#deploy)
    if (this.#deploy === undefined || atMs >= this.#deploy.atMs) this.#deploy = deploy
    const { atMs: _, ...facts } = deploy
    return {
      ...this.#plain('deploy', event, atMs),
      sentence: `Deployed ${deploy.release === '' ? 'a release' : deploy.release}`,
      deploy: facts,
    }
  }

  late(event: DetectorEvent, atMs: number): Detection {
    return {
      ...this.#plain('late', event, atMs),
      sentence: 'Came too late to be counted in its minute',
    }
  }

  /** The evidence asked for: less from the release that has just gone out. */
  thresholdAt(atMs: number, releases: readonly string[]): number {
    return isSuspect(this.#deploy, atMs, releases) ? COUNT_THRESHOLD_AFTER_DEPLOY : COUNT_THRESHOLD
  }

  openNovel(
    fingerprint: string,
    state: FingerprintState,
    found: { rule: NoveltyRule; watch: Watch; atMs: number },
  ): Detection {
    const { rule, watch, atMs } = found
    const recent = recentSightings(watch.sightings)
    const startedAtMs = Math.min(...recent.map((sighting) => sighting.atMs))
    const windowMin = Math.max(1, Math.ceil((atMs - startedAtMs) / MINUTE_MS))
    const facts = {
      rule,
      windowMin,
      count: recent.length,
      users: usersAmong(recent),
      expected: windowMin * rateBefore(state, { recentCount: recent.length, startedAtMs }),
    }
    return this.#openFingerprint(fingerprint, state, {
      kind: 'novel',
      startedAtMs,
      openedAtMs: atMs,
      measurement: noveltyMeasurement(facts),
      sentence: noveltySentence(facts),
      fromColdStart: rule === 'burst' || rule === 'fatal',
      tally: watch.tally,
      usual: 0,
    })
  }

  /** A spike as of a closed minute. */
  openSpike(
    fingerprint: string,
    state: FingerprintState,
    found: { inMinute: FingerprintMinute; score: number; usual: number; minute: number },
  ): Detection {
    const { inMinute, score, usual, minute } = found
    const { count, releases } = inMinute.tally
    const atMs = (minute + 1) * MINUTE_MS
    const seen = this.#spikes.explain(state.slot) ?? {
      observed: count,
      expected: usual,
      windowMin: 1,
    }
    const { observed, expected, windowMin } = onsetOf(state.stirs, minute, seen)
    const threshold = this.thresholdAt(atMs, releases)
    return this.#openCounted(fingerprint, state, {
      tally: inMinute.tally,
      usual: expected / windowMin,
      atMs,
      startMinute: minute - windowMin + 1,
      measurement: { observed, expected, windowMin, score, threshold },
    })
  }

  /** A spike in a minute that is still open. */
  openEarly(
    fingerprint: string,
    state: FingerprintState,
    found: { inMinute: FingerprintMinute; score: number; atMs: number; minute: number },
  ): Detection {
    const { inMinute, score, atMs, minute } = found
    const { count, releases } = inMinute.tally
    const before = this.#spikes.explain(state.slot)
    const { last } = this.#spikes.span(state.slot)
    const running = before !== undefined && last === minute - 1 ? before : undefined
    const usual = this.#spikes.expectedAt(state.slot, minute)
    const stretch = onsetOf([...state.stirs, minute, count], minute, {
      observed: (running?.observed ?? 0) + count,
      expected: (running?.expected ?? 0) + usual,
      windowMin: (running?.windowMin ?? 0) + 1,
    })
    return this.#openCounted(fingerprint, state, {
      tally: inMinute.tally,
      usual,
      atMs,
      startMinute: minute - stretch.windowMin + 1,
      measurement: { ...stretch, score, threshold: this.thresholdAt(atMs, releases) },
    })
  }

  /** Opens an episode of the service's own series, unless it is open or silence explains it. */
  openSeries(
    out: Detection[],
    alarm: SeriesAlarm,
    bin: MinuteBin | undefined,
    minute: number,
  ): void {
    const { kind, subject, measurement, usual } = alarm
    if (this.book.isOpen(kind, subject)) return
    if (kind === 'drop' && this.book.isOpen('silence', 'events')) return
    const name = subject === 'latency' ? 'requests' : subject
    const counted = name === 'fingerprint' || name === 'events' ? undefined : bin?.series[name]
    const tally = counted === undefined ? emptyTally(this.#environment) : structuredClone(counted)
    const startedAtMs = alarm.startMinute * MINUTE_MS
    const openedAtMs = (minute + 1) * MINUTE_MS
    const id = detectionId(this.#origin, { kind, subject, startedAtMs })
    const start = { id, kind, subject, startedAtMs, openedAtMs, measurement, tally, usual }
    this.book.open(openEpisode({ ...start, sentence: alarm.sentence }))
    out.push(
      buildDetection(this.#origin, {
        ...start,
        atMs: openedAtMs,
        episodeId: id,
        environment: tally.environment,
        sentence: alarm.sentence,
      }),
    )
  }

  snapshot(): SavedDesk {
    return {
      ...(this.#deploy === undefined ? {} : { deploy: this.#deploy }),
      environment: this.#environment,
      bornMs: this.#bornMs,
      series: this.book.seriesEpisodes(),
    }
  }

  restore(saved: SavedDesk): void {
    this.#deploy = saved.deploy
    this.#environment = saved.environment
    this.#bornMs = saved.bornMs
    for (const episode of saved.series) this.book.open(episode)
  }

  #openCounted(
    fingerprint: string,
    state: FingerprintState,
    found: {
      tally: Tally
      usual: number
      atMs: number
      startMinute: number
      measurement: Measurement
    },
  ): Detection {
    const { measurement } = found
    return this.#openFingerprint(fingerprint, state, {
      kind: 'spike',
      startedAtMs: found.startMinute * MINUTE_MS,
      openedAtMs: found.atMs,
      measurement,
      sentence: countSentence({ ...measurement, direction: 'spike' }, 'errors'),
      tally: found.tally,
      usual: found.usual,
    })
  }

  #openFingerprint(
    fingerprint: string,
    state: FingerprintState,
    start: Omit<EpisodeStart, 'id' | 'subject' | 'fingerprint'>,
  ): Detection {
    const identity = { ...start, subject: 'fingerprint', fingerprint } as const
    const id = detectionId(this.#origin, identity)
    const tally = structuredClone(start.tally)
    state.episode = openEpisode({ ...identity, id, tally })
    this.book.open(state.episode)
    const comparison = this.#compare(state, start)
    const deploy = this.#deploy
    const isNew =
      deploy !== undefined &&
      state.firstSeenMs >= deploy.atMs &&
      (state.firstRelease ?? '') === deploy.release
    return {
      ...buildDetection(this.#origin, {
        ...identity,
        id,
        atMs: start.openedAtMs,
        episodeId: id,
        environment: tally.environment,
        tally,
      }),
      familiarity: familiarity(state.days, start.openedAtMs),
      newInRelease: isNew,
      ...(comparison === undefined ? {} : { comparison }),
    }
  }

  /** The new release against what was before it, when a deploy is recent and its release is among the events. */
  #compare(
    state: FingerprintState,
    start: { kind: string; openedAtMs: number; measurement: Measurement; tally: Tally },
  ): ReleaseComparison | undefined {
    const deploy = this.#deploy
    const { openedAtMs, measurement, tally } = start
    if (deploy === undefined || openedAtMs - deploy.atMs > COMPARE_MS) return undefined
    if (openedAtMs < deploy.atMs || !tally.releases.includes(deploy.release)) return undefined
    const isNovel = start.kind === 'novel'
    const baseline = this.#spikes.baseline(state.slot)
    const bornMin = (deploy.atMs - this.#bornMs) / MINUTE_MS
    const sinceMin = Math.max(1, (openedAtMs - deploy.atMs) / MINUTE_MS)
    const counts = {
      count: measurement.observed,
      exposure: isNovel ? sinceMin : Math.max(1, Math.min(sinceMin, measurement.windowMin)),
      previousCount: isNovel ? 0 : Math.round(baseline.events),
      previousExposure: isNovel
        ? Math.max(1, Math.min(BASELINE_MIN_MAX, bornMin))
        : Math.max(1, baseline.exposureMin),
    }
    return {
      release: deploy.release,
      previousRelease: deploy.previousRelease ?? '',
      ...counts,
      ratio: rateRatio(counts),
      pValue: releasePValue(counts),
    }
  }

  #plain(kind: 'deploy' | 'late', event: DetectorEvent, atMs: number): Detection {
    return buildDetection(this.#origin, {
      kind,
      subject: 'events',
      // The event's id makes two of the same millisecond two.
      id: detectionId(this.#origin, {
        kind,
        subject: 'events',
        fingerprint: event.eventId,
        startedAtMs: atMs,
      }),
      startedAtMs: atMs,
      atMs,
      environment: event.environment,
      tally: createTally(event),
      measurement: { observed: 1, expected: 0, windowMin: 1, score: 0, threshold: 0 },
      sentence: '',
    })
  }
}
