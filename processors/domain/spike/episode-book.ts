import { buildActivity, buildDetection, buildEpisodeEnd } from './detection-builder.ts'
import type { Origin } from './detection-builder.ts'
import { quantileMs } from './duration-sketch.ts'
import { addMinute, flipsOf, isOver, isPassing, lengthEndMs } from './episode.ts'
import type { Episode } from './episode.ts'
import { FLAPS, FLAP_WINDOW_MS, flip } from './flapping.ts'
import type { MinuteBin } from './minute-bin.ts'
import type { Tally } from './tally.ts'
import type { Detection, DetectionKind, DetectionSubject } from './types.ts'

const MINUTE_MS = 60_000
/** A p95 this much above the usual one keeps a latency episode going. */
const STILL_SLOW_RATIO = 1.3

/** All open episodes of a service: what they did each minute, and when they are over. */
export class EpisodeBook {
  readonly #origin: Origin
  readonly #open = new Map<string, Episode>()
  readonly #fingerprints = new Set<string>()

  constructor(origin: Origin) {
    this.#origin = origin
  }

  open(episode: Episode): void {
    this.#open.set(episode.id, episode)
    if (episode.fingerprint !== undefined) this.#fingerprints.add(episode.fingerprint)
  }

  isOpen(kind: DetectionKind, subject: DetectionSubject): boolean {
    for (const episode of this.#open.values()) {
      if (episode.kind === kind && episode.subject === subject) return true
    }
    return false
  }

  /** Whether a fingerprint's episode is open, which explains a rise of the service's errors. */
  hasFingerprints(): boolean {
    return this.#fingerprints.size > 0
  }

  /** Events of a closed minute that its fingerprints account for: told by an episode, or a periodic job's. */
  explainedIn(bin: MinuteBin | undefined, minute: number): number {
    if (bin === undefined) return 0
    let count = 0
    for (const { jobCount = 0 } of bin.fingerprints.values()) count += jobCount
    for (const episode of this.#open.values()) {
      if (!isPassing(episode, minute * MINUTE_MS)) continue
      count += bin.fingerprints.get(episode.fingerprint ?? '')?.tally.count ?? 0
    }
    return count
  }

  seriesEpisodes(): Episode[] {
    return this.#inOrder().filter((episode) => episode.subject !== 'fingerprint')
  }

  /** First minute whose end is beyond the longest any open episode may last; Infinity when none is open. */
  deadlineMinute(): number {
    let deadline = Infinity
    for (const episode of this.#open.values()) {
      deadline = Math.min(deadline, Math.ceil(lengthEndMs(episode) / MINUTE_MS) - 1)
    }
    return deadline
  }

  /** Tells what every open episode did in the closed minute, and ends those that are over. */
  endMinute(
    out: Detection[],
    bin: MinuteBin | undefined,
    closed: {
      minute: number
      expectedOf: (episode: Episode) => number
      onEnd: (episode: Episode, endMs: number) => void
    },
  ): void {
    if (this.#open.size === 0) return
    const startMs = closed.minute * MINUTE_MS
    const endMs = startMs + MINUTE_MS
    for (const episode of this.#inOrder()) {
      const tally = tallyOf(episode, bin, endMs)
      addMinute(episode, tally)
      if (isStirring(episode, bin)) episode.lastEventMs = endMs
      if (tally !== undefined) {
        const expected = closed.expectedOf(episode)
        out.push(buildActivity(this.#origin, episode, { startMs, tally, expected, bin }))
      }
      if (episode.hasLate) out.push(this.#correct(episode, endMs))
      if (episode.fingerprint !== undefined) this.#watchFlaps(out, episode, bin, startMs)
      if (!isOver(episode, endMs)) continue
      out.push(buildEpisodeEnd(this.#origin, episode, endMs))
      this.#close(episode)
      closed.onEnd(episode, endMs)
    }
  }

  #inOrder(): Episode[] {
    return [...this.#open.values()].toSorted(
      (a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1),
    )
  }

  #close(episode: Episode): void {
    this.#open.delete(episode.id)
    if (episode.fingerprint !== undefined) this.#fingerprints.delete(episode.fingerprint)
  }

  /** The alert again, with the events that came late. */
  #correct(episode: Episode, atMs: number): Detection {
    episode.hasLate = false
    episode.revision += 1
    const { measurement, alertCount, tally } = episode
    return buildDetection(this.#origin, {
      id: episode.id,
      revision: episode.revision,
      kind: episode.kind,
      subject: episode.subject,
      ...(episode.fingerprint === undefined ? {} : { fingerprint: episode.fingerprint }),
      startedAtMs: episode.startedAtMs,
      atMs,
      episodeId: episode.id,
      environment: tally.environment,
      tally: { ...tally, count: alertCount },
      measurement: { ...measurement, observed: measurement.observed + episode.lateCount },
      sentence: `${episode.sentence} (corrected by late events: ${episode.lateCount})`,
    })
  }

  #watchFlaps(
    out: Detection[],
    episode: Episode,
    bin: MinuteBin | undefined,
    startMs: number,
  ): void {
    const halves = bin?.fingerprints.get(episode.fingerprint ?? '')?.halves ?? [0, 0]
    for (const atMs of flipsOf(episode, halves, startMs)) {
      if (!flip(episode.flaps, atMs)) continue
      const minutes = FLAP_WINDOW_MS / MINUTE_MS
      out.push(
        buildDetection(this.#origin, {
          kind: 'flapping',
          subject: episode.subject,
          ...(episode.fingerprint === undefined ? {} : { fingerprint: episode.fingerprint }),
          startedAtMs: episode.startedAtMs,
          atMs,
          episodeId: episode.id,
          environment: episode.tally.environment,
          measurement: {
            observed: FLAPS,
            expected: 0,
            windowMin: minutes,
            score: FLAPS,
            threshold: FLAPS,
          },
          sentence: `On and off ${FLAPS} times in ${minutes} min`,
        }),
      )
    }
  }
}

/** What the minute adds to an episode; nothing of what its alert already told. */
function tallyOf(episode: Episode, bin: MinuteBin | undefined, endMs: number): Tally | undefined {
  if (bin === undefined) return undefined
  const { subject } = episode
  if (subject === 'fingerprint') {
    const inMinute = bin.fingerprints.get(episode.fingerprint ?? '')
    if (inMinute === undefined || inMinute.tally.count === inMinute.told) return undefined
    return { ...inMinute.tally, count: inMinute.tally.count - inMinute.told }
  }
  if (episode.openedAtMs === endMs || subject === 'events') return undefined
  return bin.series[subject === 'latency' ? 'requests' : subject]
}

/** Whether the minute shows that the episode is still going on. */
function isStirring(episode: Episode, bin: MinuteBin | undefined): boolean {
  if (bin === undefined) return false
  switch (episode.subject) {
    case 'fingerprint':
      return bin.fingerprints.has(episode.fingerprint ?? '')
    case 'latency':
      return (quantileMs(bin.durations, 0.95) ?? 0) >= STILL_SLOW_RATIO * episode.usual
    case 'events':
      return bin.lifeCount > 0
    case 'errors':
    case 'failures':
    case 'requests':
    case 'signups':
    case 'feedback':
      return bin.series[episode.subject] !== undefined
  }
}
