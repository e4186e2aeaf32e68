import { afterEach, describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'
import { COMMIT_METADATA_BYTES_MAX } from './port.ts'
import type {
  ConsumedRecord,
  GroupMembership,
  Log,
  ProducedRecord,
  TopicConfig,
  TopicPartition,
} from './port.ts'

/** One log under test. */
export interface LogFixture {
  log: Log
  /** Closes the log and opens it again over the same data; absent where nothing outlives the log. */
  reopen?: (() => Promise<Log>) | undefined
  dispose(): Promise<void>
}

export interface ContractOptions {
  /** Numbers of the rules this adapter cannot keep, with the reason: they must fail, not be skipped. */
  expectedFailures?: Readonly<Record<string, string>>
}

const NOW_MS = 1_800_000_000_000
const READ_ALL = { bytesMax: 64 * 1024 * 1024, waitMs: 0 }

function topic(name: string, extra: Partial<TopicConfig> = {}): TopicConfig {
  const unlimited = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  return { name, partitions: 1, ...unlimited, ...extra }
}

function record(value: string | null, extra: Partial<ProducedRecord> = {}): ProducedRecord {
  return {
    key: null,
    value: value === null ? null : Buffer.from(value),
    timestampMs: NOW_MS,
    ...extra,
  }
}

function keyed(key: string, value: string | null, timestampMs = NOW_MS): ProducedRecord {
  return record(value, { key: Buffer.from(key), timestampMs })
}

function texts(records: readonly ConsumedRecord[]): (string | null)[] {
  return records.map(({ value }) => value && value.toString())
}

/** Everything from `from` to the end, however small the reads. */
async function readAll(
  log: Log,
  tp: TopicPartition,
  { from = 0, bytesMax = 1024 * 1024 } = {},
): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = []
  let next = from
  const end = await log.endOffset(tp)
  while (next < end) {
    const part = await log.read(tp, next, { bytesMax, waitMs: 0 })
    expect(part.length, 'a read below the end gives at least one record').toBeGreaterThan(0)
    records.push(...part)
    next = part.at(-1)!.offset + 1
  }
  return records
}

async function expectCode(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  const outcome = await work.then(
    () => 'nothing thrown',
    (error: unknown) => (isFaultlineError(error) ? error.code : error),
  )
  expect(outcome).toBe(code)
}

/** A member that notes what happens to it. */
interface TestMember {
  membership: GroupMembership
  owned: Set<number>
  revocations: number
}

interface MemberHooks {
  onRevoked?: (membership: GroupMembership) => Promise<void>
}

async function joinAs(
  log: Log,
  group: string,
  topics: readonly string[],
  hooks: MemberHooks = {},
): Promise<TestMember> {
  const owned = new Set<number>()
  const state = { revocations: 0 }
  let known: GroupMembership | undefined
  const membership = await log.join({
    group,
    topics,
    onAssigned: async (partitions, member) => {
      known = member
      for (const { partition } of partitions) owned.add(partition)
    },
    onRevoked: async (partitions) => {
      state.revocations++
      if (known !== undefined) await hooks.onRevoked?.(known)
      for (const { partition } of partitions) owned.delete(partition)
    },
  })
  return Object.assign(state, { membership, owned })
}

/**
 * What every adapter of the port must do; the numbers are those of SPEC.md. `makeLog` gives an empty log that
 * rolls small segments, where it has any.
 */
export function describeLogContract(
  name: string,
  makeLog: () => Promise<LogFixture>,
  { expectedFailures = {} }: ContractOptions = {},
): void {
  describe(`log contract: ${name}`, () => {
    let open: LogFixture | undefined
    afterEach(async () => {
      await open?.dispose()
      open = undefined
    })

    const rule = (title: string, test: (fixture: LogFixture) => Promise<void>): void => {
      const number = /^\[(\w+)\]/.exec(title)?.[1] ?? ''
      const reason = expectedFailures[number]
      const run = async (): Promise<void> => {
        open = await makeLog()
        await test(open)
      }
      if (reason === undefined) it(title, run)
      else it.fails(`${title} (cannot: ${reason})`, run)
    }

    describeRecords(rule)
    describeReads(rule)
    describeGroups(rule)
    describeCommits(rule)
    describeUpkeep(rule)
    describeLifetime(rule)
  })
}

