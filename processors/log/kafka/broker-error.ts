import { FaultlineError } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'
import { TransportError } from './transport.ts'

/** Error codes of Kafka's protocol that we act upon. */
export const CODE = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  offsetMetadataTooLarge: 12,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  invalidTopic: 17,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  topicAlreadyExists: 36,
  invalidPartitions: 37,
  invalidConfig: 40,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  concurrentTransactions: 51,
  storageError: 56,
  unknownProducerId: 59,
  nonEmptyGroup: 68,
  offsetNotAvailable: 78,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  unstableOffsetCommit: 88,
  producerFenced: 90,
} as const

/** Passes by itself, or with fresh metadata. */
const PASSING: ReadonlySet<number> = new Set([
  CODE.leaderNotAvailable,
  CODE.notLeader,
  CODE.requestTimedOut,
  8, // broker not available
  9, // replica not available
  13, // network exception
  CODE.coordinatorLoading,
  CODE.coordinatorNotAvailable,
  CODE.notCoordinator,
  19, // not enough replicas
  20, // not enough replicas after append
  41, // not controller
  CODE.concurrentTransactions,
  CODE.storageError,
  74, // fenced leader epoch
  75, // unknown leader epoch
  CODE.offsetNotAvailable,
  CODE.unstableOffsetCommit,
  89, // throttling quota exceeded
  100, // unknown topic id
])

/** Somebody else owns what we wanted to write for. */
const FENCED: ReadonlySet<number> = new Set([
  CODE.illegalGeneration,
  CODE.unknownMember,
  CODE.fencedInstanceId,
  CODE.invalidProducerEpoch,
  CODE.invalidTxnState,
  CODE.unknownProducerId,
  CODE.outOfOrderSequence,
  49, // invalid producer id mapping
  CODE.producerFenced,
])

const MAPPED: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [CODE.offsetOutOfRange]: ['offset_out_of_range', 'the broker does not hold this offset'],
  [CODE.corruptMessage]: ['log_corrupt', 'the broker found a damaged batch'],
  [CODE.unknownTopicOrPartition]: ['unknown_topic', 'the broker has no such topic or partition'],
  [CODE.messageTooLarge]: ['body_too_large', 'the batch is larger than the topic allows'],
  [CODE.recordListTooLarge]: ['body_too_large', 'the batch is larger than a segment of the topic'],
  [CODE.offsetMetadataTooLarge]: ['invalid_request', 'the commit metadata is too large'],
  [CODE.invalidTopic]: ['invalid_request', 'this is no topic name'],
  [CODE.topicAuthorizationFailed]: ['forbidden', 'this user may not use the topic'],
  [CODE.groupAuthorizationFailed]: ['forbidden', 'this user may not use the group'],
  31: ['forbidden', 'this user may not do that on the cluster'],
  32: ['invalid_request', 'the timestamp of a record is not allowed by the topic'],
  53: ['forbidden', 'this user may not use the transactional id'],
  [CODE.invalidPartitions]: ['invalid_request', 'the number of partitions is not possible'],
  38: ['config_invalid', 'the replication factor is larger than the number of brokers'],
  [CODE.invalidConfig]: ['config_invalid', 'the broker does not accept a setting of the topic'],
  44: ['forbidden', 'the policy of the cluster does not allow it'],
  87: ['invalid_request', 'the broker does not accept the record'],
}

/** The broker's answer was an error. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: number
  readonly apiName: string

  constructor(apiName: string, code: number, detail = '') {
    super(`${apiName}: error ${code} of the broker${detail === '' ? '' : ` (${detail})`}`)
    this.apiName = apiName
    this.code = code
  }

  get isPassing(): boolean {
    return PASSING.has(this.code)
  }

  get isFenced(): boolean {
    return FENCED.has(this.code)
  }
}

export function checkCode(apiName: string, code: number, detail = ''): void {
  if (code !== CODE.none) throw new BrokerError(apiName, code, detail)
}

export function isBrokerError(error: unknown, code?: number): error is BrokerError {
  return error instanceof BrokerError && (code === undefined || error.code === code)
}

/** Puts a broker's error into the catalogue; what has no place there is `log_unavailable`. */
export function toFaultlineError(error: unknown, what: string): unknown {
  if (error instanceof TransportError) {
    return new FaultlineError('log_unavailable', `${what}: ${error.message}`, {
      remedy: error.isFinal
        ? 'check the credentials and certificates'
        : 'check that the brokers run and can be reached',
      cause: error,
    })
  }
  if (!(error instanceof BrokerError)) return error
  if (error.isFenced)
    return new FaultlineError('stale_owner', `${what}: ${error.message}`, { cause: error })
  const [code, text] = MAPPED[error.code] ?? ['log_unavailable', error.message]
  return new FaultlineError(code, `${what}: ${text}`, { cause: error })
}

/** In a rebalance the generation changes under us; whether the partitions stay is known soon. */
export function isRejoining(error: unknown): boolean {
  return (
    isBrokerError(error, CODE.illegalGeneration) || isBrokerError(error, CODE.rebalanceInProgress)
  )
}
