import { COUNT_THRESHOLD } from './count-detector.ts'
import { countSentence, formatExpected } from './count-explanation.ts'
import type { CountPool } from './count-pool.ts'
import type { Measurement } from './episode.ts'
import { SERIES } from './minute-bin.ts'
import type { MinuteBin, SeriesName } from './minute-bin.ts'
import { countDurations, quantileMs } from './duration-sketch.ts'
import { numbersToText, textToNumbers } from './numbers-text.ts'
import { createSeriesDetector, restoreSeriesDetector } from './series-detector.ts'
import type { SeriesDetector } from './series-detector.ts'
import { isSilence, silenceNats } from './silence.ts'
import type { DetectionKind, DetectionSubject } from './types.ts'

/** A service series that left its course in the minute just closed. */
export interface SeriesAlarm {
  kind: DetectionKind
  subject: DetectionSubject
  measurement: Measurement
  sentence: string
  /** Start of what is described, as a minute. */
  startMinute: number
  /** Per minute; for `latency` milliseconds. */
  usual: number
}

/** Which ways each series is watched. Fewer requests or signups are an outage; more are a good day. */
const WATCHED: Readonly<Record<SeriesName, DetectionKind>> = {
  errors: 'spike',
  failures: 'spike',
  requests: 'drop',
  signups: 'drop',
  feedback: 'spike',
}
const NOUNS: Readonly<Record<SeriesName, string>> = {
  errors: 'errors',
  failures: 'failed requests',
  requests: 'requests',
  signups: 'signups',
  feedback: 'pieces of feedback',
}

/** All other errors together are a mixture, whose chance is wilder than that of one of them. */
const ERRORS_THRESHOLD = 18

/** A p95 of fewer requests says little. */
const LATENCY_REQUESTS_MIN = 10
/** An unusual p95 that is not this much above the usual one is no alarm. */
export const LATENCY_THRESHOLD = 0.5
const LATENCY_RATIO_MIN = 1.5
const LATENCY_USUAL_WEIGHT = 0.02
const LATENCY_POINTS_MIN = 60

export interface SavedSeries {
  counts: [SeriesName, string][]
  events?: string
  latency?: string
  usualP95Ms: number
  p95Points: number
}

/** The service's own series: counts, all its events (for silence) and its p95. */
export class ServiceSeries {
  readonly #spikes: CountPool
  readonly #drops: CountPool
  readonly #slots = new Map<SeriesName, number>()
  #eventsSlot: number | undefined
  #latency: SeriesDetector | undefined
  #usualP95Ms = 0
  #p95Points = 0

  constructor(pools: { spikes: CountPool; drops: CountPool }) {
    this.#spikes = pools.spikes
    this.#drops = pools.drops
  }

  /**
   * Closes a minute; `bin` is undefined when nothing happened in it. Errors their issues account for (`explained`) are
   * no part of what is usual: an outage of Monday must not be the measure of Tuesday.
   */
  close(bin: MinuteBin | undefined, minute: number, explained: number): SeriesAlarm[] {
    const alarms: SeriesAlarm[] = []
    for (const name of SERIES) {
      const counted = bin?.series[name]?.count ?? 0
      const count = name === 'errors' ? Math.max(0, counted - explained) : counted
      const alarm = this.#closeSeries(name, count, minute)
      if (alarm !== undefined) alarms.push(alarm)
    }
    this.#eventsSlot ??= this.#drops.add()
    this.#drops.update(this.#eventsSlot, bin?.lifeCount ?? 0, minute)
    const latency = bin === undefined ? undefined : this.#closeLatency(bin, minute)
    if (latency !== undefined) alarms.push(latency)
    return alarms
  }

