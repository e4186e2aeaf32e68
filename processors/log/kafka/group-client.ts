import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type {
  CommitUnit,
  GroupMembership,
  OffsetCommit,
  TopicPartition,
} from '#/processors/log/port.ts'
import { LIST_GROUPS } from './api-cluster.ts'
import { OFFSET_COMMIT, OFFSET_FETCH } from './api-group.ts'
import {
  BrokerError,
  checkCode,
  CODE,
  isBrokerError,
  isRejoining,
  toFaultlineError,
} from './broker-error.ts'
import { isPassing } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { OpenTransactions } from './left-open.ts'
import { KafkaMember } from './member.ts'
import type { MemberCallbacks } from './member.ts'
import type { KafkaLogOptions } from './options.ts'
import type { Claim } from './ownership.ts'
import { PartitionProducer } from './producer.ts'

const BACKOFF_FIRST_MS = 10
const BACKOFF_MAX_MS = 500
/** Connections for transactions: a broker answers one request after the other on each. */
const TXN_LANES = 4

/** Offsets are asked again for so long before their markers are looked for. */
const UNSTABLE_MS_MAX = 1000

const producerId = (group: string, tp: TopicPartition): string => `${group}/${partitionKey(tp)}`

interface Rest {
  member: KafkaMember
  claim: Claim
  /** Its producer writes the transaction. */
  first: TopicPartition | undefined
}

/** Groups with members in this process, and their commits. Names are those of the broker. */
export class GroupClient {
  readonly #cluster: Cluster
  readonly #options: KafkaLogOptions
  readonly #open: OpenTransactions
  readonly #members = new Set<KafkaMember>()
  readonly #producers = new Map<string, PartitionProducer>()
  /** Commits on their way, by group and partition. */
  readonly #commits = new Map<string, Set<Promise<void>>>()
  #memberCount = 0

  constructor(cluster: Cluster, options: KafkaLogOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#open = new OpenTransactions(cluster, options.prefix ?? '')
  }

  async join(
    group: string,
    { topics, takes = [] }: { topics: readonly string[]; takes?: readonly TopicPartition[] },
    callbacks: MemberCallbacks,
  ): Promise<KafkaMember> {
    const member = new KafkaMember(
      {
        cluster: this.#cluster,
        options: this.#options,
        takeOver: async (partitions, isOver) => {
          const producers = partitions.map((tp) => this.#producer(group, tp))
          await Promise.all(producers.map((producer) => producer.takeOver(isOver)))
        },
        settled: (partitions) => this.#settled(group, partitions),
        onEnded: (ended) => this.#members.delete(ended),
      },
      { group, topics, takes, lane: `group${++this.#memberCount}`, ...callbacks },
    )
    this.#members.add(member)
    await member.start()
    return member
  }

  /** What a commit may rest on, as of now; fails with `stale_owner`. */
  claim(membership: GroupMembership, offsets: readonly OffsetCommit[]): Rest {
    const member = [...this.#members].find((one) => one === membership)
    if (member === undefined) {
      const detail = `${membership.memberId} of ${membership.group} is no longer a member`
      throw new FaultlineError('stale_owner', detail)
    }
    const partitions = offsets.length > 0 ? offsets : member.assignment().slice(0, 1)
    return { member, claim: member.claim(partitions), first: partitions[0] }
  }

  /** Names are those of the broker. */
  commit(rest: Rest, { outputs, offsets }: Omit<CommitUnit, 'membership'>): Promise<void> {
    const filled = outputs.filter(({ records }) => records.length > 0)
    const work =
      filled.length === 0
        ? this.#commitPlain(rest, offsets)
        : this.#commitWithOutputs(rest, { outputs: filled, offsets })
    this.#track(rest.member.group, offsets, work)
    return work
  }

  /** What commits of this process led to is among it, whatever became of their answers. */
  async committed(group: string, partitions: readonly TopicPartition[] | undefined) {
    const { clock } = this.#options
    const own = (partitions ?? []).flatMap((tp) => this.#producers.get(producerId(group, tp)) ?? [])
    const startedMs = clock.monotonicMs()
    return this.#cluster.retry(
      async () => {
        await Promise.all((partitions ?? []).map((tp) => this.#settle(group, tp)))
        try {
          return await this.#cluster.onCoordinator('group', group, (node) =>
            this.#cluster.send(node, OFFSET_FETCH, { group, partitions }, { lane: 'main' }),
          )
        } catch (error) {
          // A transaction that goes on passes. What stays undecided although we began nothing lacks its marker.
          if (
            isBrokerError(error, CODE.unstableOffsetCommit) &&
            clock.monotonicMs() - startedMs > UNSTABLE_MS_MAX
          )
            for (const producer of own) producer.suspect()
          throw error
        }
      },
      { what: `offsets of ${group}` },
    )
  }

  /** Takes the partitions into a membership of its own, writes, and leaves: others drain before and own again after. */
  async reset(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    const member = await this.join(
      group,
      { topics: [], takes: offsets.map(({ topic, partition }) => ({ topic, partition })) },
      { onAssigned: async () => undefined, onRevoked: async () => undefined },
    )
    try {
      await this.commit(this.claim(member, offsets), { outputs: [], offsets })
    } finally {
      await member.leave()
    }
  }

  /** All groups of consumers on the cluster. */
  async list(): Promise<string[]> {
    const metadata = await this.#cluster.retry(() => this.#cluster.refresh([]), { what: 'groups' })
    const lists = metadata.brokers.map(({ nodeId }) =>
      this.#cluster.retry(
        () => this.#cluster.send(nodeId, LIST_GROUPS, undefined, { lane: 'main' }),
        { what: 'groups' },
      ),
    )
    const groups = (await Promise.all(lists)).flat()
    return [...new Set(groups.map(({ group }) => group))].toSorted()
  }

  /** Topics were created or grew. */
  async topicsChanged(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.checkTopics()))
  }

