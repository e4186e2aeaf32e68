import { assert } from '#/kernel/assert.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { assignPartitions, partitionKey } from './assignment.ts'
import type { GroupMembership, GroupSubscription, TopicPartition } from './port.ts'

/**
 * Consumer groups whose members live in this process. A change of a group is one turn: revoke and drain, let the
 * fence fall, wait for the writer, assign. Turns of one group follow each other, so that callbacks never overlap
 * with another change.
 */
export interface Groups {
  join(subscription: GroupSubscription): Promise<GroupMembership>
  /** What a commit may rest on; fails with `stale_owner` when the member does not own all of `partitions`. */
  claim(membership: GroupMembership, partitions: readonly TopicPartition[]): Claim
  /** Whether the claim is still good: no fence fell since. */
  holds(claim: Claim): boolean
  /** Takes the partitions from their owners, runs `write`, gives them back. */
  reset(
    group: string,
    partitions: readonly TopicPartition[],
    write: () => Promise<void>,
  ): Promise<void>
  /** Partition counts grew: every group is balanced again. */
  topicsChanged(): Promise<void>
  names(): readonly string[]
  /** No claim holds any more; no callback is called any more. */
  close(): void
}

/** Epochs of the partitions a commit names, at the time it was made. */
export interface Claim {
  member: Member
  epochs: readonly { key: string; epoch: number }[]
}

interface Member extends GroupMembership {
  readonly groupState: Group
  readonly subscription: GroupSubscription
  readonly topics: readonly string[]
  owned: readonly TopicPartition[]
  leaving: Promise<void> | undefined
  failure: unknown
}

interface Group {
  /** Who takes part in the assignment. */
  members: Member[]
  /** Who may commit: a leaving member stays here until it has drained. */
  active: Set<Member>
  owners: Map<string, Member>
  /** Raised by every fence. */
  epochs: Map<string, number>
  turn: Promise<unknown>
}

export interface GroupsDeps {
  clock: Clock
  /** How long a member may drain before the fence falls without it. */
  drainMsMax: number
  /** undefined for an unknown topic. */
  partitionCount(topic: string): number | undefined
  /** Resolves when commits that were let through before now are written or refused. */
  settled(): Promise<void>
  /** A callback of a member failed, or it did not drain in time. */
  onProblem(error: unknown): void
}

function staleOwner(membership: GroupMembership, key?: string): FaultlineError {
  const what = key === undefined ? 'is no longer a member' : `does not own ${key} (any more)`
  return new FaultlineError('stale_owner', `${membership.memberId} of ${membership.group} ${what}`)
}

function byMember(changes: readonly Change[]): Map<Member, TopicPartition[]> {
  const lists = new Map<Member, TopicPartition[]>()
  for (const [member, tp] of changes) {
    const list = lists.get(member)
    if (list === undefined) lists.set(member, [tp])
    else list.push(tp)
  }
  return lists
}

/** A loss or a gain, before it is grouped by member. */
type Change = readonly [Member, TopicPartition]

class GroupCoordinator implements Groups {
  readonly #deps: GroupsDeps
  readonly #groups = new Map<string, Group>()
  #memberCount = 0
  #isClosed = false

  constructor(deps: GroupsDeps) {
    this.#deps = deps
  }

