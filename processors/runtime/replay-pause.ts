import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Log, TopicPartition } from '#/processors/log/port.ts'
import { parseCommitMetadata } from './progress.ts'
import type { ReplayPlan } from './replay-plan.ts'
import type { Stage } from './stage.ts'

export interface PauseDeps {
  log: Log
  clock: Clock
  plan: ReplayPlan
  epoch: number
  signal: AbortSignal
  restMsMax?: number
  /** Tells every process that these stages rest from now on. */
  tell(paused: readonly string[]): Promise<void>
}

const DRAIN_MS_MAX = 120_000
/** A process that hangs is out of its group by then, and whoever gets its partitions answers. */
const REST_MS_MAX = 90_000
const POLL_MS = 10

/**
 * Brings the live chain to rest, wherever its stages run: the root first, so that nothing new comes; then each stage
 * behind it when it has done what was left. A stage rests when the owner of each of its partitions has said so in its
 * committed offset. Nothing here asks who the processes are.
 */
export async function pauseChain(deps: PauseDeps): Promise<void> {
  const { root, feeders, stages } = deps.plan
  const counts = new Map((await deps.log.topics()).map((t) => [t.name, t.partitions]))
  const partitionsOf = ({ inputs }: Stage): TopicPartition[] =>
    inputs.flatMap((topic) =>
      Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
    )
  const paused: string[] = []
  const rest = async (...resting: Stage[]): Promise<void> => {
    paused.push(...resting.map(({ name }) => name))
    await deps.tell(paused)
    for (const stage of resting)
      for (const tp of partitionsOf(stage))
        await until(deps, deps.restMsMax ?? REST_MS_MAX, {
          isTrue: () => hasRested(deps, stage, tp),
          otherwise: `${stage.name} does not come to rest on ${tp.topic}/${tp.partition}`,
        })
  }
  await rest(root, ...feeders)
  for (const stage of stages.slice(1)) {
    for (const tp of partitionsOf(stage))
      await until(deps, DRAIN_MS_MAX, {
        isTrue: () => hasReadAll(deps.log, stage, tp),
        otherwise: `${stage.name} does not catch up on ${tp.topic}/${tp.partition}`,
      })
    await rest(stage)
  }
}

async function until(
  { clock, signal }: PauseDeps,
  ms: number,
  { isTrue, otherwise }: { isTrue: () => Promise<boolean>; otherwise: string },
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + ms
  while (!(await isTrue())) {
    signal.throwIfAborted()
    if (clock.monotonicMs() > deadlineMs)
      throw new FaultlineError('overloaded', otherwise, {
        remedy: 'Run the replay again when every stage runs and the live chain has no lag.',
      })
    await clock.sleep(POLL_MS, signal)
  }
}

async function hasRested({ log, epoch }: PauseDeps, stage: Stage, tp: TopicPartition) {
  const committed = await log.committed(stage.name, tp)
  return parseCommitMetadata(committed?.metadata ?? '')?.rest === epoch
}

async function hasReadAll(log: Log, stage: Stage, tp: TopicPartition): Promise<boolean> {
  const committed = await log.committed(stage.name, tp)
  const offset = committed?.offset ?? (await log.beginningOffset(tp))
  return offset >= (await log.endOffset(tp))
}
