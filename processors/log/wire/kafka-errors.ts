import { isFaultlineError } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'

/** The codes of https://kafka.apache.org/protocol#protocol_error_codes that the front answers. */
export const KAFKA = {
  UNKNOWN_SERVER_ERROR: -1,
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  COORDINATOR_NOT_AVAILABLE: 15,
  INVALID_TOPIC_EXCEPTION: 17,
  NOT_ENOUGH_REPLICAS: 19,
  INVALID_REQUIRED_ACKS: 21,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  INVALID_GROUP_ID: 24,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_PARTITIONS: 37,
  INVALID_REPLICATION_FACTOR: 38,
  INVALID_REPLICA_ASSIGNMENT: 39,
  INVALID_CONFIG: 40,
  INVALID_REQUEST: 42,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  INVALID_TRANSACTION_TIMEOUT: 50,
  KAFKA_STORAGE_ERROR: 56,
  OPERATION_NOT_ATTEMPTED: 55,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  MEMBER_ID_REQUIRED: 79,
  GROUP_MAX_SIZE_REACHED: 81,
  FENCED_INSTANCE_ID: 82,
  INVALID_RECORD: 87,
  POLICY_VIOLATION: 44,
} as const

export type KafkaErrorCode = (typeof KAFKA)[keyof typeof KAFKA]

const CODE_OF: Partial<Record<ErrorCode, KafkaErrorCode>> = {
  unknown_topic: KAFKA.UNKNOWN_TOPIC_OR_PARTITION,
  offset_out_of_range: KAFKA.OFFSET_OUT_OF_RANGE,
  // Both are retriable for every client: nothing was appended.
  disk_full: KAFKA.KAFKA_STORAGE_ERROR,
  log_unavailable: KAFKA.KAFKA_STORAGE_ERROR,
  overloaded: KAFKA.NOT_ENOUGH_REPLICAS,
  log_corrupt: KAFKA.CORRUPT_MESSAGE,
  invalid_request: KAFKA.INVALID_REQUEST,
  body_too_large: KAFKA.MESSAGE_TOO_LARGE,
}

/** What a client is told of a failure; undefined for a bug of ours. */
export function kafkaCodeOf(error: unknown): KafkaErrorCode | undefined {
  if (error instanceof KafkaError) return error.code
  return isFaultlineError(error) ? CODE_OF[error.code] : undefined
}

/** A refusal of one part of a request, with its code. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code: KafkaErrorCode

  constructor(code: KafkaErrorCode, detail: string) {
    super(detail)
    this.code = code
  }
}
