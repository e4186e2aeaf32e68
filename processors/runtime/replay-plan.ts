import { FaultlineError } from '#/kernel/errors.ts'
import type { Log, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { KeptRange, Stage } from './stage.ts'

/** An offset means that offset in every input partition; `inputs` gives each its own, and leaves others alone. */
export type ResetTo =
  | 'earliest'
  | { offset: number }
  | { timeMs: number }
  | { inputs: readonly RangeStart[] }

/** What a replay of one group computes again, and from where. */
export interface ReplayPlan {
  root: Stage
  /** The root and everything fed by it, each before what it feeds. */
  stages: readonly Stage[]
  /** Stages outside of it that feed it as well: computed again for what they add, not changed. */
  feeders: readonly Stage[]
  /** Topics whose content is computed again. */
  produced: ReadonlySet<string>
  /** Where reading begins, for every input partition of the root and the feeders. */
  from: ReadonlyMap<string, RangeStart>
  /** First offset of each computed topic that stands for the part computed again. */
  keep: readonly KeptRange[]
}

interface RangeStart extends TopicPartition {
  offset: number
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** Follows topics from the group downstream. Fails with `usage` for an unknown group. */
function chainOf(stages: readonly Stage[], group: string): Stage[] {
  const root = stages.find(({ name }) => name === group)
  if (root === undefined) {
    const known = stages.map(({ name }) => name).join(', ')
    throw new FaultlineError('usage', `there is no group ${group}; groups are ${known}`)
  }
  const chain: Stage[] = []
  const visit = (stage: Stage): void => {
    if (chain.includes(stage)) return
    for (const next of stages) if (next.inputs.some((i) => stage.outputs.includes(i))) visit(next)
    // Behind everything it feeds; turned round below.
    chain.push(stage)
  }
  visit(root)
  return chain.toReversed()
}

/** The group and everything behind it. */
export function chainNames(stages: readonly Stage[], group: string): string[] {
  return chainOf(stages, group).map(({ name }) => name)
}

/** What is computed again, without from where. */
type ReplayScope = Omit<ReplayPlan, 'from' | 'keep'>

function scopeOfGroup(stages: readonly Stage[], group: string): ReplayScope {
  const chain = chainOf(stages, group)
  const root = chain[0]!
  const produced = new Set(chain.flatMap(({ outputs }) => outputs))
  // Whoever adds to a topic that is computed again: tables fed by it would otherwise lose what came from there.
  const isFed = (stage: Stage): boolean =>
    stage.createProcessor !== undefined && stage.outputs.some((output) => produced.has(output))
  const feeders = stages.filter((stage) => !chain.includes(stage) && isFed(stage))
  return { root, stages: chain, feeders, produced }
}

/** The plan of a replay that was begun before: its ranges are those it began with. */
export function restorePlan(
  stages: readonly Stage[],
  { group, from, keep }: { group: string; from: readonly KeptRange[]; keep: readonly KeptRange[] },
): ReplayPlan {
  const ranges = new Map(from.map((range) => [keyOf(range), range]))
  return { ...scopeOfGroup(stages, group), from: ranges, keep }
}

export async function planReplay(
  log: Log,
  stages: readonly Stage[],
  { group, resetTo }: { group: string; resetTo: ResetTo },
): Promise<ReplayPlan> {
  const scope = scopeOfGroup(stages, group)
  const { root, feeders, produced } = scope
  const counts = new Map((await log.topics()).map(({ name, partitions }) => [name, partitions]))
  const partitionsOf = (topics: Iterable<string>): TopicPartition[] =>
    [...topics].flatMap((topic) =>
      Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
    )
  const rootInputs = partitionsOf(root.inputs)
  const timeMs = await startTime(log, rootInputs, resetTo)
  const offsetAt = (tp: TopicPartition): Promise<number> =>
    timeMs === undefined ? log.beginningOffset(tp) : log.offsetForTimestamp(tp, timeMs)
  const from = new Map<string, RangeStart>()
  for (const tp of [...rootInputs, ...partitionsOf(feeders.flatMap(({ inputs }) => inputs))])
    from.set(keyOf(tp), { ...tp, offset: await offsetAt(tp) })
  const keep: KeptRange[] = []
  const isRootSink = root.shadow !== undefined
  for (const tp of isRootSink ? rootInputs : partitionsOf(produced))
    keep.push({ ...tp, offset: timeMs === undefined ? 0 : await offsetAt(tp) })
  return { ...scope, from, keep }
}

/**
 * The chain is cut at one moment, on all topics: outputs carry the timestamp of the input that led to them. An
 * offset stands for the moment of its record. undefined: from the very beginning, nothing is kept.
 */
async function startTime(
  log: Log,
  inputs: readonly TopicPartition[],
  resetTo: ResetTo,
): Promise<number | undefined> {
  if (typeof resetTo === 'object' && 'timeMs' in resetTo) return resetTo.timeMs
  let earliestMs = Infinity
  let isWhole = true
  const named = typeof resetTo === 'object' && 'inputs' in resetTo ? resetTo.inputs : undefined
  for (const tp of named ?? inputs) {
    const [beginning, end] = [await log.beginningOffset(tp), await log.endOffset(tp)]
    const wanted = wantedOffset(resetTo, tp) ?? beginning
    const offset = Math.min(Math.max(wanted, beginning), end)
    if (offset > 0) isWhole = false
    if (offset === end) continue
    const [first] = await readBelow(log, tp, { from: offset, bytesMax: 1 })
    if (first !== undefined) earliestMs = Math.min(earliestMs, first.timestampMs)
  }
  return isWhole ? undefined : earliestMs
}

function wantedOffset(resetTo: ResetTo, tp: TopicPartition | RangeStart): number | undefined {
  if (typeof resetTo !== 'object') return undefined
  if ('offset' in resetTo) return resetTo.offset
  return 'offset' in tp ? tp.offset : undefined
}
