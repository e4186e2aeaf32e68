import type { LABELS } from './collab/commands.ts'

/** What a team said an incident was. */
export type IncidentLabel = (typeof LABELS)[number]

/** One value of the setting, and what it would have come to. */
export interface SweepPoint {
  value: number
  /** The part of a rules file that makes it so: `replay diff` takes it as it is. */
  rules: { incidents: Readonly<Record<string, number>> }
  /** Whether it is what holds now. */
  in_force: boolean
  /** All incidents of the range, as a replay diff with these rules counts them. */
  incidents: number
  /** Of those, opened in the range and at least as bad as pages somebody. */
  pages: number
  pages_per_week: number
  /** Labelled incidents that the rules in force find again in the recorded telemetry, by what became of them here. */
  real_found: number
  real_missed: number
  noise_found: number
  duplicates_found: number
  /** Ids of the real ones that are missed, at most 50. */
  missed: readonly string[]
}

export interface SweepResult {
  setting: string
  page_level: number
  from: number
  to: number
  points: readonly SweepPoint[]
  labelled: { real: number; noise: number; duplicate: number }
  /** Labelled ones that not even the rules in force find in the telemetry: opened by hand, by a detector, or too old. */
  not_reproduced: number
}

export interface SweepState {
  running: boolean
  /** reading, done, failed, cancelled; empty when there was none since this process began. */
  phase: string
  project: string
  records: number
  total: number
  error: string
  finished_at: number
  result: SweepResult | null
}
