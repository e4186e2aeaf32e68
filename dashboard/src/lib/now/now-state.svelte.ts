import { severityModel } from '#lib/chart/model.ts'
import { bucketMs } from '#lib/chart/step.ts'
import type { Frame, IncidentRow, Overview, SeriesPoint } from '#lib/contract.ts'
import { addCells, byRank, patchIncidents, RateMeter } from '#lib/live/frames.ts'
import { eventSeverity } from '#lib/severity.ts'
import { stepFor, type TimeRange } from '#lib/time/range.ts'

/** Buckets of the chart on Now. */
export const BUCKETS_MAX = 360

/**
 * What Now shows, and how frames change it. Numbers change in place; incidents that were not on the list wait
 * in `fresh` until somebody asks for them, so that no row moves under a pointer.
 */
export class NowState {
  #overview = $state.raw<Overview>()!
  #rows = $state.raw<readonly IncidentRow[]>([])
  #fresh = $state.raw<readonly IncidentRow[]>([])
  #points = $state.raw<readonly SeriesPoint[]>([])
  #range = $state.raw<TimeRange>()!
  #rate = $state<number | null>(null)
  readonly #meter = new RateMeter()
  readonly stepMs: number

  constructor(overview: Overview, range: TimeRange) {
    this.#overview = overview
    this.#range = range
    this.#rows = overview.incidents
    this.#points = overview.rates
    this.stepMs = bucketMs(overview.rates, stepFor(range.to - range.from, BUCKETS_MAX))
  }

  get overview(): Overview {
    return this.#overview
  }

  get rows(): readonly IncidentRow[] {
    return this.#rows
  }

  get freshCount(): number {
    return this.#fresh.length
  }

  get eventsPerSecond(): number {
    return this.#rate ?? this.#overview.events_per_second
  }

  get hasData(): boolean {
    return this.#overview.has_data || this.#points.length > 0
  }

  get range(): TimeRange {
    return this.#range
  }

  get model() {
    return severityModel(this.#points, { ...this.#range, stepMs: this.stepMs })
  }

  /** Events with severity error or fatal in the range. */
  get errors(): number {
    return this.#points.reduce(
      (sum, point) => sum + ((eventSeverity(point.series) ?? 0) >= 4 ? point.value : 0),
      0,
    )
  }

  /** Frames in order; `now` by the server's clock. Returns whether any incident changed. */
  apply(frames: readonly Frame[], now: number): boolean {
    if (this.#range.relative !== null) {
      const length = this.#range.to - this.#range.from
      const to = Math.ceil(now / this.stepMs) * this.stepMs
      if (to !== this.#range.to) this.#range = { ...this.#range, from: to - length, to }
      this.#points = addCells(this.#points, frames, { from: this.#range.from, stepMs: this.stepMs })
    }
    for (const frame of frames) this.#meter.add(now, frame.count)
    this.#rate = this.#meter.perSecond(now)
    return this.#patch(frames.flatMap((frame) => frame.incidents))
  }

  /** A new answer of the API: sentence and figures are taken over, the order of rows is kept. */
  refresh(overview: Overview): void {
    this.#overview = overview
    if (this.#range.relative !== null) this.#points = overview.rates
    this.#patch(overview.incidents)
  }

  /** The reader asked: waiting incidents join, and the list is ranked anew. */
  showFresh(): void {
    this.#rows = [...this.#fresh, ...this.#rows].toSorted(byRank)
    this.#fresh = []
  }

  #patch(changed: readonly IncidentRow[]): boolean {
    if (changed.length === 0) return false
    const { rows, fresh } = patchIncidents(this.#rows, changed)
    this.#rows = rows
    const waiting = patchIncidents(this.#fresh, fresh)
    // One that was resolved before it was ever shown is no news.
    this.#fresh = [...waiting.rows, ...waiting.fresh].filter((row) => row.status !== 'resolved')
    return true
  }
}