  /** Whether the service has fallen silent, as of a closed minute after `lastEventMinute`. */
  silence(minute: number, lastEventMinute: number): SeriesAlarm | undefined {
    if (this.#eventsSlot === undefined) return undefined
    const silentMin = minute - lastEventMinute
    if (silentMin <= 0) return undefined
    const usual = this.#drops.expectedAt(this.#eventsSlot, minute)
    const { birth } = this.#drops.span(this.#eventsSlot)
    const { dispersion, exposureMin } = this.#drops.baseline(this.#eventsSlot)
    if (exposureMin === 0) return undefined
    const expected = usual * silentMin
    const silence = { silentMin, expected, dispersion, ageMin: minute - birth }
    if (!isSilence(silence)) return undefined
    return {
      kind: 'silence',
      subject: 'events',
      startMinute: lastEventMinute + 1,
      usual,
      sentence: `nothing heard for ${silentMin} min, ${formatExpected(expected)} events expected`,
      measurement: {
        observed: 0,
        expected,
        windowMin: silentMin,
        score: silenceNats(silence),
        threshold: COUNT_THRESHOLD,
      },
    }
  }

  /** Events of a series expected in that minute. */
  expectedAt(subject: DetectionSubject, minute: number): number {
    if (subject === 'latency') return this.#usualP95Ms
    const slot = subject === 'events' ? this.#eventsSlot : this.#slots.get(subject as SeriesName)
    if (slot === undefined) return 0
    const isDrop = subject === 'events' || WATCHED[subject as SeriesName] === 'drop'
    return (isDrop ? this.#drops : this.#spikes).expectedAt(slot, minute)
  }

  /** Forgets the excursion of a series whose episode is over. */
  endExcursion(subject: DetectionSubject): void {
    const slot = this.#slots.get(subject as SeriesName)
    if (slot !== undefined) this.#poolOf(subject as SeriesName).endExcursion(slot)
  }

  snapshot(): SavedSeries {
    return {
      counts: [...this.#slots].map(([name, slot]) => [
        name,
        numbersToText(this.#poolOf(name).snapshot(slot)),
      ]),
      ...(this.#eventsSlot === undefined
        ? {}
        : { events: numbersToText(this.#drops.snapshot(this.#eventsSlot)) }),
      ...(this.#latency === undefined ? {} : { latency: numbersToText(this.#latency.snapshot()) }),
      usualP95Ms: this.#usualP95Ms,
      p95Points: this.#p95Points,
    }
  }

  restore(saved: SavedSeries): void {
    for (const [name, text] of saved.counts) {
      this.#slots.set(name, this.#poolOf(name).restore(textToNumbers(text)))
    }
    if (saved.events !== undefined) {
      this.#eventsSlot = this.#drops.restore(textToNumbers(saved.events))
    }
    if (saved.latency !== undefined) {
      this.#latency = restoreSeriesDetector(textToNumbers(saved.latency))
    }
    this.#usualP95Ms = saved.usualP95Ms
    this.#p95Points = saved.p95Points
  }

  #poolOf(name: SeriesName): CountPool {
    return WATCHED[name] === 'drop' ? this.#drops : this.#spikes
  }

  #closeSeries(name: SeriesName, count: number, minute: number): SeriesAlarm | undefined {
    let slot = this.#slots.get(name)
    if (slot === undefined) {
      if (count === 0) return undefined
      slot = this.#poolOf(name).add()
      this.#slots.set(name, slot)
    }
    const pool = this.#poolOf(name)
    const usual = pool.expectedAt(slot, minute)
    const score = pool.update(slot, count, minute)
    const explanation = pool.explain(slot)
    const threshold = name === 'errors' ? ERRORS_THRESHOLD : COUNT_THRESHOLD
    if (score < threshold || explanation === undefined) return undefined
    return {
      kind: WATCHED[name],
      subject: name,
      startMinute: minute - explanation.windowMin + 1,
      usual,
      sentence: countSentence(explanation, NOUNS[name]),
      measurement: {
        observed: explanation.observed,
        expected: explanation.expected,
        windowMin: explanation.windowMin,
        score,
        threshold,
      },
    }
  }

  #closeLatency(bin: MinuteBin, minute: number): SeriesAlarm | undefined {
    if (countDurations(bin.durations) < LATENCY_REQUESTS_MIN) return undefined
    const p95Ms = quantileMs(bin.durations, 0.95)
    if (p95Ms === undefined) return undefined
    this.#latency ??= createSeriesDetector()
    const score = this.#latency.update(p95Ms, minute * 60_000)
    const usual = this.#usualP95Ms
    this.#p95Points += 1
    const weight = Math.max(LATENCY_USUAL_WEIGHT, 1 / this.#p95Points)
    // One slow minute moves the usual value as far as a minute three times slower than usual would.
    const seen = usual === 0 ? p95Ms : Math.min(p95Ms, 3 * usual)
    this.#usualP95Ms = usual + (seen - usual) * weight
    const isSlow = p95Ms >= LATENCY_RATIO_MIN * usual && score >= LATENCY_THRESHOLD
    if (!isSlow || this.#p95Points <= LATENCY_POINTS_MIN) return undefined
    return {
      kind: 'latency',
      subject: 'latency',
      startMinute: minute,
      usual,
      sentence: `p95 of ${Math.round(p95Ms)} ms, ${formatExpected(usual)} ms usual`,
      measurement: {
        observed: p95Ms,
        expected: usual,
        windowMin: 1,
        score,
        threshold: LATENCY_THRESHOLD,
      },
    }
  }
}
