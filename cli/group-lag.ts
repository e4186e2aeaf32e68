import type { Clock } from '#/kernel/clock.ts'
import type { Log, PartitionLag } from '#/processors/log/port.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import type { StageView } from '#/schemas/view.ts'
import { shareReading } from './shared-reading.ts'

export interface GroupLagDeps {
  log: Log
  clock: Clock
  stages: readonly Pick<Stage, 'name' | 'inputs'>[]
}

/** Probes and the door ask all the time; under load one reading may take seconds. */
export const READING = { freshMs: 1_000, usableMs: 5_000 } as const
/** A group with work before it that commits nothing for this long is told as stopped. */
const STALLED_MS = 60_000

/**
 * The processors as the log shows them: for processes that do not run them. Whether a task has failed is known only
 * where it runs; from here a group that does not move while there is work is `stopped`.
 */
export function createGroupLag({ log, clock, stages }: GroupLagDeps): () => Promise<StageView[]> {
  const moved = new Map<string, { committed: number; atMs: number }>()

  const read = async (): Promise<StageView[]> => {
    const counts = new Map((await log.topics()).map(({ name, partitions }) => [name, partitions]))
    return Promise.all(
      stages.map(async (stage) => {
        const known = new Map((await log.lag(stage.name)).map((one) => [keyOf(one), one]))
        const wanted = stage.inputs.flatMap((topic) =>
          Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
        )
        const all = wanted.map(async (tp) => known.get(keyOf(tp)) ?? untouched(log, tp))
        return viewOf(stage.name, await Promise.all(all))
      }),
    )
  }

  const viewOf = (stage: string, all: readonly PartitionLag[]): StageView => {
    const partitions = all.map((one) => ({ ...one, lag: Math.max(0, one.end - one.committed) }))
    const lag = partitions.reduce((sum, one) => sum + one.lag, 0)
    const committed = partitions.reduce((sum, one) => sum + one.committed, 0)
    const nowMs = clock.monotonicMs()
    const last = moved.get(stage)
    if (last === undefined || last.committed !== committed || lag === 0)
      moved.set(stage, { committed, atMs: nowMs })
    const stillMs = nowMs - (moved.get(stage)?.atMs ?? nowMs)
    const isStalled = stillMs > STALLED_MS
    const error = isStalled ? `nothing was committed for ${Math.round(stillMs / 1000)} s` : ''
    return { stage, partitions, lag, status: isStalled ? 'stopped' : 'running', error }
  }

  return shareReading(read, { clock, ...READING })
}

/** A partition the group never committed: everything it holds is still to be done. */
async function untouched(
  log: Log,
  tp: { topic: string; partition: number },
): Promise<PartitionLag> {
  const [committed, end] = await Promise.all([log.beginningOffset(tp), log.endOffset(tp)])
  return { ...tp, committed, end }
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`
}
