import type { Clock } from '#/kernel/clock.ts'
import type { Log, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import {
  encodeCheckpoint,
  encodeEntry,
  encodeProgress,
  stateTopicOf,
  tombstones,
} from './changelog.ts'
import type { Supervisor } from './platform.ts'
import { commitMetadata } from './progress.ts'
import type { ReplayPipe } from './replay-pipe.ts'
import type { ReplayPlan } from './replay-plan.ts'
import type { Stage } from './stage.ts'

export interface InstallDeps {
  log: Log
  clock: Clock
  supervisor: Supervisor
  plan: ReplayPlan
  pipe: ReplayPipe
  epoch: number
}

/**
 * Puts the rebuilt state in the place of the live one, for every task of the replay. The stages must be paused and
 * have read everything: the state stands for the offset each has committed. One commit per partition.
 */
export async function installState(deps: InstallDeps): Promise<void> {
  for (const stage of deps.plan.stages) {
    if (stage.createProcessor === undefined) continue
    const membership = deps.supervisor.runner(stage.name).membership()
    for (const input of membership.assignment()) await installPartition(deps, stage, input)
  }
}

async function installPartition(
  { log, clock, supervisor, pipe, epoch }: InstallDeps,
  stage: Stage,
  input: TopicPartition,
): Promise<void> {
  const membership = supervisor.runner(stage.name).membership()
  const offset = (await log.committed(stage.name, input))?.offset
  if (offset === undefined) return
  const stateTp = { topic: stateTopicOf(stage.name), partition: input.partition }
  const nowMs = clock.nowMs()
  const records = new Map<string, ProducedRecord>()
  for (const record of await tombstones(log, stateTp, nowMs))
    records.set(String(record.key), record)
  for (const store of pipe.stores(stage, input) ?? []) {
    for (const entry of store.all())
      for (const record of encodeEntry(store.name, entry, nowMs))
        records.set(String(record.key), record)
  }
  const progress = { offset, metadata: commitMetadata(epoch) }
  await log.commit({
    membership,
    outputs: [
      {
        ...stateTp,
        records: [
          ...records.values(),
          encodeCheckpoint({ offset, epoch }, nowMs),
          encodeProgress(input.topic, progress, nowMs),
        ],
      },
    ],
    offsets: [{ ...input, ...progress }],
  })
}
