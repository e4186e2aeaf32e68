import { oneVersion } from './api-cluster.ts'
import type { WireReader, WireWriter } from './wire.ts'

/** Entries of one request by topic, as the protocol groups them. */
export function byTopic<T extends { topic: string }>(items: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list === undefined) topics.set(item.topic, [item])
    else list.push(item)
  }
  return [...topics]
}

export function writeByTopic<T extends { topic: string }>(
  writer: WireWriter,
  items: readonly T[],
  write: (item: T) => void,
): void {
  writer.array(byTopic(items), ([topic, ofTopic]) => {
    writer.string(topic).array(ofTopic, write).end()
  })
}

export function readByTopic<T>(reader: WireReader, read: () => T): (T & { topic: string })[] {
  return reader
    .array(() => {
      const topic = reader.string()
      const items = reader.array(() => ({ ...read(), topic }))
      reader.end()
      return items
    })
    .flat()
}

export interface ProduceItem {
  topic: string
  partition: number
  /** The parts of one encoded batch. */
  batch: readonly Buffer[]
}

export interface ProduceResult {
  topic: string
  partition: number
  error: number
  baseOffset: number
}

const ACKS_ALL = -1
export const PRODUCE_MS_MAX = 30_000

export const PRODUCE = oneVersion<
  { transactionalId: string | null; items: readonly ProduceItem[] },
  ProduceResult[]
>(0, 'Produce', {
  version: 7,
  write: ({ transactionalId, items }, writer) => {
    writer.string(transactionalId).int16(ACKS_ALL).int32(PRODUCE_MS_MAX)
    writeByTopic(writer, items, ({ partition, batch }) => writer.int32(partition).bytes(batch))
  },
  read: (reader) => {
    const results = readByTopic(reader, () => {
      const result = {
        partition: reader.int32(),
        error: reader.int16(),
        baseOffset: reader.int64(),
      }
      reader.int64()
      reader.int64()
      return result
    })
    reader.int32()
    return results
  },
})

export interface FetchItem {
  topic: string
  partition: number
  offset: number
  bytesMax: number
}

export interface FetchRequest {
  maxWaitMs: number
  bytesMax: number
  items: readonly FetchItem[]
}

export interface FetchResult {
  topic: string
  partition: number
  error: number
  lastStableOffset: number
  logStartOffset: number
  aborted: readonly { producerId: number; firstOffset: number }[]
  records: Buffer
}

const READ_COMMITTED = 1

export const FETCH = oneVersion<FetchRequest, { error: number; results: FetchResult[] }>(
  1,
  'Fetch',
  {
    version: 11,
    write: ({ maxWaitMs, bytesMax, items }, writer) => {
      writer.int32(-1).int32(maxWaitMs).int32(1).int32(bytesMax).int8(READ_COMMITTED)
      // No session: a request says itself what it wants.
      writer.int32(0).int32(-1)
      writeByTopic(writer, items, (item) => {
        writer.int32(item.partition).int32(-1).int64(item.offset).int64(-1).int32(item.bytesMax)
      })
      writer.array([], () => undefined).string('')
    },
    read: (reader) => {
      reader.int32()
      const error = reader.int16()
      reader.int32()
      const results = readByTopic(reader, () => {
        const partition = reader.int32()
        const partitionError = reader.int16()
        reader.int64()
        const lastStableOffset = reader.int64()
        const logStartOffset = reader.int64()
        const aborted = reader.array(() => ({
          producerId: reader.int64(),
          firstOffset: reader.int64(),
        }))
        reader.int32()
        const records = reader.bytes()
        return {
          partition,
          error: partitionError,
          lastStableOffset,
          logStartOffset,
          aborted,
          records,
        }
      })
      return { error, results }
    },
  },
)

export interface ListOffsetsItem {
  topic: string
  partition: number
  /** Or EARLIEST, LATEST. */
  timestampMs: number
}

export interface ListOffsetsResult {
  topic: string
  partition: number
  error: number
  offset: number
}

export const EARLIEST = -2
/** With read_committed the last stable offset. */
export const LATEST = -1

export const LIST_OFFSETS = oneVersion<readonly ListOffsetsItem[], ListOffsetsResult[]>(
  2,
  'ListOffsets',
  {
    version: 5,
    write: (items, writer) => {
      writer.int32(-1).int8(READ_COMMITTED)
      writeByTopic(writer, items, (item) => {
        writer.int32(item.partition).int32(-1).int64(item.timestampMs)
      })
    },
    read: (reader) => {
      reader.int32()
      return readByTopic(reader, () => {
        const partition = reader.int32()
        const error = reader.int16()
        reader.int64()
        const offset = reader.int64()
        reader.int32()
        return { partition, error, offset }
      })
    },
  },
)
