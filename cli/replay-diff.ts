import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { compareIncidents } from '#/processors/domain/incident/diff.ts'
import type { IncidentDiff, IncidentTrace } from '#/processors/domain/incident/diff.ts'
import { createOfflinePipeline } from '#/processors/domain/pipeline.ts'
import type { OfflinePipelineOptions } from '#/processors/domain/pipeline.ts'
import type { Log } from '#/processors/log/port.ts'
import { readLanes } from '#/processors/runtime/replay-lanes.ts'
import type { LaneSpec } from '#/processors/runtime/replay-lanes.ts'
import { createTurn } from '#/processors/runtime/turn.ts'
import { detectorEventOf } from '#/processors/stages/detector-event.ts'
import { groupInputOf, isGrouped } from '#/processors/domain/grouping/group-input.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import type { SchemaSource } from '#/processors/stages/record-reader.ts'
import type { Event } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createTraceRun } from './incident-traces.ts'
import type { TraceRun } from './incident-traces.ts'
import type { Rules } from './rules-file.ts'

export interface ReplayDiffDeps {
  log: Log
  clock: Clock
  schemas: SchemaSource
  breathe(): Promise<void>
}

export interface ReplayDiffWish {
  project: string
  /** The rules that hold now. */
  base: Rules
  /** What is changed about them. */
  changed: Rules
  /** Events left out of the second run: `release=v2.4.1`. */
  without: readonly { field: string; value: string }[]
  fromMs: number
  toMs: number
  /** Detectors learn from this much before `fromMs`. */
  historyMs: number
  signal: AbortSignal
  onProgress(progress: { records: number; total: number }): void
}

/** Past this many events with an issue, in all runs together, the range has to be shorter: each costs about 200 bytes. */
const HELD_MAX = 4_000_000
/** Fields `--without` may name, besides any tag. */
const FIELDS = ['release', 'service', 'environment', 'host', 'route', 'event_type'] as const

/** One way of running the same telemetry. */
export interface RunVariant {
  changed: Rules
  without: readonly { field: string; value: string }[]
}

/** Runs recorded telemetry of the log through the rules that hold and through changed ones, and compares incidents. */
export async function diffReplay(
  deps: ReplayDiffDeps,
  { changed, without, ...wish }: ReplayDiffWish,
): Promise<IncidentDiff> {
  const variants = [
    { changed: {}, without: [] },
    { changed, without },
  ]
  const [before = [], after = []] = await runOverLog(deps, wish, variants)
  return compareIncidents(before, after)
}

/** The incidents of each variant of the rules, from one reading of the log. */
export async function runOverLog(
  deps: ReplayDiffDeps,
  wish: Omit<ReplayDiffWish, 'changed' | 'without'>,
  variants: readonly RunVariant[],
): Promise<IncidentTrace[][]> {
  const { log, clock, schemas } = deps
  const lanes = await lanesOf(log, wish)
  const total = lanes.reduce((sum, { from, end }) => sum + end - from, 0)
  const reader = createRecordReader('Event', schemas)
  const runs = variants.map(({ changed, without }) => ({ run: createRun(wish, changed), without }))
  const turn = createTurn(clock, () => deps.breathe())
  let records = 0
  for await (const { records: part } of readLanes(log, lanes)) {
    wish.signal.throwIfAborted()
    await reader.prepare(part)
    turn.begin()
    for (const { value } of part) {
      const read = reader.read(value)
      // Ticks are made anew, decisions of people are left out of all runs, and poison is in the dead letters.
      if (read.kind === 'record' && read.record.project === wish.project) pushAll(read.record, runs)
      if (turn.isOver()) await turn.next()
    }
    records += part.length
    wish.onProgress({ records, total })
  }
  const range = { fromMs: wish.fromMs, toMs: wish.toMs }
  return runs.map(({ run }) => run.finish(range))
}

async function lanesOf(
  log: Log,
  { fromMs, toMs, historyMs }: Pick<ReplayDiffWish, 'fromMs' | 'toMs' | 'historyMs'>,
): Promise<LaneSpec[]> {
  const topic = TOPICS.raw.name
  const count = (await log.topics()).find(({ name }) => name === topic)?.partitions ?? 0
  const lanes: LaneSpec[] = []
  for (let partition = 0; partition < count; partition += 1) {
    const tp = { topic, partition }
    const from = await log.offsetForTimestamp(tp, Math.max(0, fromMs - historyMs))
    const end = await log.offsetForTimestamp(tp, toMs)
    lanes.push({ ...tp, from, end, aheadMs: 0 })
  }
  return lanes
}

function createRun(
  { project, base }: Pick<ReplayDiffWish, 'project' | 'base'>,
  changed: Rules,
): TraceRun {
  const options: OfflinePipelineOptions = {
    project,
    reading: { isGrouped, groupInputOf, detectorEventOf },
    fingerprintRules: changed.fingerprintRules ?? base.fingerprintRules ?? [],
    topology: changed.topology ?? base.topology ?? [],
    policy: { ...base.policy, ...changed.policy },
  }
  return createTraceRun(createOfflinePipeline(options))
}

function pushAll(
  event: Event,
  runs: readonly { run: TraceRun; without: RunVariant['without'] }[],
): void {
  let held = 0
  for (const { run, without } of runs) {
    if (!without.some((one) => isLeftOut(event, one))) run.push(event)
    held += run.held
  }
  if (held <= HELD_MAX) return
  throw new FaultlineError(
    'overloaded',
    `there are more than ${Math.floor(HELD_MAX / runs.length).toLocaleString('en')} errors in the range`,
    { remedy: 'Choose a shorter range with --from and --to, or less history with --history-min.' },
  )
}

function isLeftOut(event: Event, { field, value }: { field: string; value: string }): boolean {
  const known = FIELDS.find((name) => name === field)
  if (known !== undefined) return event[known] === value
  return event.attributes[field] === value || event.tags.includes(`${field}:${value}`)
}
