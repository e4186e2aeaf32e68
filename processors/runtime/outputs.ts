import type { ProducedBatch, ProducedRecord } from '#/processors/log/port.ts'

/** What a batch of input led to, by topic and partition, until it is committed. */
export interface Outputs {
  add(topic: string, partition: number, record: ProducedRecord): void
  /** Bytes of keys and values held; what bounds a batch that fans out. */
  bytes(): number
  count(): number
  /** Everything added since the last call, in the order of addition within each partition. */
  take(): ProducedBatch[]
}

export function createOutputs(): Outputs {
  let batches = new Map<string, ProducedRecord[][]>()
  let bytes = 0
  let count = 0
  return {
    add(topic, partition, record) {
      let partitions = batches.get(topic)
      if (partitions === undefined) batches.set(topic, (partitions = []))
      const records = partitions[partition]
      if (records === undefined) partitions[partition] = [record]
      else records.push(record)
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      count += 1
    },
    bytes: () => bytes,
    count: () => count,
    take() {
      const taken: ProducedBatch[] = []
      for (const [topic, partitions] of batches) {
        for (const [partition, records] of partitions.entries()) {
          // Partitions without output are holes of the array.
          if ((records as ProducedRecord[] | undefined) !== undefined)
            taken.push({ topic, partition, records })
        }
      }
      batches = new Map()
      bytes = 0
      count = 0
      return taken
    },
  }
}
