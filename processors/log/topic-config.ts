import { FaultlineError } from '#/kernel/errors.ts'
import { COMMIT_METADATA_BYTES_MAX } from './port.ts'
import { recordBytesMax } from './record-batch.ts'
import type { OffsetCommit, ProducedBatch, TopicConfig } from './port.ts'

/** Kafka's own rule; the name becomes a folder, so nothing that walks out of one may pass. */
const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/
const PARTITIONS_MAX = 1024
/** Timestamps must leave room for their difference in a double. */
const TIMESTAMP_MS_MAX = 2 ** 51
const RECORD_BYTES_MAX = 64 * 1024 * 1024

function refuse(detail: string): FaultlineError {
  return new FaultlineError('invalid_request', detail)
}

/** Refuses a topic that could not be kept, with `invalid_request`. */
export function checkTopic(topic: TopicConfig): void {
  if (!TOPIC_NAME.test(topic.name)) {
    throw refuse(
      `topic name ${JSON.stringify(topic.name)}: 1 to 249 of letters, digits, '.', '_', '-'`,
    )
  }
  if (
    !Number.isInteger(topic.partitions) ||
    topic.partitions < 1 ||
    topic.partitions > PARTITIONS_MAX
  ) {
    throw refuse(`topic ${topic.name}: partitions must be 1 to ${PARTITIONS_MAX}`)
  }
  for (const limit of [topic.retentionMs, topic.retentionBytes]) {
    if (!(limit >= 0)) throw refuse(`topic ${topic.name}: a retention must be 0 or more`)
  }
}

/** What a topic becomes when it is declared again: new retention, never fewer partitions. */
export function mergeTopic(known: TopicConfig | undefined, wanted: TopicConfig): TopicConfig {
  return { ...wanted, partitions: Math.max(known?.partitions ?? 0, wanted.partitions) }
}

export function unknownTopic(topic: string, partition?: number): FaultlineError {
  const place = partition === undefined ? topic : `${topic}/${partition}`
  return new FaultlineError('unknown_topic', `there is no ${place}`, {
    remedy: 'create the topic first, or check its name and partition',
  })
}

export function outOfRange(
  place: string,
  from: number,
  range: { begin: number; end: number },
): FaultlineError {
  return new FaultlineError(
    'offset_out_of_range',
    `${place} holds offsets ${range.begin} to ${range.end}, not ${from}`,
  )
}

export function logClosed(): FaultlineError {
  return new FaultlineError('log_unavailable', 'the log is closed')
}

/**
 * Refuses records that could not be kept: before anything is written, so that others in the group go through.
 * Returns an upper bound of their encoded bytes.
 */
export function checkBatch(batch: ProducedBatch, compacted: boolean): number {
  let bytes = 0
  for (const record of batch.records) {
    if (!Number.isInteger(record.timestampMs) || Math.abs(record.timestampMs) > TIMESTAMP_MS_MAX) {
      throw refuse(
        `${batch.topic}: a timestamp must be whole milliseconds, not ${record.timestampMs}`,
      )
    }
    if (compacted && record.key === null)
      throw refuse(`${batch.topic} is compacted: records need a key`)
    const recordBytes = recordBytesMax(record)
    if (recordBytes > RECORD_BYTES_MAX) {
      const detail = `${batch.topic}: a record is larger than ${RECORD_BYTES_MAX} bytes`
      throw new FaultlineError('body_too_large', detail)
    }
    bytes += recordBytes
  }
  return bytes
}

/** Refuses a commit whose metadata or offset cannot be kept. */
export function checkCommit(commit: OffsetCommit): void {
  if (Buffer.byteLength(commit.metadata) > COMMIT_METADATA_BYTES_MAX) {
    throw refuse(
      `commit metadata for ${commit.topic} is larger than ${COMMIT_METADATA_BYTES_MAX} bytes`,
    )
  }
  if (!Number.isSafeInteger(commit.offset) || commit.offset < 0) {
    throw refuse(`commit for ${commit.topic}: ${commit.offset} is no offset`)
  }
}
