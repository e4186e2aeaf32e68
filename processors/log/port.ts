/**
 * The log port: everything the platform knows about Kafka. Adapters: `memory` (tests, simulation),
 * `embedded` (the durable default), `kafka` (any broker). One contract suite (contract-suite.ts) runs on all.
 *
 * Words. An *offset* always means the NEXT record: `endOffset` is where the next append lands, a committed
 * offset is the next record to read. Offsets of a partition ascend and start at 0, and the records of one append
 * are dense; retention moves the beginning up. There may be holes: compaction makes them, and on Kafka the markers
 * of transactions take offsets. The end is behind the last record, so that who has read everything has no lag.
 */

export interface TopicPartition {
  topic: string
  partition: number
}

export interface TopicConfig {
  name: string
  partitions: number
  /** Records older than this may be deleted; Infinity keeps them for ever. */
  retentionMs: number
  /** Oldest segments are deleted past this size per partition; Infinity for no limit. */
  retentionBytes: number
  /** Keep only the last record of each key (a null value deletes the key after a while). */
  compacted: boolean
}

export type Headers = Readonly<Record<string, Buffer>>

/** The log copies what it is given: buffers may be used again once `append` or `commit` has resolved. */
export interface ProducedRecord {
  key: Buffer | null
  /** null is a tombstone, for compacted topics. */
  value: Buffer | null
  timestampMs: number
  headers?: Headers | undefined
}

/** Buffers are views on larger blocks (up to 1 MiB): copy what is kept for long, and never write into them. */
export interface ConsumedRecord {
  offset: number
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers?: Headers | undefined
}

export interface ProducedBatch extends TopicPartition {
  records: readonly ProducedRecord[]
}

/** Where one batch came to lie: `baseOffset` … `baseOffset + count - 1`. */
export interface AppendResult extends TopicPartition {
  baseOffset: number
  count: number
}

export interface CommittedOffset {
  offset: number
  /** Free text of the committing stage, at most 4096 bytes in UTF-8. Round-trips exactly. */
  metadata: string
}

export interface OffsetCommit extends TopicPartition, CommittedOffset {}

/** Outputs and input offsets that become visible together or not at all. */
export interface CommitUnit {
  /**
   * The membership whose partitions the offsets are of; a stale one is refused with `stale_owner`. The epochs of
   * the partitions are taken when `commit` is called and compared when it is written, so that a call in flight
   * cannot pass a fence even if the same member gets the partition again.
   */
  membership: GroupMembership
  outputs: readonly ProducedBatch[]
  offsets: readonly OffsetCommit[]
}

export interface GroupMembership {
  readonly group: string
  readonly memberId: string
  /** What this member owns now. Changes only inside the callbacks below. */
  assignment(): readonly TopicPartition[]
  /** Leaves the group; partitions go to the others. Idempotent. */
  leave(): Promise<void>
}

export interface GroupSubscription {
  group: string
  topics: readonly string[]
  /**
   * Called when partitions are gained. Read the committed offset inside: whatever an earlier owner had not
   * committed comes again. The membership is the one `join` resolves with, which it does only after the first
   * call of this. When it rejects, the member is out of the group: `join` rejects with the same error, or later
   * commits fail with `stale_owner`.
   */
  onAssigned(partitions: readonly TopicPartition[], membership: GroupMembership): Promise<void>
  /**
   * Called before partitions are given to another member, and when this one leaves. Drain and commit inside;
   * when it resolves, rejects or takes longer than the adapter's limit, the fence falls, and later commits for
   * them fail with `stale_owner`. Awaiting `leave` in here waits for ever.
   */
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>
}

export interface ReadOptions {
  /** About how much to return; at least one record is returned if there is one, however large. */
  bytesMax: number
  /** How long to wait when nothing is there yet; 0 answers at once. */
  waitMs: number
  signal?: AbortSignal
}

export interface PartitionLag extends TopicPartition {
  committed: number
  end: number
}

export interface Log {
  /** Creates what is missing and updates retention of what is there. Never lowers a partition count. */
  createTopics(topics: readonly TopicConfig[]): Promise<void>
  /** All topics by name, with their partition counts. */
  topics(): Promise<readonly TopicConfig[]>

  /**
   * Durable when it resolves: a process killed afterwards does not lose it. All batches of one call become
   * visible together. Fails with `disk_full`, `log_unavailable` or, when too much is waiting to be written,
   * `overloaded` (nothing visible, safe to send again), with `unknown_topic`, or with `invalid_request` or
   * `body_too_large` for a record that cannot be kept. Results are in the order of the batches.
   */
  append(batches: readonly ProducedBatch[]): Promise<readonly AppendResult[]>

  /**
   * Records from `from` on, in order, only those below the high watermark. Never empty when `from` is below the
   * end (compaction keeps the last record of a partition). Empty when none came within `waitMs`, the signal
   * aborts or the log closes. Fails with `offset_out_of_range` when `from` is below the beginning or above the
   * end, with `log_corrupt` when the stored bytes are not what was written.
   */
  read(tp: TopicPartition, from: number, options: ReadOptions): Promise<readonly ConsumedRecord[]>

  beginningOffset(tp: TopicPartition): Promise<number>
  endOffset(tp: TopicPartition): Promise<number>
  /** The first offset whose record's timestamp is at or after `timestampMs`; the end offset when none is. */
  offsetForTimestamp(tp: TopicPartition, timestampMs: number): Promise<number>

  /** Joins a consumer group. Every partition of the topics is owned by exactly one member. */
  join(subscription: GroupSubscription): Promise<GroupMembership>
  /** One atomic step; see CommitUnit. Fails with `stale_owner`, else as `append`. */
  commit(unit: CommitUnit): Promise<void>
  committed(group: string, tp: TopicPartition): Promise<CommittedOffset | undefined>
  /**
   * Sets offsets of a group outside any membership, as an operator does. Owners of these partitions drain and
   * are fenced, the offsets are written (also over what they committed while draining), the partitions are
   * assigned again. Fails with `offset_out_of_range` for an offset the log does not hold.
   */
  resetOffsets(group: string, offsets: readonly OffsetCommit[]): Promise<void>
  groups(): Promise<readonly string[]>
  /** For every partition the group ever committed: committed and end offset. */
  lag(group: string): Promise<readonly PartitionLag[]>

  /** Applies retention and compaction now (the durable adapters also do it on their own). */
  maintain(nowMs: number): Promise<void>
  close(): Promise<void>
}

/** Semantics shared by every adapter. */
export const COMMIT_METADATA_BYTES_MAX = 4096
