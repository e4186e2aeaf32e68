import { AlertDesk } from './alert-desk.ts'
import { noteCall, withCalls, type CallBook } from './call-book.ts'
import { CountPool } from './count-pool.ts'
import { QUIET_MS, type Episode } from './episode.ts'
import { FingerprintTable, FORGET_MS, type FingerprintState } from './fingerprint-state.ts'
import {
  addToFingerprint,
  addToSeries,
  createMinuteBin,
  loadBin,
  saveBin,
  isLife,
  seriesOf,
  tellAll,
} from './minute-bin.ts'
import type { FingerprintMinute, MinuteBin } from './minute-bin.ts'
import { noveltyRule, seeDay } from './novelty.ts'
import { noteStir } from './onset.ts'
import { addDuration } from './duration-sketch.ts'
import { createServiceClock, FUTURE_MS_MAX, noteArrival, noteTick } from './service-clock.ts'
import { ServiceSeries } from './service-series.ts'
import type { ServiceDetectorOptions, ServiceSnapshot } from './service-snapshot.ts'
import { addToTally, emptyTally, sampleOf } from './tally.ts'
import { hashUser } from './user-sketch.ts'
import type { Detection, DetectorEvent } from './types.ts'

export type { ServiceDetectorOptions, ServiceSnapshot }

/**
 * All detection of one service: new fingerprints at once, counts as their minutes close (or as soon as an open
 * minute is beyond doubt), silence and drops on ticks. Times are event times: a minute closes when the service's
 * clock is ten seconds past its end. The same calls give the same findings, however ticks are spread and
 * whether or not it was snapshot and restored in between.
 */
export interface ServiceDetector {
  /** Takes the next event in order of arrival. */
  observe(event: DetectorEvent): Detection[]
  /** A recorded tick of the wall clock. */
  advance(nowMs: number): Detection[]
  /** Whether anything but the clock changed since the last snapshot. */
  isDirty(): boolean
  /** The whole state as plain data. */
  snapshot(): ServiceSnapshot
}

const MINUTE_MS = 60_000
const GRACE_MS = 10_000
/** A late event of a fingerprint without an episode is only baseline, and past this too late even for that. */
const LATE_MIN = 15
/** How long a fingerprint is watched as new; from then on its counts have a baseline. */
const WATCH_MS = 60 * MINUTE_MS
/** A new fingerprint that was over is new again when it comes back within this time. */
const RETURN_MS = 120 * MINUTE_MS
const SIGHTINGS_MAX = 10
/** Fingerprints remembered. */
const FINGERPRINTS_MAX = 20_000
/** After so many minutes without any event the minutes pass unseen until the next one. */
const DORMANT_MIN = 120
/** Event time this close to the wall clock is live; silence and drops of imported history are the file's. */
const LIVE_MS = 600_000
const HOUR_MIN = 60
const DAY_MIN = 1440

export function createServiceDetector(
  options: ServiceDetectorOptions,
  snapshot?: ServiceSnapshot,
): ServiceDetector {
  return new Detector(options, snapshot)
}

/** Continues where the detector that gave this snapshot stood. */
export function restoreServiceDetector(snapshot: ServiceSnapshot): ServiceDetector {
  return new Detector(snapshot.options, snapshot)
}

class Detector implements ServiceDetector {
  readonly #options: ServiceDetectorOptions
  readonly #spikes = new CountPool({ direction: 'spike' })
  readonly #series: ServiceSeries
  readonly #table: FingerprintTable
  readonly #desk: AlertDesk
  readonly #bins = new Map<number, MinuteBin>()
  #calls: CallBook = []
  #clock = createServiceClock()
  #firstEventMs: number | undefined
  #closedMinute = 0
  #lastEventMinute = 0
  #lastLifeMinute = 0
  #isDirty = false

  constructor(options: ServiceDetectorOptions, snapshot: ServiceSnapshot | undefined) {
    this.#options = options
    const drops = new CountPool({ direction: 'drop' })
    this.#series = new ServiceSeries({ spikes: this.#spikes, drops })
    this.#table = new FingerprintTable(this.#spikes, options.fingerprintsMax ?? FINGERPRINTS_MAX)
    this.#desk = new AlertDesk({ project: options.project, service: options.service }, this.#spikes)
    if (snapshot !== undefined) this.#restore(snapshot)
  }

