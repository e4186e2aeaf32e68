/** Detectors that are a SELECT of a team: what they say, what a back-test of them found, how they do live. */

export const DETECTOR_SIGNS = ['>', '>=', '<', '<='] as const
export type DetectorSign = (typeof DETECTOR_SIGNS)[number]

/** `alert` goes the way of every alert; `warn` is experimental: shown, never an incident, nobody is told. */
export const DETECTOR_EFFECTS = ['alert', 'warn'] as const
export type DetectorEffect = (typeof DETECTOR_EFFECTS)[number]

/** Everything that decides when it fires. Another text is another detector, with a back-test of its own. */
export interface DetectorSpec {
  /** Sees the events of one window; gives a column `value`, and may give `service`, `environment` and `name`. */
  sql: string
  window_min: number
  sign: DetectorSign
  value: number
  /** Windows in a row in which the condition has to hold. */
  in_a_row: number
  /** It must also hold against `times` the mean of so many windows before; null for the fixed bound alone. */
  usual: { times: number; windows: number } | null
  effect: DetectorEffect
  /** Of rows that name none. */
  service: string
  environment: string
}

/** One time it fired, from the first window that counted to the last one. */
export interface DetectorFiring {
  /** The end of the window with which it fired. */
  at: number
  started_at: number
  /** Null while it goes on at the end of what was looked at. */
  ended_at: number | null
  service: string
  environment: string
  name: string
  value: number
  usual: number | null
  /** The farthest from the bound while it lasted. */
  peak: number
  sentence: string
  /** An incident it overlaps with: of its service, else of any. */
  incident: string | null
}

export interface DetectorBacktest {
  /** Of exactly this text; what may be switched on is looked up by it. */
  id: string
  spec: DetectorSpec
  at: number
  actor: string
  from: number
  to: number
  windows: number
  /** Windows whose query failed: they count as if they had not been. */
  windows_failed: number
  problem: string
  /** Events of the project in the range; with none of them a back-test says nothing. */
  events: number
  firings: readonly DetectorFiring[]
  firings_total: number
  per_day: number
  /** Known incidents of the range, and how many of them some firing overlaps with. */
  incidents: number
  incidents_met: number
  firings_met: number
  /** How it would have done as a warning: fired before an incident of the same service opened. */
  warned: {
    within_min: number
    hits: number
    /** Firings while an incident of their service was open already: they warn nobody, and count as wrong. */
    during: number
    /** Share of firings that were followed by an incident; null without a firing. */
    precision: number | null
    /** Minutes from when it would have been known to the opening, the median of the hits. */
    lead_min: number | null
  }
  /** The value that stands out most, window by window, thinned out. */
  series: readonly { at: number; value: number }[]
}

export interface DetectorView {
  id: string
  name: string
  spec: DetectorSpec
  active: boolean
  /** Comes with the platform and cannot be removed. */
  built_in: boolean
  experimental: boolean
  /** Who changed it last, and when. */
  actor: string
  at: number
  /** The last back-test of exactly this text; without one it cannot be switched on. */
  backtest: DetectorBacktest | null
  /** Live: windows up to here have been looked at; 0 when none has. */
  looked_at: number
  fired_total: number
  fired_at: number
  /** Why the last window could not be looked at; empty when it could. */
  problem: string
}

export interface DetectorBacktestState {
  running: boolean
  /** reading, done, failed, cancelled; empty when there was none since this process began. */
  phase: string
  windows: number
  total: number
  error: string
  backtest: DetectorBacktest | null
}

/** A warning of a detector with the effect `warn`. */
export interface WarningView {
  detection_id: string
  at: number
  service: string
  environment: string
  detector: string
  value: number
  sentence: string
}
