import type { OffsetCommit, ProducedBatch } from '#/processors/log/port.ts'
import type { MemberRef } from './api-group.ts'
import type { OpenTransactions } from './left-open.ts'

/** What one input batch led to. */
export interface Transaction {
  outputs: readonly ProducedBatch[]
  offsets: readonly OffsetCommit[]
  /** Who commits, asked anew for every attempt: a rebalance changes the generation. */
  member(): MemberRef
  /** Whether the partitions are still ours. */
  holds(): boolean
  /** The broker says that they are not. */
  onFenced(error: unknown): void
}

/** Whose producer it is, and how it reaches the broker. */
export interface ProducerPlace {
  transactionalId: string
  group: string
  lane: string
  open: OpenTransactions
}
