import type { ErrorCode } from '#/kernel/errors.ts'

/**
 * What ClickHouse's numeric error codes mean to us. The numbers never change between versions
 * (src/Common/ErrorCodes.cpp is append-only); names are ClickHouse's own.
 */
const TIMEOUTS: ReadonlySet<number> = new Set([
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
])

const LIMITS: ReadonlySet<number> = new Set([
  158, // TOO_MANY_ROWS
  241, // MEMORY_LIMIT_EXCEEDED
  307, // TOO_MANY_BYTES
  396, // TOO_MANY_ROWS_OR_BYTES
])

/** The server is there and not able to work now: the same call may succeed later. */
const UNAVAILABLE: ReadonlySet<number> = new Set([
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED
  242, // TABLE_IS_READ_ONLY
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  999, // KEEPER_EXCEPTION
])

const DISK_FULL: ReadonlySet<number> = new Set([
  243, // NOT_ENOUGH_SPACE
])

const UNAUTHORIZED: ReadonlySet<number> = new Set([
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  516, // AUTHENTICATION_FAILED
])

/** The bytes of an insert cannot become rows: only other bytes will do. */
const DATA: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  20, // NUMBER_OF_COLUMNS_DOESNT_MATCH
  25, // CANNOT_PARSE_ESCAPE_SEQUENCE
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  376, // CANNOT_PARSE_UUID
  407, // DECIMAL_OVERFLOW
  469, // VIOLATED_CONSTRAINT
  675, // CANNOT_PARSE_IPV4
  676, // CANNOT_PARSE_IPV6
  691, // UNKNOWN_ELEMENT_OF_ENUM
])

/** Our code for one of ClickHouse's; what is in no list is a fault of the statement. */
export function errorCodeOf(clickHouseCode: number): ErrorCode {
  if (TIMEOUTS.has(clickHouseCode)) return 'query_timeout'
  if (LIMITS.has(clickHouseCode)) return 'query_too_heavy'
  if (UNAVAILABLE.has(clickHouseCode)) return 'storage_unavailable'
  if (DISK_FULL.has(clickHouseCode)) return 'disk_full'
  if (UNAUTHORIZED.has(clickHouseCode)) return 'storage_refused'
  return 'invalid_sql'
}

/** Whether an insert failed for its bytes, so that the sink should look for the guilty rows. */
export function isDataErrorCode(clickHouseCode: number | undefined): boolean {
  return clickHouseCode !== undefined && DATA.has(clickHouseCode)
}