  observe(event: DetectorEvent): Detection[] {
    this.#isDirty = true
    const out: Detection[] = []
    noteArrival(this.#clock, event)
    noteCall(this.#calls, event.callee)
    const atMs = this.#timeOf(event)
    if (this.#firstEventMs === undefined) {
      this.#firstEventMs = atMs
      this.#closedMinute = Math.floor(atMs / MINUTE_MS) - 1
    }
    this.#desk.meet(event, atMs)
    this.#closeDue(out)
    const minute = Math.floor(atMs / MINUTE_MS)
    this.#lastEventMinute = Math.max(this.#lastEventMinute, minute)
    if (isLife(event)) this.#lastLifeMinute = Math.max(this.#lastLifeMinute, minute)
    if (event.type === 'deploy') out.push(this.#desk.deploy(event, atMs))
    const isLate = minute <= this.#closedMinute
    const bin = isLate ? undefined : this.#openBin(minute)
    if (bin !== undefined) this.#count(bin, event)
    if (event.fingerprint !== undefined && event.type !== 'deploy') {
      this.#observeFingerprint(out, event.fingerprint, { event, atMs, minute, bin })
    } else if (this.#closedMinute - minute >= LATE_MIN) out.push(this.#desk.late(event, atMs))
    return withCalls(this.#calls, out)
  }

  advance(nowMs: number): Detection[] {
    const out: Detection[] = []
    noteTick(this.#clock, nowMs)
    if (this.#firstEventMs !== undefined) this.#closeDue(out)
    return withCalls(this.#calls, out)
  }

  isDirty(): boolean {
    return this.#isDirty
  }

  snapshot(): ServiceSnapshot {
    this.#isDirty = false
    return {
      options: this.#options,
      clock: { ...this.#clock },
      firstEventMs: this.#firstEventMs ?? null,
      closedMinute: this.#closedMinute,
      lastEventMinute: this.#lastEventMinute,
      lastLifeMinute: this.#lastLifeMinute,
      bins: [...this.#bins].map(([minute, bin]) => [minute, saveBin(bin)]),
      fingerprints: this.#table.snapshot(),
      series: this.#series.snapshot(),
      desk: this.#desk.snapshot(),
      ...(this.#calls.length === 0 ? {} : { calls: [...this.#calls] }),
    }
  }

  #restore(shared: ServiceSnapshot): void {
    // A snapshot shares its lists with the detector that gave it; this one must not write into them.
    const snapshot = structuredClone(shared)
    this.#clock = snapshot.clock
    this.#firstEventMs = snapshot.firstEventMs ?? undefined
    this.#closedMinute = snapshot.closedMinute
    this.#lastEventMinute = snapshot.lastEventMinute
    this.#lastLifeMinute = snapshot.lastLifeMinute
    for (const [minute, bin] of snapshot.bins) this.#bins.set(minute, loadBin(bin))
    this.#table.restore(snapshot.fingerprints)
    this.#series.restore(snapshot.series)
    this.#desk.restore(snapshot.desk)
    this.#calls = snapshot.calls ?? []
    for (const [, state] of this.#table.entries()) {
      if (state.episode !== undefined) this.#desk.book.open(state.episode)
    }
  }

  /** When an event counts as having happened: a broken clock of the future counts as now. */
  #timeOf(event: DetectorEvent): number {
    const ahead = event.occurredAtMs - event.receivedAtMs
    return ahead > FUTURE_MS_MAX ? event.receivedAtMs : event.occurredAtMs
  }

  #openBin(minute: number): MinuteBin {
    let bin = this.#bins.get(minute)
    if (bin === undefined) {
      bin = createMinuteBin()
      this.#bins.set(minute, bin)
    }
    return bin
  }

  #count(bin: MinuteBin, event: DetectorEvent): void {
    if (isLife(event)) bin.lifeCount += 1
    const name = seriesOf(event)
    if (name !== undefined) addToSeries(bin, name, event)
    if (event.type !== 'http_request') return
    if ((event.statusCode ?? 0) >= 500) addToSeries(bin, 'failures', event)
    if (event.durationMs !== undefined) addDuration(bin.durations, event.durationMs)
  }

  #observeFingerprint(
    out: Detection[],
    fingerprint: string,
    seen: { event: DetectorEvent; atMs: number; minute: number; bin: MinuteBin | undefined },
  ): void {
    const { event, atMs, minute, bin } = seen
    const state = this.#stateOf(fingerprint, event, atMs)
    state.lastSeenMs = Math.max(state.lastSeenMs, atMs)
    state.seenCount += 1
    state.days = seeDay(state.days, atMs)
    const inMinute = bin === undefined ? undefined : addToFingerprint(bin, fingerprint, event)
    if (bin === undefined) this.#observeLate(out, state, { event, atMs, minute })
    if (state.watch !== undefined) this.#watch(out, fingerprint, state, { event, atMs })
    else if (inMinute !== undefined) this.#peek(out, fingerprint, state, { inMinute, atMs, minute })
  }

  #stateOf(fingerprint: string, event: DetectorEvent, atMs: number): FingerprintState {
    const known = this.#table.get(fingerprint)
    if (known !== undefined && (atMs - known.lastSeenMs < FORGET_MS || known.episode)) return known
    if (known !== undefined) this.#table.remove(fingerprint)
    const state = this.#table.add(fingerprint, {
      atMs,
      days: seeDay(undefined, atMs),
      ...(event.release === undefined ? {} : { release: event.release }),
    })
    state.watch = {
      untilMs: atMs + WATCH_MS,
      returns: false,
      sightings: [],
      tally: { ...emptyTally(event.environment), sample: sampleOf(event) },
    }
    return state
  }

  /** An event whose minute is closed corrects its episode or the baseline; past a quarter of an hour it is told. */
  #observeLate(
    out: Detection[],
    state: FingerprintState,
    late: { event: DetectorEvent; atMs: number; minute: number },
  ): void {
    const { event, atMs, minute } = late
    this.#spikes.correct(state.slot, 1, minute)
    const { episode } = state
    if (episode !== undefined && atMs >= episode.startedAtMs - MINUTE_MS) {
      addToTally(episode.tally, event)
      episode.alertCount += 1
      episode.lateCount += 1
      episode.hasLate = true
    } else if (state.watch === undefined && this.#closedMinute - minute >= LATE_MIN) {
      out.push(this.#desk.late(event, atMs))
    }
  }

  #watch(
    out: Detection[],
    fingerprint: string,
    state: FingerprintState,
    seen: { event: DetectorEvent; atMs: number },
  ): void {
    const { event, atMs } = seen
    const { watch } = state
    if (watch === undefined) return
    if (atMs >= watch.untilMs) {
      state.watch = undefined
      return
    }
    const user = event.userId === undefined ? {} : { user: hashUser(event.userId) }
    watch.sightings.push({ atMs, ...user })
    if (watch.sightings.length > SIGHTINGS_MAX) watch.sightings.shift()
    addToTally(watch.tally, event)
    const rule = noveltyRule(
      { sightings: watch.sightings, severityMax: watch.tally.severityMax },
      {
        serviceAgeMs: state.firstSeenMs - (this.#firstEventMs ?? 0),
        returns: watch.returns,
        policy: this.#options.policy ?? 'threshold',
      },
    )
    if (rule === undefined) return
    state.watch = undefined
    out.push(this.#desk.openNovel(fingerprint, state, { rule, watch, atMs }))
    for (const bin of this.#bins.values()) tellAll(bin.fingerprints.get(fingerprint))
  }

  /** An open minute that is beyond doubt need not wait for its end. */
  #peek(
    out: Detection[],
    fingerprint: string,
    state: FingerprintState,
    seen: { inMinute: FingerprintMinute; atMs: number; minute: number },
  ): void {
    const { inMinute, atMs, minute } = seen
    const { count } = inMinute.tally
    // Asked again only when the minute has grown by an eighth, so that a flood costs little.
    if (state.episode !== undefined || count < 3 || count < inMinute.peekedAt * 1.125) return
    inMinute.peekedAt = count
    const score = this.#spikes.peek(state.slot, count, minute)
    if (score < this.#desk.thresholdAt(atMs, inMinute.tally.releases)) return
    out.push(this.#desk.openEarly(fingerprint, state, { inMinute, score, atMs, minute }))
    inMinute.told = count
  }

  #closeDue(out: Detection[]): void {
    for (;;) {
      const minute = this.#nextMinute()
      if ((minute + 1) * MINUTE_MS + GRACE_MS > this.#clock.nowMs) return
      this.#closeMinute(out, minute)
    }
  }

  /** The next minute in which anything can happen: long after the last event only new events can. */
  #nextMinute(): number {
    const next = this.#closedMinute + 1
    if (this.#bins.has(next) || next - this.#lastEventMinute <= DORMANT_MIN) return next
    let nearest = this.#desk.book.deadlineMinute()
    for (const minute of this.#bins.keys()) nearest = Math.min(nearest, minute)
    return Math.max(next, nearest)
  }

  #closeMinute(out: Detection[], minute: number): void {
    this.#isDirty = true
    const endMs = (minute + 1) * MINUTE_MS
    const bin = this.#bins.get(minute)
    this.#bins.delete(minute)
    this.#closedMinute = minute
    if (bin !== undefined) {
      for (const [fingerprint, inMinute] of bin.fingerprints) {
        const state = this.#table.get(fingerprint)
        if (state !== undefined) this.#closeFingerprint(out, fingerprint, state, inMinute, minute)
      }
    }
    this.#closeSeries(out, bin, minute)
    this.#desk.book.endMinute(out, bin, {
      minute,
      expectedOf: (episode) => this.#expectedOf(episode, minute),
      onEnd: (episode, nowMs) => this.#endEpisode(episode, nowMs),
    })
    if (minute % HOUR_MIN === 0) this.#table.endWatches(endMs)
    if (minute % DAY_MIN === 0) this.#table.forgetBefore(endMs - FORGET_MS)
  }

  #closeFingerprint(
    out: Detection[],
    fingerprint: string,
    state: FingerprintState,
    inMinute: FingerprintMinute,
    minute: number,
  ): void {
    const usual = this.#spikes.expectedAt(state.slot, minute)
    const { count } = inMinute.tally
    const score = this.#spikes.update(state.slot, count, minute)
    inMinute.jobCount = count - this.#spikes.taken
    state.stirs = noteStir(state.stirs, { minute, count, score })
    if (state.episode !== undefined || state.watch !== undefined) return
    const atMs = (minute + 1) * MINUTE_MS
    if (score < this.#desk.thresholdAt(atMs, inMinute.tally.releases)) return
    out.push(this.#desk.openSpike(fingerprint, state, { inMinute, score, usual, minute }))
    inMinute.told = inMinute.tally.count
  }

  /** What was told is over. A new fingerprint is watched on, for it may come back before it has a baseline. */
  #endEpisode(episode: Episode, nowMs: number): void {
    if (episode.fingerprint === undefined) {
      this.#series.endExcursion(episode.subject)
      return
    }
    const state = this.#table.get(episode.fingerprint)
    if (state === undefined) return
    state.episode = undefined
    this.#spikes.endExcursion(state.slot)
    if (episode.kind !== 'novel' || nowMs - episode.lastEventMs < QUIET_MS) return
    const { tally } = episode
    state.watch = {
      untilMs: nowMs + RETURN_MS,
      returns: true,
      sightings: [],
      tally: {
        ...emptyTally(tally.environment),
        ...(tally.sample === undefined ? {} : { sample: tally.sample }),
      },
    }
  }

  #expectedOf(episode: Episode, minute: number): number {
    if (episode.fingerprint === undefined) return this.#series.expectedAt(episode.subject, minute)
    const state = this.#table.get(episode.fingerprint)
    return state === undefined ? 0 : this.#spikes.expectedAt(state.slot, minute)
  }

  #closeSeries(out: Detection[], bin: MinuteBin | undefined, minute: number): void {
    const isLive = (this.#clock.offsetMs ?? -Infinity) > -LIVE_MS
    const alarms = this.#series.close(bin, minute, this.#desk.book.explainedIn(bin, minute))
    // Errors that a fingerprint's episode tells already are no second excursion, then or afterwards.
    const isExplained = this.#desk.book.hasFingerprints()
    if (isExplained) this.#series.endExcursion('errors')
    for (const alarm of alarms) {
      if (isExplained && alarm.subject === 'errors') continue
      const needsLive = alarm.kind === 'drop'
      if (needsLive && !isLive) continue
      this.#desk.openSeries(out, alarm, bin, minute)
    }
    if (!isLive) return
    const silence = this.#series.silence(minute, this.#lastLifeMinute)
    if (silence !== undefined) this.#desk.openSeries(out, silence, bin, minute)
  }
}
