import type { Clock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { ConsumedRecord, GroupMembership, Log, ProducedBatch } from '#/processors/log/port.ts'

export interface OwnerDeps {
  log: Log
  clock: Clock
  onProblem?: ((error: unknown) => void) | undefined
}

/** A partition of ours, until the signal says otherwise. */
export interface Turn {
  partition: number
  signal: AbortSignal
}

export interface Work {
  group: string
  topic: string
  /** How much is read, and so committed, at a time. */
  bytesMax: number
  /** Begins a turn. What it returns makes of records what is committed in one step with having read them. */
  begin: (turn: Turn) => Promise<(records: readonly ConsumedRecord[]) => Promise<ProducedBatch[]>>
}

export interface PartitionOwner {
  owned(): readonly number[]
  close(): Promise<void>
}

const WAIT_MS = 1_000
const RETRY_MS = 200

/**
 * Works on the partitions of a topic that this process owns. When a turn fails it is begun again, with nothing of what it had
 * in memory.
 */
export async function ownPartitions(deps: OwnerDeps, work: Work): Promise<PartitionOwner> {
  const turns = new Map<number, { stop: AbortController; done: Promise<void> }>()
  const end = async (partitions: readonly number[]): Promise<void> => {
    const ending = partitions.map((partition) => turns.get(partition))
    for (const turn of ending) turn?.stop.abort()
    await Promise.all(ending.flatMap((turn) => (turn === undefined ? [] : [turn.done])))
    for (const partition of partitions) turns.delete(partition)
  }
  const keepAt = async (turn: Turn, own: GroupMembership): Promise<void> => {
    while (!turn.signal.aborted) {
      try {
        await takeTurn(deps.log, work, turn, own)
      } catch (error) {
        if (turn.signal.aborted || isFaultlineError(error, 'stale_owner')) return
        deps.onProblem?.(error)
        await deps.clock.sleep(RETRY_MS, turn.signal)
      }
    }
  }
  const membership = await deps.log.join({
    group: work.group,
    topics: [work.topic],
    async onAssigned(partitions, own) {
      for (const { partition } of partitions) {
        const stop = new AbortController()
        const turn = { partition, signal: stop.signal }
        turns.set(partition, { stop, done: keepAt(turn, own) })
      }
    },
    onRevoked: (partitions) => end(partitions.map(({ partition }) => partition)),
  })
  return {
    owned: () => [...turns.keys()],
    async close() {
      await end([...turns.keys()])
      await membership.leave()
    },
  }
}

async function takeTurn(
  log: Log,
  { group, topic, bytesMax, begin }: Work,
  turn: Turn,
  membership: GroupMembership,
): Promise<void> {
  const { partition, signal } = turn
  const tp = { topic, partition }
  const outputsOf = await begin(turn)
  let next = (await log.committed(group, tp))?.offset ?? (await log.beginningOffset(tp))
  while (!signal.aborted) {
    const records = await log.read(tp, next, { bytesMax, waitMs: WAIT_MS, signal })
    const last = records.at(-1)
    if (last === undefined) continue
    const outputs = await outputsOf(records)
    const offset = last.offset + 1
    await log.commit({ membership, outputs, offsets: [{ ...tp, offset, metadata: '' }] })
    next = offset
  }
}
