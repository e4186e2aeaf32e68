import { severityModel, type ChartModel } from '#lib/chart/model.ts'
import { bucketMs } from '#lib/chart/step.ts'
import type { Frame, IncidentRow, Overview, SeriesPoint } from '#lib/contract.ts'
import { addCells, byRank, patchIncidents, RateMeter } from '#lib/live/frames.ts'
import type { Standing } from '#lib/now/standing.ts'
import { eventSeverity } from '#lib/severity.ts'
import { stepFor, type TimeRange } from '#lib/time/range.ts'

const countErrors = (points: readonly SeriesPoint[]): number =>
  points.reduce(
    (sum, point) => sum + ((eventSeverity(point.series) ?? 0) >= 4 ? point.value : 0),
    0,
  )

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
  /** The API did not answer when it was asked again: what is counted in the store is older than the stream. */
  isLate = $state(false)
  /** Cells that the chart does not show yet. */
  #uncounted: Frame[] = []
  readonly #meter = new RateMeter()
  // Read a dozen times per render: kept, not worked out by each reader.
  readonly #model = $derived.by(() =>
    severityModel(this.#points, { ...this.#range, stepMs: this.stepMs }),
  )
  /** Words for rows that changed. The first answer came with its own sentence: they are fetched after the first paint. */
  #words = $state.raw<typeof import('#lib/now/standing.ts') | null>(null)
  readonly #standing = $derived.by((): Standing | null =>
    this.#words === null ? null : this.#words.standingOf(this.#known, this.#overview),
  )
  readonly #errors = $derived.by(() => countErrors(this.#points))
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

  /** What is worst, by the rows as they are now. */
  headline(nowMs: number): string {
    const { headline, deploys } = this.#overview
    if (this.#words === null || this.#standing === null) return headline
    return this.#words.sentenceOf(this.#standing, { hasData: this.hasData, nowMs, deploys })
  }

  get open(): number {
    return this.#standing?.open ?? this.#overview.open_incidents
  }

  get users(): number {
    return this.#standing?.users ?? this.#overview.users_affected
  }

  get #known(): readonly IncidentRow[] {
    return [...this.#rows, ...this.#fresh]
  }

  /** From now on sentence and totals go with the rows. */
  async findWords(): Promise<void> {
    // Without them the page says what the API says, a little later.
    this.#words = await import('#lib/now/standing.ts').catch(() => null)
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

  /** The time `eventsPerSecond` is about: the API looks at a longer one than the stream. */
  get rateWindow(): string {
    return this.#rate === null ? 'last minute' : 'last 10 s'
  }

  get hasData(): boolean {
    return this.#overview.has_data || this.#points.length > 0
  }

  get range(): TimeRange {
    return this.#range
  }

  get model(): ChartModel {
    return this.#model
  }

  /** Events with severity error or fatal in the range. */
  get errors(): number {
    return this.#errors
  }

  /**
   * Frames in order; `now` by the server's clock. Returns whether any incident changed. What they count is added by
   * `count`: working out the whole chart for every frame kept the page busy.
   */
  apply(frames: readonly Frame[], now: number): boolean {
    if (this.#range.relative !== null) this.#uncounted.push(...frames)
    for (const frame of frames) this.#meter.add(now, frame.count)
    this.#rate = this.#meter.perSecond(now)
    return this.#patch(frames.flatMap((frame) => frame.incidents))
  }

  /** Adds what came since the last call to the chart and the totals; false when that was nothing. */
  count(now: number): boolean {
    const frames = this.#uncounted
    if (frames.length === 0) return false
    this.#uncounted = []
    const length = this.#range.to - this.#range.from
    const to = Math.ceil(now / this.stepMs) * this.stepMs
    if (to !== this.#range.to) this.#range = { ...this.#range, from: to - length, to }
    this.#points = addCells(this.#points, frames, { from: this.#range.from, stepMs: this.stepMs })
    return true
  }

  /** A new answer of the API: its figures are taken over, the order of rows is kept. */
  refresh(overview: Overview): void {
    this.#overview = overview
    this.isLate = false
    if (this.#range.relative !== null) {
      this.#points = overview.rates
      // The answer is newer than they are.
      this.#uncounted = []
    }
    const { incidents } = overview
    this.#patch(this.#words?.notOlder(this.#known, incidents) ?? incidents)
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
    // In an empty list nothing can move under a pointer, and “no incident” beside an open one would be a lie.
    if (this.#rows.length === 0) this.showFresh()
    return true
  }
}
