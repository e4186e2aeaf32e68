import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignPartitions, partitionKey } from './assignment.ts'

interface Member {
  name: string
  topics: string[]
}

const topicNames = ['a', 'b', 'c']
const membersOf = fc
  .array(fc.subarray(topicNames, { minLength: 1 }), { minLength: 1, maxLength: 6 })
  .map((lists) => lists.map((topics, index): Member => ({ name: `m${index}`, topics })))
const countsOf = fc
  .tuple(fc.nat(9), fc.nat(9), fc.nat(9))
  .map((counts) => new Map(topicNames.map((name, index) => [name, counts[index]!])))

describe('assignPartitions', () => {
  it('[LG56] gives every partition that somebody wants to one member that wants it', () => {
    fc.assert(
      fc.property(membersOf, countsOf, (members, counts) => {
        const assigned = assignPartitions(members, counts, () => undefined)
        for (const [topic, count] of counts) {
          const isWanted = members.some((member) => member.topics.includes(topic))
          for (let partition = 0; partition < count; partition++) {
            const member = assigned.get(partitionKey({ topic, partition }))?.member
            if (isWanted) expect(member?.topics).toContain(topic)
            else expect(member).toBeUndefined()
          }
        }
      }),
    )
  })

  it('[LG57] is balanced within one, and moves nothing when nothing changed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 40 }),
        (size, count) => {
          const members = Array.from({ length: size }, (_, index) => ({
            name: `${index}`,
            topics: ['a'],
          }))
          const counts = new Map([['a', count]])
          const first = assignPartitions(members, counts, () => undefined)
          const loads = members.map(
            (member) => [...first.values()].filter((one) => one.member === member).length,
          )
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
          const again = assignPartitions(members, counts, (key) => first.get(key)?.member)
          for (const [key, { member }] of first) expect(again.get(key)?.member).toBe(member)
        },
      ),
    )
  })

  it('[LG58] a member that joins takes its share and no more moves', () => {
    const counts = new Map([['a', 12]])
    const members = ['x', 'y', 'z'].map((name) => ({ name, topics: ['a'] }))
    const before = assignPartitions(members.slice(0, 2), counts, () => undefined)
    const after = assignPartitions(members, counts, (key) => before.get(key)?.member)
    const moved = [...after].filter(([key, { member }]) => before.get(key)?.member !== member)
    expect(moved.length).toBe(4)
    expect(moved.every(([, { member }]) => member === members[2])).toBe(true)
  })
})
