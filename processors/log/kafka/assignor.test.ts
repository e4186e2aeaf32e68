import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import {
  decodeAssignment,
  decodeState,
  encodeAssignment,
  encodeState,
  planAssignments,
} from './assignor.ts'
import type { MemberState } from './assignor.ts'

const COUNTS = new Map([
  ['a', 6],
  ['b', 6],
])

/** A group as the coordinator sees it: members come, go and take; each does what the plan says, late. */
class TestGroup {
  readonly members = new Map<string, MemberState>()
  /** Who acts as owner, until it let go. */
  readonly owners = new Map<string, string>()
  generation = 0

  add(memberId: string, takes: readonly TopicPartition[] = []): void {
    const topics = takes.length > 0 ? [] : ['a', 'b']
    this.members.set(memberId, { topics, owned: [], generation: -1, takes })
  }

  /** A member dies: what it had is nobody's. */
  remove(memberId: string): void {
    this.members.delete(memberId)
    for (const [key, owner] of this.owners) if (owner === memberId) this.owners.delete(key)
  }

  /** Returns whether everybody is settled. */
  round(): boolean {
    this.generation++
    const list = [...this.members].map(([memberId, state]) => ({ memberId, state }))
    const plans = planAssignments(list, COUNTS)
    let isSettled = true
    for (const [memberId, { partitions, isSettled: settled }] of plans) {
      isSettled &&= settled
      for (const tp of partitions) {
        const owner = this.owners.get(partitionKey(tp))
        // Nobody is given what somebody else still has.
        expect(owner ?? memberId).toBe(memberId)
      }
    }
    for (const [memberId, { partitions }] of plans) {
      const state = this.members.get(memberId)!
      for (const tp of state.owned) this.owners.delete(partitionKey(tp))
      for (const tp of partitions) this.owners.set(partitionKey(tp), memberId)
      this.members.set(memberId, { ...state, owned: partitions, generation: this.generation })
    }
    return isSettled
  }

  settle(): void {
    for (let round = 0; round < 4; round++) if (this.round()) return
    throw new Error('the group does not settle')
  }
}

describe('who gets what', () => {
  it('[LG112] whatever comes and goes, nothing has two owners, and soon everything has one', () => {
    const random = createSeededRandom(7)
    for (let run = 0; run < 50; run++) {
      const group = new TestGroup()
      for (let step = 0; step < 30; step++) {
        const ids = [...group.members.keys()]
        if (ids.length === 0 || random.int(3) > 0) group.add(`m${run}-${step}`)
        else group.remove(random.pick(ids))
        // Often the next change comes before the last one is through.
        if (random.int(2) === 0) group.round()
        if (group.members.size === 0 || random.int(3) > 0) continue
        group.settle()
        expect(group.owners.size).toBe(12)
        for (let partition = 0; partition < 6; partition++)
          expect(group.owners.get(`a/${partition}`)).toBe(group.owners.get(`b/${partition}`))
        const loads = [...group.members.values()].map(({ owned }) => owned.length / 2)
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
      }
    }
  })

  it('[LG112] who takes partitions gets exactly these, after their owner let go, and nothing else', () => {
    const group = new TestGroup()
    group.add('x')
    group.add('y')
    group.settle()
    const before = new Map(group.owners)
    const takes = [{ topic: 'a', partition: 2 }]
    group.add('operator', takes)
    expect(group.round()).toBe(false)
    expect(group.owners.get('a/2')).toBeUndefined()
    group.round()
    expect(group.owners.get('a/2')).toBe('operator')
    expect(group.members.get('operator')?.owned).toEqual(takes)
    for (const [key, owner] of before) if (key !== 'a/2') expect(group.owners.get(key)).toBe(owner)
    group.remove('operator')
    group.settle()
    expect(group.owners.get('a/2')).toBe(group.owners.get('b/2'))
  })

  it('[LG112] of two that claim one partition the younger generation is right', () => {
    const owned = [{ topic: 'a', partition: 0 }]
    const state = { topics: ['a'], takes: [], owned }
    const plans = planAssignments(
      [
        { memberId: 'old', state: { ...state, generation: 3 } },
        { memberId: 'new', state: { ...state, generation: 5 } },
      ],
      new Map([['a', 1]]),
    )
    expect(plans.get('new')?.partitions).toEqual(owned)
    expect(plans.get('old')?.partitions).toEqual([])
  })

  it('[LG112] what members and leaders say survives the wire', () => {
    const owned = [
      { topic: 'a', partition: 1 },
      { topic: 'ä', partition: 0 },
    ]
    const state = { topics: ['a', 'ä'], owned, generation: 4, takes: [] }
    expect(decodeState(encodeState(state))).toEqual(state)
    const assignment = { partitions: owned, isSettled: true }
    expect(decodeAssignment(encodeAssignment(assignment))).toEqual(assignment)
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ partitions: [], isSettled: false })
  })
})
