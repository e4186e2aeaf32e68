/** What the API needs from the rest of the platform, each given to `buildApp`. */
import type { GroupingReads } from '#/schemas/grouping.ts'
import type { IncidentDiff } from '#/processors/domain/incident/diff.ts'
import type { LogSnapshot } from '#/processors/log/embedded-snapshot.ts'
import type { ReplayDiffView } from '#/schemas/replay-view.ts'
import type { SweepState } from '#/schemas/sweep-view.ts'
import type { StageView } from '#/schemas/view.ts'
import type { GroupingDesk } from './grouping-desk.ts'

export type { Reads } from '#/schemas/reads.ts'

/**
 * The state of the processors: lag per consumer group and whether its tasks run. Groups of a replay that runs beside
 * the live ones are not among them: its lag says nothing about readiness or pressure.
 */
export interface Pipeline {
  stages(): Promise<readonly StageView[]>
}

/** The server-rendered pages; SvelteKit's server satisfies it. */
export interface Dashboard {
  respond(request: Request): Promise<Response>
  /** Folder of the built browser files, served under their own names. */
  clientDir: string
}

/** One entry of a topology file, as far as the service graph shows it. */
export interface DeclaredService {
  name: string
  calls: readonly string[]
  external?: readonly string[]
}

/** A record that could not be processed, as the operator sees it. */
export interface DeadLetterView {
  /** Offset in the dead-letter topic: its name for show and redrive. */
  id: number
  stage: string
  topic: string
  partition: number
  offset: number
  at: number
  code: string
  error: string
  attempt: number
  project: string
  bytes: number
  redriven: boolean
}

export interface ReplayWish {
  group: string
  /** Where to begin again: the earliest record, an offset on every partition, or a time. */
  resetTo: 'earliest' | { offset: number } | { timeMs: number }
}

export interface ReplayState {
  running: boolean
  group: string
  /** Its name: each replay has an epoch of its own. 0 when none ever ran. */
  epoch: number
  /** waiting, reading, pausing, exchanging, comparing, done, failed, cancelled, kept; empty when none ever ran. */
  phase: string
  started_at: number
  /** The process that drives it, and how often one went on with what another one had begun. */
  driver: string
  takeovers: number
  records: number
  total: number
  error: string
  /** Tables with rows and content hash before and after, once done. */
  tables: Readonly<
    Record<
      string,
      { before: { rows: number; hash: string }; after: { rows: number; hash: string } }
    >
  >
  identical: boolean | null
  paused_ms: number
}

/** Recorded telemetry through changed rules, and through those that hold. */
export interface DiffWish {
  project: string
  /** What is changed: the content of a rules file. */
  rules: unknown
  /** Events left out of the second run, as `field=value`. */
  without: readonly string[]
  from: number
  to: number
  /** Detectors learn from this much before. */
  history_min: number
}

export interface DiffState {
  running: boolean
  /** reading, done, failed, cancelled; empty when there was none since this process began. */
  phase: string
  project: string
  from: number
  to: number
  records: number
  total: number
  error: string
  diff: IncidentDiff | null
}

/** A setting of the rules, gone through over recorded telemetry. */
export interface SweepWish {
  project: string
  setting: unknown
  /** Those of the setting when left out. */
  values: unknown
  from: number
  to: number
  history_min: number
  /** SEV number from which somebody is paged. */
  page_level: number
}

/** How an incident or an event came to be what it is, step by step. */
export interface Explanation {
  kind: 'incident' | 'event'
  id: string
  project: string
  steps: readonly ExplanationStep[]
}

export interface ExplanationStep {
  /** record, fingerprint, issue; incident, detections, cluster, severity, causes. */
  name: string
  facts: readonly string[]
}

export interface VerifyState {
  running: boolean
  /** reading, done, failed, cancelled; empty when there was none since this process began. */
  phase: string
  project: string
  id: string
  records: number
  total: number
  error: string
  verdict: {
    kind: 'incident' | 'event'
    records: number
    compared: number
    /** False when retention has taken the beginning of the log. */
    isWhole: boolean
    problems: readonly { row: string; field: string; stored: string; computed: string }[]
  } | null
}

/** What the operator may do; the command line reaches it through the API of the running platform. */
export interface Operations {
  /** Starts a replay; fails with `conflict` while one runs, `not_found` for an unknown group. */
  startReplay(wish: ReplayWish): Promise<ReplayState>
  replayState(): Promise<ReplayState>
  /** With `keep`, what is done stays to be resumed. Resolves when it has ended, or after a while as it is then. */
  cancelReplay(options?: { keep: boolean }): Promise<ReplayState>
  /** Goes on with a replay that was cancelled and kept; fails with `conflict` when there is none. */
  resumeReplay(): Promise<ReplayState>
  /** Starts a comparison; fails with `conflict` while one runs, `config_invalid` or `usage` for the rules. */
  startDiff(wish: DiffWish): Promise<DiffState>
  /** The current or last one of this process. */
  diffState(): DiffState
  cancelDiff(): Promise<DiffState>
  /** Those of a project that have ended, newest first, in whichever process. */
  diffs(project: string): readonly ReplayDiffView[]
  /** Starts a sweep; fails with `conflict` while one runs, `invalid_request` for the setting. */
  startSweep(wish: SweepWish): Promise<SweepState>
  /** The current or last one. */
  sweepState(): SweepState
  cancelSweep(): Promise<SweepState>
  /** From what was recorded; fails with `not_found`. */
  explain(wish: { project: string; id: string }): Promise<Explanation>
  /** Runs the log again and compares what is stored; fails with `conflict` while one runs. */
  startVerify(wish: { project: string; id: string }): Promise<VerifyState>
  verifyState(): VerifyState
  cancelVerify(): Promise<VerifyState>
  /** One moment of the embedded log, beside it; fails with `conflict` where the log is Kafka's. */
  takeSnapshot(): Promise<LogSnapshot>
  dropSnapshot(): Promise<void>
  /** Newest first. */
  deadLetters(limit: number): Promise<readonly DeadLetterView[]>
  /** The original bytes, as hexadecimal and where possible as text; null when there is no such dead letter. */
  deadLetter(id: number): Promise<(DeadLetterView & { hex: string; text: string }) | null>
  /** Puts records back where they came from; all that were not yet when `ids` is empty. */
  redrive(
    ids: readonly number[],
  ): Promise<{ redriven: readonly number[]; skipped: readonly { id: number; reason: string }[] }>
}

/** Decisions about groups, and what they are made from. */
export interface GroupingParts {
  desk: GroupingDesk
  reads: GroupingReads
}
