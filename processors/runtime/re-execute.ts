import type { Clock } from '#/kernel/clock.ts'
import type { Random } from '#/kernel/random.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { createReplayPipe } from './replay-pipe.ts'
import { planReplay } from './replay-plan.ts'
import { createReplayReader } from './replay-reader.ts'
import type { ShadowPort, Stage } from './stage.ts'

export interface ReExecuteDeps {
  log: Log
  clock: Clock
  random: Random
  stages: readonly Stage[]
  breathe(): Promise<void>
}

export interface ReExecuteWish {
  /** The first stage that is run again, from the beginning of what the log holds. */
  group: string
  /** Topics whose computed records are wanted. */
  topics: readonly string[]
  onRecords: (topic: string, records: readonly ConsumedRecord[]) => Promise<void>
  onProgress: (progress: { records: number; total: number }) => void
  signal: AbortSignal
}

/**
 * Runs the stages of a group again, over what the live ones have read by now, and hands over what they emit. Nothing
 * is written. `isWhole` is false when retention has taken the beginning: then state differs from what it was.
 */
export async function reExecute(
  deps: ReExecuteDeps,
  wish: ReExecuteWish,
): Promise<{ records: number; isWhole: boolean }> {
  const { log, clock, random } = deps
  const tasks = deps.stages.filter(({ createProcessor }) => createProcessor !== undefined)
  const plan = await planReplay(log, [...tasks, captureStage(wish)], {
    group: wish.group,
    resetTo: 'earliest',
  })
  const counts = new Map((await log.topics()).map((t) => [t.name, t.partitions]))
  const pipe = createReplayPipe({
    plan,
    epoch: 0,
    clock,
    random,
    partitionsOf: (topic) => counts.get(topic) ?? 1,
    breathe: () => deps.breathe(),
    signal: wish.signal,
    saved: undefined,
  })
  const reader = createReplayReader({ log, plan, place: undefined })
  const ends = new Map<string, number>()
  let isWhole = true
  for (const [key, tp] of plan.from) {
    const committed = await log.committed(reader.readerOf(tp).name, tp)
    ends.set(key, Math.max(tp.offset, committed?.offset ?? tp.offset))
    if (plan.root.inputs.includes(tp.topic) && tp.offset > 0) isWhole = false
  }
  reader.extend(ends)
  while (!reader.isAtEnd()) {
    for await (const { stage, tp, records } of reader.part()) {
      wish.signal.throwIfAborted()
      await pipe.push(stage, tp, records)
      const { records: done, left } = reader.progress()
      wish.onProgress({ records: done, total: done + left })
    }
  }
  await pipe.flush()
  return { records: reader.progress().records, isWhole }
}

async function nothing(): Promise<void> {
  // What only looks makes no tables.
}

/** Stands where sinks stand, and only looks. */
function captureStage({ topics, onRecords }: ReExecuteWish): Stage {
  const shadow: ShadowPort = {
    create: nothing,
    exchange: nothing,
    revert: nothing,
    drop: nothing,
    measure: async () => ({}),
    compare: async () => ({}),
    async write(_scope, { topic, records }) {
      await onRecords(topic, records)
      return {}
    },
  }
  return {
    name: 'capture',
    inputs: topics,
    outputs: [],
    shadow,
    createWorker() {
      throw new RangeError('what only looks has no worker')
    },
  }
}