type Rule = (title: string, test: (fixture: LogFixture) => Promise<void>) => void

const A0: TopicPartition = { topic: 'a', partition: 0 }
const A1: TopicPartition = { topic: 'a', partition: 1 }
const B0: TopicPartition = { topic: 'b', partition: 0 }

function describeRecords(rule: Rule): void {
  rule('[LG1] offsets are dense, start at 0 and follow the order of appending', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    const first = await log.append([{ ...A0, records: [record('0'), record('1')] }])
    expect(first).toEqual([{ ...A0, baseOffset: 0, count: 2 }])
    const appends = []
    for (let index = 2; index < 40; index++) {
      appends.push(log.append([{ ...A0, records: [record(String(index))] }]))
    }
    const results = await Promise.all(appends)
    expect(results.map(([result]) => result?.baseOffset)).toEqual(
      appends.map((_, index) => index + 2),
    )
    const records = await readAll(log, A0)
    expect(records.map(({ offset }) => offset)).toEqual(records.map((_, index) => index))
    expect(texts(records)).toEqual(records.map((_, index) => String(index)))
    expect(await log.endOffset(A0)).toBe(40)
    expect(await log.endOffset(A1)).toBe(0)
  })

  rule(
    '[LG2] results are in the order of the batches, also of one partition twice',
    async ({ log }) => {
      await log.createTopics([topic('a', { partitions: 2 }), topic('b')])
      const results = await log.append([
        { ...A1, records: [record('x')] },
        { ...B0, records: [record('y'), record('z')] },
        { ...A1, records: [] },
        { ...A1, records: [record('w')] },
      ])
      expect(results).toEqual([
        { ...A1, baseOffset: 0, count: 1 },
        { ...B0, baseOffset: 0, count: 2 },
        { ...A1, baseOffset: 1, count: 0 },
        { ...A1, baseOffset: 1, count: 1 },
      ])
      expect(texts(await readAll(log, A1))).toEqual(['x', 'w'])
      expect(await log.append([])).toEqual([])
    },
  )

  rule('[LG3] keys, values, headers and timestamps come back as they were', async ({ log }) => {
    await log.createTopics([topic('a')])
    const bytes = Buffer.from([0, 255, 128, 10])
    const headers = { stage: Buffer.from('spike'), '': Buffer.alloc(0), ключ: bytes }
    const records: ProducedRecord[] = [
      { key: bytes, value: bytes, timestampMs: NOW_MS, headers },
      { key: null, value: Buffer.alloc(0), timestampMs: 0 },
      { key: Buffer.alloc(0), value: null, timestampMs: NOW_MS - 86_400_000_000 },
      { key: Buffer.alloc(100, 1), value: Buffer.alloc(70_000, 2), timestampMs: -5 },
    ]
    await log.append([{ ...A0, records }])
    const back = await readAll(log, A0)
    for (const [index, want] of records.entries()) {
      const got = back[index]
      expect(got?.key).toEqual(want.key)
      expect(got?.value).toEqual(want.value)
      expect(got?.timestampMs).toBe(want.timestampMs)
      expect({ ...got?.headers }).toEqual({ ...want.headers })
    }
  })

  rule('[LG4] a header named __proto__ is a header like any other', async ({ log }) => {
    await log.createTopics([topic('a')])
    const headers = Object.fromEntries([['__proto__', Buffer.from('polluted')]])
    await log.append([{ ...A0, records: [record('x', { headers })] }])
    const [back] = await readAll(log, A0)
    expect(Object.entries(back?.headers ?? {})).toEqual([['__proto__', Buffer.from('polluted')]])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  rule('[LG5] a record of several megabytes and many small ones pass', async ({ log }) => {
    await log.createTopics([topic('a')])
    const big = Buffer.alloc(5 * 1024 * 1024, 'big')
    const small = Array.from({ length: 3000 }, (_, index) => record(`small ${index}`))
    await log.append([{ ...A0, records: [record('before'), record(null, { value: big })] }])
    await log.append([{ ...A0, records: small }])
    const [found] = await log.read(A0, 1, { bytesMax: 10, waitMs: 0 })
    expect(found?.value?.equals(big)).toBe(true)
    expect(texts(await readAll(log, A0, { from: 2, bytesMax: 500 }))).toEqual(
      small.map(({ value }) => String(value)),
    )
  })

  rule('[LG6] the buffers given may be used again after the append', async ({ log }) => {
    await log.createTopics([topic('a')])
    const reused = Buffer.from('first!')
    await log.append([{ ...A0, records: [record(null, { key: reused, value: reused })] }])
    reused.write('second')
    await log.append([{ ...A0, records: [record(null, { key: reused, value: reused })] }])
    reused.fill(0)
    expect(texts(await readAll(log, A0))).toEqual(['first!', 'second'])
  })

  rule(
    '[LG7] unknown topics and partitions are refused, and nothing of the call is kept',
    async ({ log }) => {
      await log.createTopics([topic('a')])
      const good = { ...A0, records: [record('x')] }
      await expectCode('unknown_topic', log.append([good, { ...B0, records: [record('y')] }]))
      await expectCode('unknown_topic', log.append([good, { ...A1, records: [record('y')] }]))
      await expectCode('unknown_topic', log.read(A1, 0, READ_ALL))
      await expectCode('unknown_topic', log.endOffset(B0))
      await expectCode('unknown_topic', log.beginningOffset(B0))
      await expectCode('unknown_topic', joinAs(log, 'g', ['b']))
      expect(await log.endOffset(A0)).toBe(0)
    },
  )

  rule('[LG8] records and topics that cannot be kept are refused whole', async ({ log }) => {
    await log.createTopics([topic('a'), topic('b', { compacted: true })])
    const bad = [record('x'), record('y', { timestampMs: 1.5 })]
    await expectCode('invalid_request', log.append([{ ...A0, records: bad }]))
    await expectCode('invalid_request', log.append([{ ...B0, records: [record('no key')] }]))
    expect(await log.endOffset(A0)).toBe(0)
    for (const name of ['', '.', '..', 'a/b', 'ä', 'x'.repeat(250)]) {
      await expectCode('invalid_request', log.createTopics([topic(name)]))
    }
    await expectCode('invalid_request', log.createTopics([topic('c', { partitions: 0 })]))
    expect((await log.topics()).map(({ name }) => name)).toEqual(['a', 'b'])
  })

  rule(
    '[LG9] declaring a topic again changes retention and never takes partitions away',
    async ({ log }) => {
      await log.createTopics([topic('a', { partitions: 3 })])
      await log.append([{ ...A0, records: [record('x')] }])
      await log.createTopics([topic('a', { partitions: 2, retentionMs: 5, compacted: true })])
      expect(await log.topics()).toEqual([
        topic('a', { partitions: 3, retentionMs: 5, compacted: true }),
      ])
      await log.createTopics([topic('a', { partitions: 4 })])
      expect((await log.topics())[0]?.partitions).toBe(4)
      expect(texts(await readAll(log, A0))).toEqual(['x'])
      expect(await log.endOffset({ topic: 'a', partition: 3 })).toBe(0)
    },
  )
}

function describeReads(rule: Rule): void {
  rule(
    '[LG10] a read starts at its offset and returns about as much as asked, at least one',
    async ({ log }) => {
      await log.createTopics([topic('a')])
      for (let group = 0; group < 20; group++) {
        const records = Array.from({ length: 10 }, (_, index) => record(`${group * 10 + index}`))
        await log.append([{ ...A0, records }])
      }
      for (const from of [0, 1, 9, 10, 57, 199]) {
        const [first] = await log.read(A0, from, { bytesMax: 1, waitMs: 0 })
        expect(first?.offset).toBe(from)
      }
      const some = await log.read(A0, 0, { bytesMax: 1000, waitMs: 0 })
      expect(some.length).toBeGreaterThan(5)
      expect(some.length).toBeLessThan(150)
      expect(texts(await readAll(log, A0, { bytesMax: 300 }))).toEqual(
        Array.from({ length: 200 }, (_, index) => String(index)),
      )
    },
  )

  rule('[LG11] offsets outside the log are refused; the end itself is empty', async ({ log }) => {
    await log.createTopics([topic('a')])
    expect(await log.read(A0, 0, READ_ALL)).toEqual([])
    await log.append([{ ...A0, records: [record('x')] }])
    expect(await log.read(A0, 1, READ_ALL)).toEqual([])
    await expectCode('offset_out_of_range', log.read(A0, 2, READ_ALL))
    await expectCode('offset_out_of_range', log.read(A0, -1, READ_ALL))
  })

  rule('[LG12] a waiting read wakes with the append, for its partition only', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    const waiting = log.read(A0, 0, { bytesMax: 1000, waitMs: 10_000 })
    const other = log.read(A1, 0, { bytesMax: 1000, waitMs: 150 })
    await log.append([{ ...A0, records: [record('x'), record('y')] }])
    expect(texts(await waiting)).toEqual(['x', 'y'])
    expect(await other).toEqual([])
  })

  rule(
    '[LG13] a waiting read ends empty after its time, on abort and on close',
    async ({ log }) => {
      await log.createTopics([topic('a')])
      expect(await log.read(A0, 0, { bytesMax: 1000, waitMs: 20 })).toEqual([])
      const abort = new AbortController()
      const aborted = log.read(A0, 0, { bytesMax: 1000, waitMs: 60_000, signal: abort.signal })
      abort.abort()
      expect(await aborted).toEqual([])
      const closing = log.read(A0, 0, { bytesMax: 1000, waitMs: 60_000 })
      await log.close()
      expect(await closing).toEqual([])
    },
  )

  rule('[LG14] all batches of one append become visible together', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 })])
    let isDone = false
    const look = async (): Promise<void> => {
      while (!isDone) {
        // Read in this order, the second end can only be ahead when both became visible at once.
        const [first, second] = await Promise.all([log.endOffset(A0), log.endOffset(A1)])
        expect(second).toBe(first)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const looking = look()
    for (let index = 0; index < 50; index++) {
      await log.append([A0, A1].map((tp) => ({ ...tp, records: [record(`${index}`)] })))
    }
    isDone = true
    await looking
  })

  rule('[LG15] the offset for a timestamp is the first record at or after it', async ({ log }) => {
    await log.createTopics([topic('a')])
    expect(await log.offsetForTimestamp(A0, 0)).toBe(0)
    const stamps = [1000, 3000, 2000, 5000, 4000]
    for (let round = 0; round < 300; round++) {
      const records = stamps.map((stamp) =>
        record('x'.repeat(40), { timestampMs: stamp + round * 10_000 }),
      )
      await log.append([{ ...A0, records }])
    }
    const expected = (timestampMs: number): number => {
      for (let offset = 0; offset < 1500; offset++) {
        if (stamps[offset % 5]! + Math.floor(offset / 5) * 10_000 >= timestampMs) return offset
      }
      return 1500
    }
    for (const timestampMs of [
      0, 1000, 1001, 2500, 3500, 5001, 1_504_000, 2_994_500, 2_995_000, 1e12,
    ]) {
      expect(await log.offsetForTimestamp(A0, timestampMs), `at ${timestampMs}`).toBe(
        expected(timestampMs),
      )
    }
  })
}

