import { FaultlineError } from '#/kernel/errors.ts'
import { HEARTBEAT, JOIN_GROUP, LEAVE_GROUP, SYNC_GROUP } from './api-group.ts'
import type { JoinOutput, MemberRef } from './api-group.ts'
import {
  ASSIGNOR,
  decodeAssignment,
  decodeState,
  encodeAssignment,
  encodeState,
  planAssignments,
} from './assignor.ts'
import type { MemberAssignment, MemberState } from './assignor.ts'
import { BrokerError, checkCode, CODE } from './broker-error.ts'
import { isPassing } from './cluster.ts'
import type { Cluster } from './cluster.ts'

export interface GroupProtocolOptions {
  cluster: Cluster
  group: string
  /** Of its connection: a join waits for the other members, and holds what comes behind it. */
  lane: string
  sessionTimeoutMs: number
  /** How long the others may take to join again. */
  rebalanceTimeoutMs: number
}

/** `out`: the group does not know us (any more). `again`: nothing is decided, join again. */
type Round = MemberAssignment | 'again' | 'out'
type Beat = 'fine' | 'rejoin' | 'out'

/** What one member says to its coordinator, and what the answers mean. */
export class GroupProtocol {
  readonly #options: GroupProtocolOptions
  #memberId = ''
  #generation = -1
  #isJoining = true
  /** Partition counts the last plan rests on; only the leader has them. */
  #counts: ReadonlyMap<string, number> | undefined

  constructor(options: GroupProtocolOptions) {
    this.#options = options
  }

  ref(): MemberRef {
    return { group: this.#options.group, generation: this.#generation, memberId: this.#memberId }
  }

  /** Forgets who we were. */
  reset(): void {
    this.#memberId = ''
    this.#generation = -1
    this.#counts = undefined
  }

  /** Join and sync, until the group has decided. Fails with TransportError or BrokerError. */
  async round(state: Omit<MemberState, 'generation'>): Promise<Round> {
    this.#isJoining = true
    const joined = await this.#join({ ...state, generation: this.#generation })
    if (typeof joined === 'string') return joined
    const isLeader = joined.leader === joined.memberId
    const assignments = isLeader ? await this.#plan(joined) : []
    if (!isLeader) this.#counts = undefined
    const { lane, rebalanceTimeoutMs, cluster } = this.#options
    const answer = await this.#ask(
      (node) =>
        cluster.send(
          node,
          SYNC_GROUP,
          { ...this.ref(), assignments },
          { lane, waitMs: rebalanceTimeoutMs },
        ),
      ({ error }) => error,
    )
    if (answer.error !== CODE.none) return refused('SyncGroup', answer.error)
    this.#isJoining = false
    return decodeAssignment(answer.assignment)
  }

  async beat(): Promise<Beat> {
    if (this.#isJoining || this.#generation < 0) return 'fine'
    const { cluster, lane } = this.#options
    const generation = this.#generation
    const code = await this.#ask(
      (node) => cluster.send(node, HEARTBEAT, this.ref(), { lane }),
      (answer) => answer,
    )
    // A join that ran meanwhile knows better.
    if (this.#isJoining || generation !== this.#generation) return 'fine'
    if (code === CODE.rebalanceInProgress) return 'rejoin'
    return isOut(code) ? 'out' : 'fine'
  }

  /** Whether partition counts are other ones than those of the last plan; false for who made none. */
  async hasOtherTopics(): Promise<boolean> {
    const known = this.#counts
    if (known === undefined) return false
    const counts = await this.#countPartitions([...known.keys()])
    return [...counts].some(([topic, count]) => known.get(topic) !== count)
  }

  /** Best effort: otherwise the coordinator finds out by the session's time. */
  async leave(): Promise<void> {
    if (this.#memberId === '') return
    const { cluster, group, lane } = this.#options
    const input = { group, memberId: this.#memberId }
    try {
      await this.#ask(
        (node) => cluster.send(node, LEAVE_GROUP, input, { lane }),
        (answer) => answer,
      )
    } catch (error) {
      if (!isPassing(error) && !(error instanceof FaultlineError)) throw error
    }
  }

  async #join(state: MemberState): Promise<JoinOutput | 'again' | 'out'> {
    const { cluster, group, lane, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const input = {
      group,
      memberId: this.#memberId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocol: ASSIGNOR,
      metadata: encodeState(state),
    }
    const joined = await this.#ask(
      (node) => cluster.send(node, JOIN_GROUP, input, { lane, waitMs: rebalanceTimeoutMs }),
      ({ error }) => error,
    )
    if (joined.error === CODE.memberIdRequired) {
      this.#memberId = joined.memberId
      return 'again'
    }
    if (joined.error !== CODE.none) return refused('JoinGroup', joined.error)
    this.#memberId = joined.memberId
    this.#generation = joined.generation
    return joined
  }

  async #plan(joined: JoinOutput): Promise<{ memberId: string; assignment: Buffer }[]> {
    const members = joined.members.map(({ memberId, metadata }) => ({
      memberId,
      state: decodeState(metadata),
    }))
    const topics = [...new Set(members.flatMap(({ state }) => state.topics))]
    this.#counts = await this.#countPartitions(topics)
    const plans = planAssignments(members, this.#counts)
    return [...plans].map(([memberId, plan]) => ({ memberId, assignment: encodeAssignment(plan) }))
  }

  async #countPartitions(topics: readonly string[]): Promise<Map<string, number>> {
    const { cluster, group } = this.#options
    if (topics.length === 0) return new Map()
    const what = `topics of ${group}`
    const metadata = await cluster.retry(() => cluster.refresh(topics), { what })
    return new Map(metadata.topics.map(({ name, leaders }) => [name, leaders.length]))
  }

  /** A coordinator that moved or loads is an error that passes; other codes are the caller's. */
  #ask<T>(work: (node: number) => Promise<T>, codeOf: (answer: T) => number): Promise<T> {
    const { cluster, group } = this.#options
    return cluster.onCoordinator('group', group, async (node) => {
      const answer = await work(node)
      const error = new BrokerError(`group ${group}`, codeOf(answer))
      if (error.isPassing) throw error
      return answer
    })
  }
}

function refused(apiName: string, code: number): 'again' | 'out' {
  if (code === CODE.rebalanceInProgress) return 'again'
  if (isOut(code)) return 'out'
  checkCode(apiName, code)
  return 'again'
}

function isOut(code: number): boolean {
  return (
    code === CODE.unknownMember || code === CODE.illegalGeneration || code === CODE.fencedInstanceId
  )
}
