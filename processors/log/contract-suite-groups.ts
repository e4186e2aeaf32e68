import { expect } from 'vitest'
import {
  A0,
  A1,
  ascending,
  B0,
  expectCode,
  joinAs,
  readAll,
  record,
  soon,
  texts,
  topic,
} from './contract-suite-kit.ts'
import type { Rules, TestMember } from './contract-suite-kit.ts'
import { COMMIT_METADATA_BYTES_MAX } from './port.ts'

/** Groups, fences, commits. */
export const groupRules: Rules = {
  '[LG16] the first member owns everything; a second takes its share': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 5 })])
    const first = await joinAs(log, 'g', ['a'])
    expect(ascending(first.owned)).toEqual([0, 1, 2, 3, 4])
    const second = await joinAs(log, 'g', ['a'])
    expect(first.owned.size + second.owned.size).toBe(5)
    expect(Math.abs(first.owned.size - second.owned.size)).toBeLessThanOrEqual(1)
    expect(ascending(first.membership.assignment().map(({ partition }) => partition))).toEqual(
      ascending(first.owned),
    )
    await first.membership.leave()
    await first.membership.leave()
    await soon(() => expect(ascending(second.owned)).toEqual([0, 1, 2, 3, 4]))
    expect(first.membership.assignment()).toEqual([])
  },

  '[LG17] after churn every partition has exactly one owner': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 7 })])
    let members: TestMember[] = []
    // Joins and leaves overlap on purpose: the adapter has to put them in order.
    for (const step of [3, -1, 4, -3, 2, -2]) {
      if (step > 0) {
        const joined = Array.from({ length: step }, () => joinAs(log, 'g', ['a']))
        members.push(...(await Promise.all(joined)))
      } else {
        const leaving = members.slice(0, -step)
        members = members.slice(-step)
        await Promise.all(leaving.map(({ membership }) => membership.leave()))
      }
      await soon(() => {
        const owned = members.flatMap((member) => [...member.owned])
        expect(ascending(owned)).toEqual([0, 1, 2, 3, 4, 5, 6])
      })
    }
  },

  '[LG18] partition n of all topics of a group goes to one member': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 4 }), topic('b', { partitions: 4 })])
    const members = await Promise.all([1, 2, 3].map(() => joinAs(log, 'g', ['a', 'b'])))
    for (const { membership } of members) {
      const byTopic = (name: string): number[] =>
        ascending(
          membership
            .assignment()
            .filter((tp) => tp.topic === name)
            .map((tp) => tp.partition),
        )
      expect(byTopic('a')).toEqual(byTopic('b'))
    }
  },

  '[LG19] groups do not know of each other': async ({ log }) => {
    await log.createTopics([topic('a')])
    const first = await joinAs(log, 'g', ['a'])
    const second = await joinAs(log, 'h', ['a'])
    expect([first.owned.size, second.owned.size]).toEqual([1, 1])
    const offset = { ...A0, offset: 0, metadata: 'of g' }
    await log.commit({ membership: first.membership, outputs: [], offsets: [offset] })
    expect(await log.committed('h', A0)).toBeUndefined()
    expect(await log.groups()).toEqual(['g', 'h'])
  },

  '[LG20] a revoked member drains and commits first, then the fence falls': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    await log.append([{ ...A1, records: [record('x'), record('y')] }])
    const offsets = [{ ...A1, offset: 2, metadata: 'drained' }]
    const first = await joinAs(log, 'g', ['a'], {
      onRevoked: async (membership) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        await log.commit({ membership, outputs: [], offsets })
      },
    })
    const seen: unknown[] = []
    const second = await log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: async () => {
        seen.push(await log.committed('g', A1))
      },
      onRevoked: async () => undefined,
    })
    expect(second.assignment()).toEqual([A1])
    expect(seen).toEqual([{ offset: 2, metadata: 'drained' }])
    const late = {
      membership: first.membership,
      outputs: [],
      offsets: [{ ...A1, offset: 1, metadata: '' }],
    }
    await expectCode('stale_owner', log.commit(late))
    expect(await log.committed('g', A1)).toEqual({ offset: 2, metadata: 'drained' })
  },

  '[LG21] a member that has left cannot commit': async ({ log }) => {
    await log.createTopics([topic('a')])
    const { membership } = await joinAs(log, 'g', ['a'])
    await membership.leave()
    const offsets = [{ ...A0, offset: 0, metadata: '' }]
    await expectCode('stale_owner', log.commit({ membership, outputs: [], offsets }))
    await expectCode('stale_owner', log.commit({ membership, outputs: [], offsets: [] }))
    expect(await log.committed('g', A0)).toBeUndefined()
  },

  '[LG22] a member whose start fails is out, and the others take over': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 4 })])
    const first = await joinAs(log, 'g', ['a'])
    const failing = log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: () => Promise.reject(new Error('cannot start')),
      onRevoked: async () => undefined,
    })
    await expect(failing).rejects.toThrow('cannot start')
    await soon(() => expect(ascending(first.owned)).toEqual([0, 1, 2, 3]))
  },

  '[LG23] new partitions of a topic find an owner': async ({ log }) => {
    await log.createTopics([topic('a')])
    const member = await joinAs(log, 'g', ['a'])
    await log.createTopics([topic('a', { partitions: 3 })])
    await soon(() => expect(ascending(member.owned)).toEqual([0, 1, 2]))
  },

  '[LG24] commit metadata of up to 4096 bytes comes back exactly; more is refused': async ({
    log,
  }) => {
    await log.createTopics([topic('a')])
    await log.append([{ ...A0, records: [record('x')] }])
    const { membership } = await joinAs(log, 'g', ['a'])
    const commit = (metadata: string, offset = 1): Promise<void> =>
      log.commit({ membership, outputs: [], offsets: [{ ...A0, offset, metadata }] })
    for (const metadata of ['', '{"epoch":2,"hi":10}', 'ä€😀'.repeat(100), 'x'.repeat(4096)]) {
      await commit(metadata)
      expect(await log.committed('g', A0)).toEqual({ offset: 1, metadata })
    }
    await expectCode('invalid_request', commit('x'.repeat(COMMIT_METADATA_BYTES_MAX + 1), 0))
    await expectCode('invalid_request', commit('€'.repeat(1366), 0))
    await expectCode('invalid_request', commit('', -1))
    expect((await log.committed('g', A0))?.offset).toBe(1)
  },

  '[LG25] outputs and offsets of one unit appear together or not at all': async ({ log }) => {
    await log.createTopics([topic('a'), topic('b', { partitions: 2 })])
    await log.append([{ ...A0, records: [record('in')] }])
    const { membership } = await joinAs(log, 'g', ['a'])
    const outputs = [0, 1].map((partition) => ({ topic: 'b', partition, records: [record('out')] }))
    await log.commit({ membership, outputs, offsets: [{ ...A0, offset: 1, metadata: 'm' }] })
    expect(await log.committed('g', A0)).toEqual({ offset: 1, metadata: 'm' })
    const both = [0, 1].map((partition) => ({ topic: 'b', partition }))
    for (const tp of both) expect(texts(await readAll(log, tp))).toEqual(['out'])
    // Where it lies is not promised: a commit that had to be begun again leaves a marker in front.
    const ends = await Promise.all(both.map((tp) => log.endOffset(tp)))

    const unknown = [...outputs, { topic: 'c', partition: 0, records: [record('out')] }]
    const offsets = [{ ...A0, offset: 0, metadata: 'again' }]
    await expectCode('unknown_topic', log.commit({ membership, outputs: unknown, offsets }))
    const tooLong = [{ ...A0, offset: 0, metadata: 'x'.repeat(5000) }]
    await expectCode('invalid_request', log.commit({ membership, outputs, offsets: tooLong }))
    expect(await Promise.all(both.map((tp) => log.endOffset(tp)))).toEqual(ends)
    for (const tp of both) expect(texts(await readAll(log, tp))).toEqual(['out'])
    expect((await log.committed('g', A0))?.offset).toBe(1)
  },

  '[LG26] a refused commit leaves no outputs': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 }), topic('b')])
    const first = await joinAs(log, 'g', ['a'])
    await joinAs(log, 'g', ['a'])
    const outputs = [{ ...B0, records: [record('zombie')] }]
    const offsets = [A0, A1].map((tp) => ({ ...tp, offset: 0, metadata: '' }))
    await expectCode('stale_owner', log.commit({ membership: first.membership, outputs, offsets }))
    expect(await log.endOffset(B0)).toBe(0)
    expect(await log.committed('g', A0)).toBeUndefined()
  },

  '[LG27] a reset takes the partitions from their owners and gives them back': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    await log.append([{ ...A0, records: [record('x'), record('y')] }])
    const member = await joinAs(log, 'g', ['a'])
    const { membership } = member
    const commit = (offset: number): Promise<void> =>
      log.commit({ membership, outputs: [], offsets: [{ ...A0, offset, metadata: 'm' }] })
    await commit(2)
    await log.resetOffsets('g', [{ ...A0, offset: 1, metadata: '' }])
    expect(member.revocations).toBe(1)
    await soon(() => expect(ascending(member.owned)).toEqual([0, 1]))
    expect(await log.committed('g', A0)).toEqual({ offset: 1, metadata: '' })
    await commit(2)
    expect(await log.committed('g', A0)).toEqual({ offset: 2, metadata: 'm' })
  },

  '[LG28] a reset moves offsets, over what was drained, and partitions come again': async ({
    log,
  }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    await log.append([{ ...A0, records: [record('x'), record('y')] }])
    const member = await joinAs(log, 'g', ['a'], {
      onRevoked: async (membership) => {
        await log.commit({
          membership,
          outputs: [],
          offsets: [{ ...A0, offset: 2, metadata: 'drain' }],
        })
      },
    })
    await log.resetOffsets('g', [{ ...A0, offset: 1, metadata: 'epoch 2' }])
    expect(await log.committed('g', A0)).toEqual({ offset: 1, metadata: 'epoch 2' })
    await soon(() => expect(ascending(member.owned)).toEqual([0, 1]))
    await expectCode(
      'offset_out_of_range',
      log.resetOffsets('g', [{ ...A0, offset: 3, metadata: '' }]),
    )
    await log.resetOffsets('never joined', [{ ...A0, offset: 0, metadata: '' }])
    expect((await log.committed('never joined', A0))?.offset).toBe(0)
  },

  '[LG29] lag shows committed and end offset of every partition committed': async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    await log.append([A0, A1].map((tp) => ({ ...tp, records: [record('x'), record('y')] })))
    const { membership } = await joinAs(log, 'g', ['a'])
    await log.commit({ membership, outputs: [], offsets: [{ ...A0, offset: 1, metadata: '' }] })
    expect(await log.lag('g')).toEqual([{ ...A0, committed: 1, end: 2 }])
    await log.commit({ membership, outputs: [], offsets: [{ ...A1, offset: 2, metadata: '' }] })
    await log.append([{ ...A1, records: [record('z')] }])
    expect(await log.lag('g')).toEqual([
      { ...A0, committed: 1, end: 2 },
      { ...A1, committed: 2, end: 3 },
    ])
    expect(await log.lag('nobody')).toEqual([])
  },
}
