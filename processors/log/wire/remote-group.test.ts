import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import { RemoteGroup } from './remote-group.ts'
import type { JoinAnswer, JoinRequest, SyncAnswer } from './remote-group.ts'

const LIMITS = { membersMax: 5, initialDelayMs: 0 }
const SESSION_MS = 10_000
const range = [{ name: 'range', metadata: Buffer.from('topics') }]

function request(memberId = '', more: Partial<JoinRequest> = {}): JoinRequest {
  const own = { clientId: 'c', host: '127.0.0.1', sessionMs: SESSION_MS, rebalanceMs: 60_000 }
  return { memberId, instanceId: null, protocolType: 'consumer', protocols: range, ...own, ...more }
}

/** A member as a client library is one: it joins, syncs, and joins again when it is told to. */
class Peer {
  readonly group: RemoteGroup
  answer: JoinAnswer | undefined
  sync: SyncAnswer | undefined
  id = ''

  constructor(group: RemoteGroup) {
    this.group = group
  }

  join(nowMs: number, newId: string, more: Partial<JoinRequest> = {}): void {
    this.answer = undefined
    this.sync = undefined
    const done = (answer: JoinAnswer): void => {
      this.answer = answer
      if (answer.code === KAFKA.NONE) this.id = answer.memberId
    }
    this.group.join(request(this.id, more), { nowMs, newId, done })
  }

  get ref() {
    return { memberId: this.id, instanceId: null, generation: this.answer?.generation ?? -1 }
  }

  settle(nowMs: number): void {
    if (this.answer?.code !== KAFKA.NONE || this.sync !== undefined) return
    const shares = new Map(
      this.answer.members.map(({ memberId }) => [memberId, Buffer.from(memberId)] as const),
    )
    this.group.sync(this.ref, shares, { nowMs, done: (answer) => (this.sync = answer) })
  }
}

const codeOf = (work: () => void): number => {
  try {
    work()
    return KAFKA.NONE
  } catch (error) {
    if (error instanceof KafkaError) return error.code
    throw error
  }
}

function stable(count: number): { group: RemoteGroup; peers: Peer[] } {
  const group = new RemoteGroup(LIMITS)
  const peers = Array.from({ length: count }, () => new Peer(group))
  for (const [index, peer] of peers.entries()) {
    peer.join(0, `m${index}`)
    for (const other of peers.slice(0, index)) other.join(0, '')
  }
  for (const peer of peers) peer.settle(0)
  return { group, peers }
}

