/** What the API asks of drills: on the platform, and inside of a sandbox. */
import type { DrillReport, DrillView, SandboxView } from '#/schemas/drill-view.ts'

export interface DrillStart {
  project: string
  /** Id or number. */
  incident: string
  speed: number
  /** How much is played; to the end of the incident when null. */
  minutes: number | null
  grace_s: number
  answer: readonly string[]
  /** Who starts it, as people see it. */
  by: string
}

export interface DrillFile {
  report: DrillReport
  markdown: string
  /** Hash of the record it was computed from. */
  head: string
}

export interface DrillDesk {
  /**
   * Resolves when what is played is copied and the sandbox is being opened. Fails with `not_found` for the incident,
   * `conflict` while a drill runs or where the telemetry is gone, `invalid_request` past a bound.
   */
  start(wish: DrillStart): Promise<DrillView>
  /** Of a project, newest first. */
  list(project: string): readonly DrillView[]
  /** Ends one that runs; resolves when its report is there. Fails with `not_found`, `conflict`. */
  end(wish: { project: string; id: number; by: string }): Promise<DrillView>
  /** Computed anew from the record. Fails with `not_found`, `conflict` while it runs, `log_corrupt`. */
  report(project: string, id: number): DrillFile
}

/** What the pages of a sandbox ask about themselves. */
export interface SandboxDesk {
  view(): SandboxView
  end(by: string): Promise<DrillView>
}