  close(): void {
    for (const member of this.#members) member.end()
  }

  #producer(group: string, tp: TopicPartition): PartitionProducer {
    const id = producerId(group, tp)
    let producer = this.#producers.get(id)
    if (producer === undefined) {
      const lane = `txn${this.#producers.size % TXN_LANES}`
      const { fencing = true, random } = this.#options
      // Without a common id nobody is fenced.
      const own = fencing ? id : `${id}/${random.int(2 ** 32)}`
      producer = new PartitionProducer(this.#cluster, this.#options, {
        transactionalId: own,
        group,
        lane,
        open: this.#open,
      })
      this.#producers.set(id, producer)
    }
    return producer
  }

  async #commitWithOutputs(
    { member, claim, first }: Rest,
    { outputs, offsets }: Omit<CommitUnit, 'membership'>,
  ): Promise<void> {
    if (first === undefined) {
      throw new FaultlineError('stale_owner', `${member.memberId} owns nothing to commit for`)
    }
    const { fencing = true } = this.#options
    await this.#producer(member.group, first).commit({
      outputs,
      offsets,
      member: () => (fencing ? member.ref() : { ...member.ref(), generation: -1, memberId: '' }),
      holds: () => member.ownership.holds(claim),
      onFenced: () => member.lost(),
    })
  }

  async #commitPlain({ member, claim }: Rest, offsets: readonly OffsetCommit[]): Promise<void> {
    if (offsets.length === 0) return
    const { clock, random } = this.#options
    const deadlineMs = this.#cluster.deadlineMs()
    const what = `commit of ${member.group}`
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)) {
      if (!member.ownership.holds(claim)) {
        throw new FaultlineError('stale_owner', `${what}: a partition has gone`)
      }
      try {
        await this.#sendCommit(member, offsets)
        return
      } catch (error) {
        const isMoving = isRejoining(error)
        if (error instanceof BrokerError && error.isFenced && !isMoving) member.lost()
        if (!isMoving && !isPassing(error)) throw toFaultlineError(error, what)
        if (clock.monotonicMs() > deadlineMs || this.#cluster.isClosed)
          throw new FaultlineError('log_unavailable', `${what}: ${messageOf(error)}`, {
            cause: error,
          })
      }
      await clock.sleep(backoffMs * (0.5 + random.unit() / 2))
    }
  }

  #sendCommit(member: KafkaMember, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#cluster.onCoordinator('group', member.group, async (node) => {
      const input = { member: member.ref(), offsets }
      const results = await this.#cluster.send(node, OFFSET_COMMIT, input, { lane: 'commit' })
      for (const { error } of results) checkCode('OffsetCommit', error)
    })
  }

  async #settle(group: string, tp: TopicPartition): Promise<void> {
    const owner = [...this.#members].find((one) => one.group === group && one.ownership.has(tp))
    if (owner === undefined) return
    try {
      await this.#producers.get(producerId(group, tp))?.settle()
    } catch (error) {
      // What is committed can be read all the same; the next commit would be refused.
      if (!isFaultlineError(error, 'stale_owner')) throw error
      owner.lost()
    }
  }

  #track(group: string, partitions: readonly TopicPartition[], work: Promise<void>): void {
    const quiet = work.catch(() => undefined)
    for (const tp of partitions) {
      const key = `${group}/${partitionKey(tp)}`
      const commits = this.#commits.get(key) ?? new Set()
      this.#commits.set(key, commits.add(quiet))
      void quiet.finally(() => commits.delete(quiet))
    }
  }

  async #settled(group: string, partitions: readonly TopicPartition[]): Promise<void> {
    const all = partitions.flatMap((tp) => [
      ...(this.#commits.get(`${group}/${partitionKey(tp)}`) ?? []),
    ])
    await Promise.all(all)
  }
}
