import { expect, vi } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'
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
  /** Retention and compaction are somebody else's, at times of their own: `maintain` does nothing. */
  maintainsItself?: boolean
  dispose(): Promise<void>
}

/** Rules by their title, which begins with their number in SPEC.md. */
export type Rules = Readonly<Record<string, (fixture: LogFixture) => Promise<void>>>

export const A0: TopicPartition = { topic: 'a', partition: 0 }
export const A1: TopicPartition = { topic: 'a', partition: 1 }
export const B0: TopicPartition = { topic: 'b', partition: 0 }
export const NOW_MS = 1_800_000_000_000
export const READ_ALL = { bytesMax: 64 * 1024 * 1024, waitMs: 0 }

export function topic(name: string, extra: Partial<TopicConfig> = {}): TopicConfig {
  const unlimited = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  return { name, partitions: 1, ...unlimited, ...extra }
}

export function record(value: string | null, extra: Partial<ProducedRecord> = {}): ProducedRecord {
  return {
    key: null,
    value: value === null ? null : Buffer.from(value),
    timestampMs: NOW_MS,
    ...extra,
  }
}

export function keyed(key: string, value: string | null, timestampMs = NOW_MS): ProducedRecord {
  return record(value, { key: Buffer.from(key), timestampMs })
}

export function texts(records: readonly ConsumedRecord[]): (string | null)[] {
  return records.map(({ value }) => value && value.toString())
}

/** Everything from `from` to the end, however small the reads. */
export async function readAll(
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

export async function expectCode(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  const outcome = await work.then(
    () => 'nothing thrown',
    (error: unknown) => (isFaultlineError(error) ? error.code : error),
  )
  expect(outcome).toBe(code)
}

/**
 * Groups of other processes learn of a change by their next heartbeat: what follows from a join, a leave or a reset
 * holds soon, in one process at once.
 */
export async function soon(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 10_000, interval: 20 })
}

/** A member that notes what happens to it. */
export interface TestMember {
  membership: GroupMembership
  owned: Set<number>
  revocations: number
}

export interface MemberHooks {
  onRevoked?: (membership: GroupMembership) => Promise<void>
}

export async function joinAs(
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

export function ascending(numbers: Iterable<number>): number[] {
  return [...numbers].toSorted((a, b) => a - b)
}