  async join(subscription: GroupSubscription): Promise<GroupMembership> {
    const group = this.#groupOf(subscription.group)
    const member = this.#createMember(group, subscription)
    await this.#inTurn(group, async () => {
      group.members = [...group.members, member]
      group.active.add(member)
      await this.#rebalance(group)
    })
    if (member.failure !== undefined) throw member.failure
    return member
  }

  claim(membership: GroupMembership, partitions: readonly TopicPartition[]): Claim {
    const group = this.#groups.get(membership.group)
    const member = [...(group?.active ?? [])].find((other) => other === membership)
    if (group === undefined || member === undefined) throw staleOwner(membership)
    const epochs = partitions.map((tp) => {
      const key = partitionKey(tp)
      if (group.owners.get(key) !== member) throw staleOwner(membership, key)
      return { key, epoch: group.epochs.get(key) ?? 0 }
    })
    return { member, epochs }
  }

  holds({ member, epochs }: Claim): boolean {
    const { active, owners, epochs: current } = member.groupState
    if (!active.has(member)) return false
    return epochs.every(
      ({ key, epoch }) => owners.get(key) === member && (current.get(key) ?? 0) === epoch,
    )
  }

  reset(
    name: string,
    partitions: readonly TopicPartition[],
    write: () => Promise<void>,
  ): Promise<void> {
    const group = this.#groupOf(name)
    return this.#inTurn(group, async () => {
      let failure: unknown
      await this.#rebalance(group, new Set(partitions.map(partitionKey)), async () => {
        try {
          await write()
        } catch (error) {
          // The partitions must find an owner again whatever became of the offsets.
          failure = error ?? new Error('the offsets were not written')
        }
      })
      if (failure !== undefined) throw failure
    })
  }

  async topicsChanged(): Promise<void> {
    const all = [...this.#groups.values()]
    await Promise.all(all.map((group) => this.#inTurn(group, () => this.#rebalance(group))))
  }

  names(): readonly string[] {
    return [...this.#groups].filter(([, group]) => group.members.length > 0).map(([name]) => name)
  }

  close(): void {
    this.#isClosed = true
    for (const group of this.#groups.values()) {
      for (const member of group.active) member.owned = []
      group.owners.clear()
      group.active.clear()
      group.members = []
    }
  }

  #groupOf(name: string): Group {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = {
        members: [],
        active: new Set(),
        owners: new Map(),
        epochs: new Map(),
        turn: Promise.resolve(),
      }
      this.#groups.set(name, group)
    }
    return group
  }

  #createMember(group: Group, subscription: GroupSubscription): Member {
    const member: Member = {
      group: subscription.group,
      memberId: `${subscription.group}-${++this.#memberCount}`,
      groupState: group,
      subscription,
      topics: [...subscription.topics],
      owned: [],
      leaving: undefined,
      failure: undefined,
      assignment: () => member.owned,
      leave: () => (member.leaving ??= this.#leave(member)),
    }
    return member
  }

  #leave(member: Member): Promise<void> {
    const group = member.groupState
    return this.#inTurn(group, async () => {
      group.members = group.members.filter((other) => other !== member)
      await this.#rebalance(group)
      group.active.delete(member)
    })
  }

  #inTurn<T>(group: Group, work: () => Promise<T>): Promise<T> {
    const done = group.turn.then(work)
    group.turn = done.catch(() => undefined)
    return done
  }

  /** `forced` partitions change hands even if their owner stays; `between` runs when nobody has them. */
  async #rebalance(
    group: Group,
    forced: ReadonlySet<string> = new Set(),
    between?: () => Promise<void>,
  ): Promise<void> {
    if (this.#isClosed) return
    const wanted = this.#target(group)
    const losses: Change[] = []
    for (const member of group.active) {
      for (const tp of member.owned) {
        const key = partitionKey(tp)
        if (forced.has(key) || wanted.get(key)?.member !== member) losses.push([member, tp])
      }
    }
    if (losses.length > 0) await this.#revoke(group, byMember(losses))
    await between?.()
    if (this.#isClosed) return
    const gains: Change[] = []
    for (const [key, { tp, member }] of wanted) if (!group.owners.has(key)) gains.push([member, tp])
    const failed = await this.#give(group, byMember(gains))
    if (failed.length === 0) return
    // Whoever cannot start gives back what it got, without being asked to drain.
    for (const member of failed) this.#expel(group, member)
    await this.#deps.settled()
    await this.#rebalance(group)
  }

  #target(group: Group): ReturnType<typeof assignPartitions<Member>> {
    const counts = new Map<string, number>()
    for (const topic of new Set(group.members.flatMap((member) => member.topics))) {
      counts.set(topic, this.#deps.partitionCount(topic) ?? 0)
    }
    return assignPartitions(group.members, counts, (key) => group.owners.get(key))
  }

  async #revoke(group: Group, losses: Map<Member, TopicPartition[]>): Promise<void> {
    await Promise.all([...losses].map(([member, lost]) => this.#drain(member, lost)))
    for (const [member, lost] of losses) this.#fence(group, member, lost)
    await this.#deps.settled()
  }

  async #drain(member: Member, partitions: readonly TopicPartition[]): Promise<void> {
    const limit = new AbortController()
    const expire = async (): Promise<void> => {
      const { drainMsMax } = this.#deps
      await this.#deps.clock.sleep(drainMsMax, limit.signal)
      if (limit.signal.aborted) return
      const detail = `${member.memberId} did not drain in ${drainMsMax} ms and is fenced`
      throw new FaultlineError('stale_owner', detail)
    }
    try {
      await Promise.race([member.subscription.onRevoked(partitions), expire()])
    } catch (error) {
      this.#deps.onProblem(error)
    } finally {
      limit.abort()
    }
  }

  #fence(group: Group, member: Member, lost: readonly TopicPartition[]): void {
    const keys = new Set(lost.map(partitionKey))
    member.owned = member.owned.filter((tp) => !keys.has(partitionKey(tp)))
    for (const key of keys) {
      group.owners.delete(key)
      group.epochs.set(key, (group.epochs.get(key) ?? 0) + 1)
    }
  }

  /** Returns the members whose callback failed. */
  async #give(group: Group, gains: Map<Member, TopicPartition[]>): Promise<readonly Member[]> {
    for (const [member, gained] of gains) {
      for (const key of gained.map(partitionKey)) {
        assert(!group.owners.has(key), `${key} has one owner at a time`)
        group.owners.set(key, member)
      }
      member.owned = [...member.owned, ...gained]
    }
    const failed: Member[] = []
    const calls = [...gains].map(async ([member, gained]) => {
      try {
        await member.subscription.onAssigned(gained, member)
      } catch (error) {
        member.failure = error
        this.#deps.onProblem(error)
        failed.push(member)
      }
    })
    await Promise.all(calls)
    return failed
  }

  #expel(group: Group, member: Member): void {
    group.members = group.members.filter((other) => other !== member)
    group.active.delete(member)
    this.#fence(group, member, member.owned)
  }
}

export function createGroups(deps: GroupsDeps): Groups {
  return new GroupCoordinator(deps)
}