function describeGroups(rule: Rule): void {
  rule('[LG16] the first member owns everything; a second takes its share', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 5 })])
    const first = await joinAs(log, 'g', ['a'])
    expect([...first.owned].toSorted()).toEqual([0, 1, 2, 3, 4])
    const second = await joinAs(log, 'g', ['a'])
    expect(first.owned.size + second.owned.size).toBe(5)
    expect(Math.abs(first.owned.size - second.owned.size)).toBeLessThanOrEqual(1)
    expect(
      first.membership
        .assignment()
        .map(({ partition }) => partition)
        .toSorted(),
    ).toEqual([...first.owned].toSorted())
    await first.membership.leave()
    await first.membership.leave()
    expect([...second.owned].toSorted()).toEqual([0, 1, 2, 3, 4])
    expect(first.membership.assignment()).toEqual([])
  })

  rule('[LG17] after churn every partition has exactly one owner', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 7 })])
    let members: TestMember[] = []
    // Joins and leaves overlap on purpose: the adapter has to put them in order.
    for (const step of [3, -1, 4, -3, 2, -2]) {
      if (step > 0) {
        const joined = Array.from({ length: step }, () => joinAs(log, 'g', ['a']))
        members = [...members, ...(await Promise.all(joined))]
      } else {
        const leaving = members.slice(0, -step)
        members = members.slice(-step)
        await Promise.all(leaving.map(({ membership }) => membership.leave()))
      }
      const owned = members.flatMap((member) => [...member.owned])
      expect(owned.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6])
    }
  })

  rule('[LG18] partition n of all topics of a group goes to one member', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 4 }), topic('b', { partitions: 4 })])
    const members = await Promise.all([1, 2, 3].map(() => joinAs(log, 'g', ['a', 'b'])))
    for (const { membership } of members) {
      const byTopic = (name: string): number[] =>
        membership
          .assignment()
          .filter((tp) => tp.topic === name)
          .map((tp) => tp.partition)
          .toSorted()
      expect(byTopic('a')).toEqual(byTopic('b'))
    }
  })

  rule('[LG19] groups do not know of each other', async ({ log }) => {
    await log.createTopics([topic('a')])
    const first = await joinAs(log, 'g', ['a'])
    const second = await joinAs(log, 'h', ['a'])
    expect([first.owned.size, second.owned.size]).toEqual([1, 1])
    const offset = { ...A0, offset: 0, metadata: 'of g' }
    await log.commit({ membership: first.membership, outputs: [], offsets: [offset] })
    expect(await log.committed('h', A0)).toBeUndefined()
    expect(await log.groups()).toEqual(['g', 'h'])
  })

  rule(
    '[LG20] a revoked member drains and commits first, then the fence falls',
    async ({ log }) => {
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
  )

  rule('[LG21] a member that has left cannot commit', async ({ log }) => {
    await log.createTopics([topic('a')])
    const { membership } = await joinAs(log, 'g', ['a'])
    await membership.leave()
    const offsets = [{ ...A0, offset: 0, metadata: '' }]
    await expectCode('stale_owner', log.commit({ membership, outputs: [], offsets }))
    await expectCode('stale_owner', log.commit({ membership, outputs: [], offsets: [] }))
    expect(await log.committed('g', A0)).toBeUndefined()
  })

  rule('[LG22] a member whose start fails is out, and the others take over', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 4 })])
    const first = await joinAs(log, 'g', ['a'])
    const failing = log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: () => Promise.reject(new Error('cannot start')),
      onRevoked: async () => undefined,
    })
    await expect(failing).rejects.toThrow('cannot start')
    expect([...first.owned].toSorted()).toEqual([0, 1, 2, 3])
  })

  rule('[LG23] new partitions of a topic find an owner', async ({ log }) => {
    await log.createTopics([topic('a')])
    const member = await joinAs(log, 'g', ['a'])
    await log.createTopics([topic('a', { partitions: 3 })])
    expect([...member.owned].toSorted()).toEqual([0, 1, 2])
  })
}

