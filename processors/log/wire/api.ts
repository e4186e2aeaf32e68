import type { Clock } from '#/kernel/clock.ts'
import type { FrontedLog, LogFront } from '#/processors/log/embedded-front.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { Producers } from './producers.ts'
import type { Transactions } from './transactions.ts'
import type { WireReader } from './wire-reader.ts'
import type { WireWriter } from './wire-writer.ts'

/** What a remote client may do with a topic. Topics of `none` are not shown to it at all. */
export type TopicAccess = 'all' | 'append' | 'read' | 'none'

/** What belongs to the platform itself; see SPEC.md. */
export interface FrontPolicy {
  /** Its members live in this process: nobody else may join it, but its offsets may be set back. */
  isOwnGroup(group: string): boolean
  /** `all` allows creation and deletion, `append` writing and reading. */
  accessOf(topic: string): TopicAccess
}

/** Everything the APIs share. */
export interface FrontContext {
  log: FrontedLog
  front: LogFront
  clock: Clock
  policy: FrontPolicy
  clusterId: string
  groups: GroupCoordinator
  producers: Producers
  transactions: Transactions
  onProblem: (error: unknown) => void
}

export interface WireRequest {
  version: number
  clientId: string
  /** Of the client. */
  host: string
  /** Where the client reached us: what it is told to connect to. */
  address: { host: string; port: number }
  body: WireReader
  /** Aborts when the front closes. */
  signal: AbortSignal
}

/** Writes the answer; `silent` when the protocol wants none. */
export type Handler = (
  context: FrontContext,
  request: WireRequest,
  answer: WireWriter,
) => Promise<void | 'silent'>

export interface Api {
  key: number
  name: string
  versions: readonly [min: number, max: number]
  handle: Handler
}

/** The one broker there is. */
export const NODE_ID = 0
/** It never changes its leader. */
export const LEADER_EPOCH = 0
export const NO_OPERATIONS = -2147483648

export const canRead = (access: TopicAccess): boolean => access !== 'none'
export const canAppend = (access: TopicAccess): boolean => access === 'all' || access === 'append'
