import type { Clock } from '#/kernel/clock.ts'
import type { Log, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { Action } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { batchOf, createActionReader } from './action-log.ts'
import type { PlacedAction, SchemaSource } from './action-log.ts'
import { commandOf } from './action-record.ts'
import { Decider } from './decider.ts'
import { ownPartitions } from './partition-owner.ts'
import type { PartitionOwner, Turn } from './partition-owner.ts'

export interface SequencerDeps extends SchemaSource {
  log: Log
  clock: Clock
  onProblem?: ((error: unknown) => void) | undefined
}

export const SEQUENCER_GROUP = 'rooms'

const READ_BYTES_MAX = 1 << 18

/**
 * commands → actions. Each partition of the commands has one owner, who reads, decides and commits events, rejections
 * and its own progress in one step; the log refuses the step of whoever is no longer the owner. So every command is
 * decided once, in the order of the log, whoever crashes.
 */
export function startSequencer(deps: SequencerDeps): Promise<PartitionOwner> {
  return ownPartitions(deps, {
    group: SEQUENCER_GROUP,
    topic: TOPICS.commands.name,
    bytesMax: READ_BYTES_MAX,
    async begin(turn) {
      const read = createActionReader(deps, deps.onProblem)
      const decider = await caughtUp(deps, turn)
      const place = { topic: TOPICS.actions.name, partition: turn.partition }
      return async (records) => {
        const decided = decideEach(decider, await read(records), deps.clock.nowMs())
        return decided.length === 0 ? [] : [batchOf(place, decided, deps.schemaIds.Action)]
      }
    },
  })
}

function decideEach(decider: Decider, placed: readonly PlacedAction[], nowMs: number): Action[] {
  return placed.flatMap(({ action }) => {
    const submitted = commandOf(action)
    const record = submitted === undefined ? undefined : decider.decide(submitted, nowMs)
    return record === undefined ? [] : [record]
  })
}

/** Everything a former owner committed is in the log by now: the fence fell before this partition was given to us. */
async function caughtUp(deps: SequencerDeps, { partition, signal }: Turn): Promise<Decider> {
  const { log } = deps
  const decider = new Decider()
  const read = createActionReader(deps, deps.onProblem)
  const tp: TopicPartition = { topic: TOPICS.actions.name, partition }
  const end = await log.endOffset(tp)
  let next = await log.beginningOffset(tp)
  while (next < end && !signal.aborted) {
    const records = await readBelow(log, tp, { from: next, bytesMax: 1 << 20 })
    for (const { action, offset } of await read(records))
      decider.book.take(action, { partition, offset })
    next = records.at(-1)!.offset + 1
  }
  return decider
}