describe('a group of remote members', () => {
  it('[WF10] one generation: one leader sees all members, everybody gets the share it gave', () => {
    const { group, peers } = stable(3)
    expect(group.state).toBe('Stable')
    expect(peers.filter(({ answer }) => answer!.members.length === 3)).toHaveLength(1)
    expect(new Set(peers.map(({ answer }) => answer!.generation)).size).toBe(1)
    for (const { id, sync } of peers) expect(String(sync!.assignment)).toBe(id)
  })

  it('[WF11] a new member makes the others join again; who does not come is out after the rebalance timeout', () => {
    const { group, peers } = stable(2)
    const late = new Peer(group)
    late.join(1000, 'm9')
    expect(codeOf(() => group.heartbeat(peers[0]!.ref, 1000))).toBe(KAFKA.REBALANCE_IN_PROGRESS)
    peers[0]!.join(2000, '')
    expect(late.answer).toBeUndefined()
    for (let nowMs = 2000; nowMs < 61_000; nowMs += 5000)
      codeOf(() => group.heartbeat(peers[1]!.ref, nowMs))
    group.tick(61_001)
    expect(late.answer).toMatchObject({ code: KAFKA.NONE })
    expect(group.members.map(({ memberId }) => memberId).toSorted()).toEqual(['m0', 'm9'])
    expect(codeOf(() => group.heartbeat(peers[1]!.ref, 61_001))).toBe(KAFKA.UNKNOWN_MEMBER_ID)
  })

  it('[WF12] a member without heartbeats is out after its session; the others go on', () => {
    const { group, peers } = stable(2)
    group.heartbeat(peers[0]!.ref, SESSION_MS - 1)
    group.tick(SESSION_MS + 1)
    expect(group.state).toBe('PreparingRebalance')
    peers[0]!.join(SESSION_MS + 2, '')
    peers[0]!.settle(SESSION_MS + 2)
    expect(group.state).toBe('Stable')
    expect(group.members).toHaveLength(1)
  })

  it('[WF13] commits: of the last generation until the next is agreed on, then refused', () => {
    const { group, peers } = stable(2)
    const [first, second] = [peers[0]!, peers[1]!]
    const old = first.ref
    expect(codeOf(() => group.checkCommit(old, 1))).toBe(KAFKA.NONE)
    second.join(1, '', { protocols: [{ name: 'range', metadata: Buffer.from('other') }] })
    expect(codeOf(() => group.checkCommit(old, 2))).toBe(KAFKA.NONE)
    first.join(2, '')
    expect(codeOf(() => group.checkCommit(old, 3))).toBe(KAFKA.ILLEGAL_GENERATION)
    expect(codeOf(() => group.checkCommit(first.ref, 3))).toBe(KAFKA.REBALANCE_IN_PROGRESS)
    first.settle(3)
    second.settle(3)
    expect(codeOf(() => group.checkCommit(first.ref, 4))).toBe(KAFKA.NONE)
    const outsider = { memberId: '', instanceId: null, generation: -1 }
    expect(codeOf(() => group.checkCommit(outsider, 4))).toBe(KAFKA.UNKNOWN_MEMBER_ID)
    for (const { id } of peers) group.leave(id, null, 5)
    expect(codeOf(() => group.checkCommit(outsider, 6))).toBe(KAFKA.NONE)
  })

  it('[WF14] a static member that starts again takes its place without a rebalance, the old one is fenced', () => {
    const group = new RemoteGroup(LIMITS)
    const before = new Peer(group)
    before.join(0, 's0', { instanceId: 'i' })
    before.settle(0)
    const after = new Peer(group)
    after.join(1, 's1', { instanceId: 'i' })
    expect(group.state).toBe('Stable')
    expect(after.answer).toMatchObject({ code: KAFKA.NONE, memberId: 's1', generation: 1 })
    const fenced = { ...before.ref, instanceId: 'i' }
    expect(codeOf(() => group.heartbeat(fenced, 2))).toBe(KAFKA.FENCED_INSTANCE_ID)
  })

  it('[WF15] a group is bounded, and members share a protocol', () => {
    const { group } = stable(LIMITS.membersMax)
    const more = new Peer(group)
    expect(codeOf(() => more.join(0, 'm9'))).toBe(KAFKA.GROUP_MAX_SIZE_REACHED)
    const { group: other } = stable(1)
    const odd = { protocols: [{ name: 'sticky', metadata: Buffer.alloc(0) }] }
    expect(codeOf(() => new Peer(other).join(0, 'm9', odd))).toBe(KAFKA.INCONSISTENT_GROUP_PROTOCOL)
    expect(codeOf(() => group.promise('m10', request(), 0))).toBe(KAFKA.GROUP_MAX_SIZE_REACHED)
  })

  const action = fc.record({
    what: fc.constantFrom('join', 'rejoin', 'sync', 'leave', 'beat', 'tick', 'vanish'),
    who: fc.nat(3),
    passMs: fc.constantFrom(0, 1, 4000, 11_000, 61_000),
  })

  it('[WF16] after any churn: generations ascend, one leader, and it settles', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const group = new RemoteGroup(LIMITS)
        const peers = Array.from({ length: 4 }, () => new Peer(group))
        let nowMs = 0
        let generation = 0
        let ids = 0
        for (const { what, who, passMs } of actions) {
          nowMs += passMs
          const peer = peers[who]!
          codeOf(() => {
            if (what === 'join' || what === 'rejoin') peer.join(nowMs, `m${ids++}`)
            else if (what === 'sync') peer.settle(nowMs)
            else if (what === 'leave') group.leave(peer.id, null, nowMs)
            else if (what === 'beat') group.heartbeat(peer.ref, nowMs)
            else if (what === 'tick') group.tick(nowMs)
            else peer.id = ''
          })
          expect(group.generation).toBeGreaterThanOrEqual(generation)
          generation = group.generation
          const leading = peers.filter(
            ({ answer }) => answer?.generation === generation && answer.members.length > 0,
          )
          expect(new Set(leading.map(({ id }) => id)).size).toBeLessThanOrEqual(1)
        }
        // Whatever happened: those who behave from now on get a working group.
        for (let round = 0; round < 8; round++) {
          nowMs += 61_000
          group.tick(nowMs)
          for (const peer of peers) {
            const code = codeOf(() => group.heartbeat(peer.ref, nowMs))
            if (code === KAFKA.UNKNOWN_MEMBER_ID) peer.id = ''
            if (code !== KAFKA.NONE || peer.sync === undefined)
              codeOf(() => peer.join(nowMs, `m${ids++}`))
          }
          for (const peer of peers) codeOf(() => peer.settle(nowMs))
          for (const peer of peers) codeOf(() => group.heartbeat(peer.ref, nowMs))
          if (group.state === 'Stable') break
        }
        expect(group.state).toBe('Stable')
        for (const peer of peers) expect(String(peer.sync?.assignment)).toBe(peer.id)
      }),
      { numRuns: 500 },
    )
  })
})
