import type { Clock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { GroupMembership, Log } from '#/processors/log/port.ts'

export interface OwnerDeps {
  log: Log
  clock: Clock
  onProblem?: ((error: unknown) => void) | undefined
}

/** A partition of ours, until the signal says otherwise. */
export interface Turn {
  partition: number
  membership: GroupMembership
  signal: AbortSignal
}

export interface PartitionOwner {
  owned(): readonly number[]
  close(): Promise<void>
}

const RETRY_MS = 200

/**
 * Works on the partitions of a topic that this process owns. `work` runs until its signal; when it fails it is begun
 * again, with nothing of what it had in memory.
 */
export async function ownPartitions(
  deps: OwnerDeps,
  options: { group: string; topic: string; work: (turn: Turn) => Promise<void> },
): Promise<PartitionOwner> {
  const turns = new Map<number, { stop: AbortController; done: Promise<void> }>()
  const end = async (partitions: readonly number[]): Promise<void> => {
    const ending = partitions.map((partition) => turns.get(partition))
    for (const turn of ending) turn?.stop.abort()
    await Promise.all(ending.flatMap((turn) => (turn === undefined ? [] : [turn.done])))
    for (const partition of partitions) turns.delete(partition)
  }
  const keepAt = async (turn: Turn): Promise<void> => {
    while (!turn.signal.aborted) {
      try {
        await options.work(turn)
      } catch (error) {
        if (turn.signal.aborted || isFaultlineError(error, 'stale_owner')) return
        deps.onProblem?.(error)
        await deps.clock.sleep(RETRY_MS, turn.signal)
      }
    }
  }
  const membership = await deps.log.join({
    group: options.group,
    topics: [options.topic],
    async onAssigned(partitions, own) {
      for (const { partition } of partitions) {
        const stop = new AbortController()
        const turn = { partition, membership: own, signal: stop.signal }
        turns.set(partition, { stop, done: keepAt(turn) })
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
