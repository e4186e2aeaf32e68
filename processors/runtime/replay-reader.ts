import { assert } from '#/kernel/assert.ts'
import type { ConsumedRecord, Log, TopicPartition } from '#/processors/log/port.ts'
import { readLanes } from './replay-lanes.ts'
import { keyOf } from './replay-plan.ts'
import type { ReplayPlan } from './replay-plan.ts'
import type { ReplayPlace } from './replay-save.ts'
import type { Stage } from './stage.ts'

export interface ReplayReaderDeps {
  log: Log
  plan: ReplayPlan
  place: ReplayPlace | undefined
  /** A part ends after about this many records. */
  partRecords?: number
}

/** The input of a replay, in parts: the same place and ends give the same records in the same order. */
export interface ReplayReader {
  /** Up to the ends, or a part of it. */
  part(): AsyncGenerator<{ stage: Stage; tp: TopicPartition; records: readonly ConsumedRecord[] }>
  /** Whether everything below the ends was read. */
  isAtEnd(): boolean
  /** Later parts go up to here. */
  extend(ends: ReadonlyMap<string, number>): void
  /** Records of the root's input below these ends that were not read. */
  behind(ends: ReadonlyMap<string, number>): number
  progress(): { records: number; left: number }
  place(): Pick<ReplayPlace, 'positions' | 'ends' | 'records'>
  /** The stage that reads this partition. */
  readerOf(tp: TopicPartition): Stage
}

const PART_RECORDS = 500_000

export function createReplayReader(deps: ReplayReaderDeps): ReplayReader {
  const { log, plan, place, partRecords = PART_RECORDS } = deps
  const begin = new Map([...plan.from].map(([key, { offset }]) => [key, offset]))
  const positions = new Map(place === undefined ? begin : Object.entries(place.positions))
  let ends = new Map(place === undefined ? begin : Object.entries(place.ends))
  let records = place?.records ?? 0

  const isRoot = ({ topic }: TopicPartition): boolean => plan.root.inputs.includes(topic)
  const readerOf = (tp: TopicPartition): Stage => {
    const stage = [plan.root, ...plan.feeders].find(({ inputs }) => inputs.includes(tp.topic))
    assert(stage !== undefined, `${tp.topic} is read by the root or a feeder`)
    return stage
  }
  const leftBelow = (to: ReadonlyMap<string, number>): number =>
    [...plan.from.values()]
      .filter(isRoot)
      .reduce((sum, tp) => sum + Math.max(0, at(to, tp) - at(positions, tp)), 0)

  return {
    async *part() {
      const lanes = [...plan.from.values()].map((tp) => ({
        topic: tp.topic,
        partition: tp.partition,
        from: at(positions, tp),
        end: at(ends, tp),
        aheadMs: readerOf(tp).aheadMs ?? 0,
      }))
      let count = 0
      for await (const { tp, records: run, next, isWhole } of readLanes(log, lanes)) {
        // A place counts at the end of a part only, so that it may be ahead of what is done in between.
        positions.set(keyOf(tp), next)
        count += run.length
        if (isRoot(tp)) records += run.length
        if (run.length > 0) yield { stage: readerOf(tp), tp, records: run }
        if (isWhole && count >= partRecords) return
      }
      for (const [key, end] of ends) positions.set(key, Math.max(end, positions.get(key) ?? 0))
    },
    isAtEnd: () => [...ends].every(([key, end]) => (positions.get(key) ?? 0) >= end),
    extend(to) {
      ends = new Map(to)
    },
    behind: leftBelow,
    progress: () => ({ records, left: leftBelow(ends) }),
    place: () => ({
      positions: Object.fromEntries(positions),
      ends: Object.fromEntries(ends),
      records,
    }),
    readerOf,
  }
}

function at(offsets: ReadonlyMap<string, number>, tp: TopicPartition): number {
  return offsets.get(keyOf(tp)) ?? 0
}
