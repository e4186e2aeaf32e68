import type { Clock } from '#/kernel/clock.ts'
import type { GroupMembership, Log, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import {
  encodeCheckpoint,
  encodeEntry,
  encodeProgress,
  stateTopicOf,
  tombstones,
} from './changelog.ts'
import { commitMetadata } from './progress.ts'
import { commitAsDriver } from './replay-board.ts'
import type { ReplayPipe } from './replay-pipe.ts'
import type { ReplayPlan } from './replay-plan.ts'
import type { Stage } from './stage.ts'

export interface InstallDeps {
  log: Log
  clock: Clock
  membership: GroupMembership
  plan: ReplayPlan
  pipe: ReplayPipe
  epoch: number
}

/**
 * Puts the rebuilt state in the place of the live one, for every task of the replay, whichever process runs it. The
 * stages must rest and have read everything: the state stands for the offset each has committed. One commit per
 * partition; may be repeated.
 */
export async function installState(deps: InstallDeps): Promise<void> {
  const counts = new Map((await deps.log.topics()).map((t) => [t.name, t.partitions]))
  for (const stage of deps.plan.stages) {
    if (stage.createProcessor === undefined) continue
    for (const topic of stage.inputs)
      for (let partition = 0; partition < (counts.get(topic) ?? 0); partition += 1)
        await installPartition(deps, stage, { topic, partition })
  }
}

async function installPartition(
  { log, clock, membership, pipe, epoch }: InstallDeps,
  stage: Stage,
  input: TopicPartition,
): Promise<void> {
  const committed = await log.committed(stage.name, input)
  if (committed === undefined) return
  const { offset } = committed
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
  await commitAsDriver(log, membership, [
    {
      ...stateTp,
      records: [
        ...records.values(),
        encodeCheckpoint({ offset, epoch }, nowMs),
        encodeProgress(input.topic, progress, nowMs),
      ],
    },
  ])
}
