import type { Random } from '#/kernel/random.ts'
import type { GroupMembership, Log, ProducedBatch } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { ResetTo } from './replay-plan.ts'
import type { KeptRange, TableHash } from './stage.ts'

/** Somebody wants a replay. Wishes wait on the board until whoever drives replays takes them. */
export interface ReplayWish {
  id: string
  group: string
  resetTo: ResetTo
  /** Of `offsets`, those of one group that come together are one replay: a tool sets partitions back one by one. */
  origin: 'command' | 'offsets'
  atMs: number
}

export type ReplayPhase =
  | 'reading'
  | 'pausing'
  | 'exchanging'
  /** Exchanged; live work goes on, and what there was before is compared with what there is now. */
  | 'comparing'
  | 'done'
  | 'failed'
  | 'cancelled'
  /** Cancelled with what is done kept; goes on when told to. */
  | 'kept'

/** The current or last replay, as every process sees it. */
export interface ReplayRecord {
  /** The epoch is the name of a replay: each has its own, and twins and tokens are made of it. */
  epoch: number
  wishIds: readonly string[]
  group: string
  resetTo: ResetTo
  phase: ReplayPhase
  /** Stages that rest everywhere until they are no longer named here. */
  paused: readonly string[]
  from: readonly KeptRange[]
  keep: readonly KeptRange[]
  /** Records of the root's input computed again, of those there are now. */
  records: number
  total: number
  startedAtMs: number
  updatedAtMs: number
  /** Since when the live chain rests; 0 while it runs. */
  pausedAtMs: number
  pausedMs: number
  /** The process that drives it, for people. */
  driver: string
  /** How often somebody else, or the same process after a restart, went on with it. */
  takeovers: number
  error: string
  tables: Readonly<Record<string, { before: TableHash; after: TableHash }>>
  /** Twins and saved state are gone. */
  isCleaned: boolean
}

export interface ReplayOrder {
  epoch: number
  order: 'cancel' | 'keep' | 'resume'
}

export interface BoardChange {
  record?: ReplayRecord
  /** All of these groups have this epoch from now on. */
  epochs?: { groups: readonly string[]; epoch: number }
  /** Wishes that were taken. */
  taken?: readonly string[]
}

/**
 * What processes agree on about replays, in config.v1: epochs, wishes, orders, and the one record of the current
 * replay. Everybody reads it; only the driver writes the record, under its membership, so that a driver that lost its
 * place without noticing cannot.
 */
export interface ReplayBoard {
  /** Grows with everything read. */
  readonly version: number
  /** Reads to the end of the topic as it is now. */
  refresh(): Promise<void>
  /** Resolves when more is known than at version `seen`, after `waitMs` or when the signal aborts. */
  next(seen: number, options: { waitMs: number; signal: AbortSignal }): Promise<void>
  epochOf(group: string): number
  /** Higher than any epoch there ever was. */
  freshEpoch(): number
  current(): ReplayRecord | undefined
  /** Oldest first. */
  wishes(): readonly ReplayWish[]
  orderFor(epoch: number): ReplayOrder['order'] | undefined
  post(wish: Omit<ReplayWish, 'atMs'>): Promise<void>
  order(order: ReplayOrder): Promise<void>
  /** Fails with `stale_owner` for somebody who no longer drives. */
  write(change: BoardChange, membership: GroupMembership): Promise<void>
}

const RUNNING: ReadonlySet<ReplayPhase> = new Set(['reading', 'pausing', 'exchanging', 'comparing'])

export function isRunning({ phase }: ReplayRecord): boolean {
  return RUNNING.has(phase)
}

const ID_PARTS = 4

/** A name no other process draws. */
export function wishId(random: Random): string {
  const parts = Array.from({ length: ID_PARTS }, () =>
    random
      .int(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  )
  return parts.join('')
}

/** The epoch of the replay that wants this stage to rest now. */
export function restOf(board: ReplayBoard, stage: string): number | undefined {
  const record = board.current()
  return record !== undefined && isRunning(record) && record.paused.includes(stage)
    ? record.epoch
    : undefined
}

/** Who owns this partition in the group `replay` drives replays: one process, and the log's fence keeps it so. */
export const REPLAY_GROUP = 'replay'
export const BOARD = { topic: TOPICS.config.name, partition: 0 }

/** Writes as the driver: refused with `stale_owner` when somebody else is by now. */
export async function commitAsDriver(
  log: Log,
  membership: GroupMembership,
  outputs: readonly ProducedBatch[],
): Promise<void> {
  const offset = await log.endOffset(BOARD)
  await log.commit({ membership, outputs, offsets: [{ ...BOARD, offset, metadata: '' }] })
}