function describeCommits(rule: Rule): void {
  rule(
    '[LG24] commit metadata of up to 4096 bytes comes back exactly; more is refused',
    async ({ log }) => {
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
  )

  rule('[LG25] outputs and offsets of one unit appear together or not at all', async ({ log }) => {
    await log.createTopics([topic('a'), topic('b', { partitions: 2 })])
    await log.append([{ ...A0, records: [record('in')] }])
    const { membership } = await joinAs(log, 'g', ['a'])
    const outputs = [0, 1].map((partition) => ({ topic: 'b', partition, records: [record('out')] }))
    await log.commit({ membership, outputs, offsets: [{ ...A0, offset: 1, metadata: 'm' }] })
    expect(await log.committed('g', A0)).toEqual({ offset: 1, metadata: 'm' })
    expect(texts(await readAll(log, { topic: 'b', partition: 1 }))).toEqual(['out'])

    const unknown = [...outputs, { topic: 'c', partition: 0, records: [record('out')] }]
    const offsets = [{ ...A0, offset: 0, metadata: 'again' }]
    await expectCode('unknown_topic', log.commit({ membership, outputs: unknown, offsets }))
    const tooLong = [{ ...A0, offset: 0, metadata: 'x'.repeat(5000) }]
    await expectCode('invalid_request', log.commit({ membership, outputs, offsets: tooLong }))
    expect(await log.endOffset({ topic: 'b', partition: 0 })).toBe(1)
    expect((await log.committed('g', A0))?.offset).toBe(1)
  })

  rule('[LG26] a refused commit leaves no outputs', async ({ log }) => {
    await log.createTopics([topic('a', { partitions: 2 }), topic('b')])
    const first = await joinAs(log, 'g', ['a'])
    await joinAs(log, 'g', ['a'])
    const outputs = [{ ...B0, records: [record('zombie')] }]
    const offsets = [A0, A1].map((tp) => ({ ...tp, offset: 0, metadata: '' }))
    await expectCode('stale_owner', log.commit({ membership: first.membership, outputs, offsets }))
    expect(await log.endOffset(B0)).toBe(0)
    expect(await log.committed('g', A0)).toBeUndefined()
  })

  rule('[LG27] a commit in flight cannot pass the fence of a reset', async ({ log }) => {
    await log.createTopics([topic('a'), topic('b')])
    await log.append([{ ...A0, records: [record('x'), record('y')] }])
    const member = await joinAs(log, 'g', ['a'])
    const { membership } = member
    await log.commit({ membership, outputs: [], offsets: [{ ...A0, offset: 2, metadata: 'm' }] })
    let late: Promise<void> | undefined
    await log.resetOffsets('g', [{ ...A0, offset: 1, metadata: '' }]).then(() => {
      late = log.commit({
        membership,
        outputs: [],
        offsets: [{ ...A0, offset: 2, metadata: 'new' }],
      })
    })
    expect(member.revocations).toBe(1)
    expect([...member.owned]).toEqual([0])
    // After the new assignment the same membership commits again.
    await late
    expect(await log.committed('g', A0)).toEqual({ offset: 2, metadata: 'new' })
  })

  rule(
    '[LG28] a reset moves offsets, over what was drained, and partitions come again',
    async ({ log }) => {
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
      expect([...member.owned].toSorted()).toEqual([0, 1])
      await expectCode(
        'offset_out_of_range',
        log.resetOffsets('g', [{ ...A0, offset: 3, metadata: '' }]),
      )
      await log.resetOffsets('never joined', [{ ...A0, offset: 0, metadata: '' }])
      expect((await log.committed('never joined', A0))?.offset).toBe(0)
    },
  )

  rule(
    '[LG29] lag shows committed and end offset of every partition committed',
    async ({ log }) => {
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
  )
}

function describeUpkeep(rule: Rule): void {
  rule(
    '[LG30] retention by time moves the beginning and keeps what is younger',
    async ({ log }) => {
      await log.createTopics([topic('a', { retentionMs: 60_000 })])
      for (let index = 0; index < 100; index++) {
        const timestampMs = NOW_MS + index * 1000
        await log.append([{ ...A0, records: [record('x'.repeat(100), { timestampMs })] }])
      }
      await log.maintain(NOW_MS + 30_000)
      expect(await log.beginningOffset(A0)).toBe(0)
      await log.maintain(NOW_MS + 120_000)
      const begin = await log.beginningOffset(A0)
      expect(begin).toBeGreaterThan(30)
      expect(begin).toBeLessThanOrEqual(60)
      expect((await readAll(log, A0, { from: begin })).map(({ offset }) => offset)).toEqual(
        Array.from({ length: 100 - begin }, (_, index) => begin + index),
      )
      await expectCode('offset_out_of_range', log.read(A0, begin - 1, READ_ALL))
      await log.maintain(NOW_MS + 10_000_000)
      expect(await log.beginningOffset(A0)).toBe(100)
      expect(await log.append([{ ...A0, records: [record('next')] }])).toEqual([
        { ...A0, baseOffset: 100, count: 1 },
      ])
      expect(texts(await readAll(log, A0, { from: 100 }))).toEqual(['next'])
    },
  )

  rule(
    '[LG31] retention by size moves the beginning and keeps about that much',
    async ({ log }) => {
      await log.createTopics([topic('a', { retentionBytes: 20_000 })])
      for (let index = 0; index < 100; index++) {
        await log.append([{ ...A0, records: [record('x'.repeat(1000))] }])
      }
      await log.maintain(NOW_MS)
      const kept = 100 - (await log.beginningOffset(A0))
      expect(kept).toBeGreaterThanOrEqual(18)
      expect(kept).toBeLessThanOrEqual(35)
    },
  )

  rule('[LG32] compaction keeps the last value of each key, and offsets', async ({ log }) => {
    await log.createTopics([topic('a', { compacted: true })])
    const last = new Map<string, { offset: number; value: string }>()
    for (let index = 0; index < 300; index++) {
      const key = `k${(index * 7) % 20}`
      await log.append([{ ...A0, records: [keyed(key, `v${index}`)] }])
      last.set(key, { offset: index, value: `v${index}` })
    }
    await log.maintain(NOW_MS)
    const records = await readAll(log, A0)
    const seen = records.map(({ key, offset, value }) => [
      String(key),
      { offset, value: String(value) },
    ])
    expect(seen.length).toBe(20)
    expect(new Map(seen as [string, { offset: number; value: string }][])).toEqual(last)
    expect(await log.endOffset(A0)).toBe(300)
    await log.append([{ ...A0, records: [keyed('k0', 'newest'), keyed('new', 'x')] }])
    await log.maintain(NOW_MS)
    const again = await readAll(log, A0)
    expect(again.length).toBe(21)
    expect(again.map(({ offset }) => offset).slice(-2)).toEqual([300, 301])
    const [first] = await log.read(A0, 0, { bytesMax: 1, waitMs: 0 })
    expect(first?.offset).toBe(again[0]?.offset)
  })

  rule('[LG33] a tombstone deletes its key and goes a day later itself', async ({ log }) => {
    await log.createTopics([topic('a', { compacted: true })])
    await log.append([
      {
        ...A0,
        records: [keyed('gone', 'v'), keyed('kept', 'v'), keyed('gone', null), keyed('z', 'z')],
      },
    ])
    await log.maintain(NOW_MS + 3_600_000)
    const keys = async (): Promise<string[]> =>
      (await readAll(log, A0)).map(({ key, value }) => `${String(key)}=${String(value)}`)
    expect(await keys()).toEqual(['kept=v', 'gone=null', 'z=z'])
    await log.maintain(NOW_MS + 2 * 86_400_000)
    expect(await keys()).toEqual(['kept=v', 'z=z'])
  })

  rule(
    '[LG34] the last record of a compacted partition stays, so that reads go on',
    async ({ log }) => {
      await log.createTopics([topic('a', { compacted: true })])
      await log.append([{ ...A0, records: [keyed('k', 'v'), keyed('k', null)] }])
      await log.maintain(NOW_MS + 10 * 86_400_000)
      expect((await readAll(log, A0)).map(({ offset, value }) => [offset, value])).toEqual([
        [1, null],
      ])
    },
  )
}

function describeLifetime(rule: Rule): void {
  rule('[LG35] everything is there after the log was opened again', async ({ log, reopen }) => {
    await log.createTopics([
      topic('a', { partitions: 2, retentionMs: 5e9 }),
      topic('b', { compacted: true }),
    ])
    for (let index = 0; index < 200; index++) {
      await log.append([{ ...A0, records: [keyed(`${index}`, 'x'.repeat(50))] }])
    }
    await log.append([{ ...B0, records: [keyed('k', 'old'), keyed('k', 'new')] }])
    await log.maintain(NOW_MS)
    const { membership } = await joinAs(log, 'g', ['a'])
    await log.commit({
      membership,
      outputs: [],
      offsets: [{ ...A0, offset: 77, metadata: 'intent' }],
    })
    const before = await readAll(log, A0)
    const topics = await log.topics()

    expect(reopen, 'this log outlives its process').toBeDefined()
    const again = await reopen!()
    expect(await again.topics()).toEqual(topics)
    expect(await readAll(again, A0)).toEqual(before)
    expect(texts(await readAll(again, B0))).toEqual(['new'])
    expect(await again.committed('g', A0)).toEqual({ offset: 77, metadata: 'intent' })
    expect(await again.groups()).toEqual(['g'])
    const next = await again.append([{ ...A0, records: [record('next')] }])
    expect(next[0]?.baseOffset).toBe(200)
    expect(await again.offsetForTimestamp(A0, NOW_MS)).toBe(0)
  })

  rule('[LG36] a closed log refuses work; closing twice is fine', async ({ log }) => {
    await log.createTopics([topic('a')])
    const pending = log.append([{ ...A0, records: [record('x')] }])
    await log.close()
    await log.close()
    expect(await pending).toEqual([{ ...A0, baseOffset: 0, count: 1 }])
    await expectCode('log_unavailable', log.append([{ ...A0, records: [record('x')] }]))
    await expectCode('log_unavailable', log.read(A0, 0, READ_ALL))
    await expectCode('log_unavailable', joinAs(log, 'g', ['a']))
  })
}
