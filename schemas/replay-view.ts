/** An incident as one run of the rules made it. */
export interface ComparedIncident {
  id: string
  title: string
  services: readonly string[]
  /** Event time, ms. */
  openedAt: number
  resolvedAt: number | null
  /** The worst SEV number and the highest score it ever had. */
  level: number
  score: number
  /** How much it is made of. */
  evidence: number
}

export type ReplayDifference =
  | { kind: 'new'; after: ComparedIncident }
  | { kind: 'vanished'; before: ComparedIncident }
  /** What was one is several; the first one is the one that goes on. */
  | { kind: 'split'; before: ComparedIncident; into: readonly ComparedIncident[] }
  /** What were several is one; the first one is the one that goes on. */
  | { kind: 'merged'; from: readonly ComparedIncident[]; after: ComparedIncident }
  /** Opened earlier (negative) or later. */
  | { kind: 'moved'; before: ComparedIncident; after: ComparedIncident; byMs: number }
  /** Positive: worse than before. */
  | {
      kind: 'severity'
      before: ComparedIncident
      after: ComparedIncident
      levels: number
      points: number
    }

/** A comparison of incidents under changed rules that has ended. */
export interface ReplayDiffView {
  /** Grows with every comparison. */
  id: number
  finished_at: number
  /** done, failed or cancelled. */
  phase: string
  error: string
  /** What was changed: fingerprints, incidents, topology. */
  changed: readonly string[]
  /** Events left out, as `field=value`. */
  without: readonly string[]
  from: number
  to: number
  records: number
  diff: {
    before: number
    after: number
    matched: number
    unchanged: number
    /** At most 500, and at most 128 KB of them. */
    differences: readonly ReplayDifference[]
    differences_total: number
  } | null
}
