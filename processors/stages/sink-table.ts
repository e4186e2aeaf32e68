import type { ConsumedRecord } from '#/processors/log/port.ts'
import type { KeptRange, TableHash } from '#/processors/runtime/stage.ts'

/** One table (with its views) fed from one topic. Several tables may share a topic. */
export interface SinkTable {
  readonly topic: string
  /** Name of the table, for tokens, metrics and messages. */
  readonly name: string
  /**
   * One INSERT, one block, of exactly these records, with the batch's token. Must be a function of the batch alone:
   * the same batch gives the same bytes, whenever and wherever. Resolves when ClickHouse has it.
   */
  insert(batch: SinkBatch): Promise<void>
  /** Whether the insert failed for the bytes of a record, so that looking for the guilty ones makes sense. */
  isDataError(error: unknown): boolean

  /** Empty twin `<name>__e<epoch>` with its views; a left-over of that name is dropped first. Copies `keep`. */
  createShadow(epoch: number, keep: readonly KeptRange[]): Promise<void>
  /** EXCHANGE TABLES of the live table and its twin, views included. */
  exchange(epoch: number): Promise<void>
  /** Takes back an exchange, also one that was interrupted. */
  revert(epoch: number): Promise<void>
  /** Drops the twin (after an exchange: the old live table). Idempotent. */
  drop(epoch: number): Promise<void>
  /** Content of the live table, or of a twin, without provenance columns. */
  hash(epoch?: number): Promise<TableHash>
  /** Rows of a twin, and the hash of what views made of them. */
  measure(epoch: number): Promise<TableHash>
  /** The live table's own rows written up to this epoch: the same while others write to it under later ones. */
  hashUpTo(epoch: number): Promise<TableHash>
}

export interface SinkBatch {
  topic: string
  partition: number
  epoch: number
  /** First offset of the range. */
  lo: number
  /** Exclusive end of the range. */
  hi: number
  /** `insert_deduplication_token`: a repeated batch with the same token leaves one copy. */
  token: string
  /** The rows' records; ticks are left out, so that there may be fewer than `hi - lo`. */
  records: readonly ConsumedRecord[]
  /** Write into the twin of `epoch` instead of the live table. */
  shadow: boolean
}

export interface SinkOptions {
  name: string
  tables: readonly SinkTable[]
  /** Schema id of a record that becomes a row; undefined for one that does not (a tick). */
  schemaOf(record: ConsumedRecord): number | undefined
  rowsMax?: number
  bytesMax?: number
  /** How long the first record of a batch waits for others. */
  delayMs?: number
  /** False is the negative control of the tests: without intents a kill doubles rows. */
  intent?: boolean
}

export const SINK_ROWS_MAX = 50_000
export const SINK_BYTES_MAX = 8 << 20
export const SINK_DELAY_MS = 500

export function tokenOf(
  sink: string,
  batch: Omit<SinkBatch, 'token' | 'records' | 'shadow'>,
): string {
  const { epoch, topic, partition, lo, hi } = batch
  return `${sink}:${epoch}:${topic}:${partition}:${lo}:${hi}`
}
