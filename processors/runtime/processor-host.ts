import { assert } from '#/kernel/assert.ts'
import type { ConsumedRecord, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import type { Result } from './record.ts'
import type { CreateProcessor } from './stage.ts'
import { createStore } from './store.ts'
import type { PersistentStore, RestoredEntry, Store } from './store.ts'

export interface ProcessorHostDeps {
  createProcessor: CreateProcessor
  input: TopicPartition
  /** Restored entries by store; empty for a state built from nothing. */
  stores: ReadonlyMap<string, ReadonlyMap<string, RestoredEntry>>
  partitionsOf(topic: string): number
  emit(topic: string, partition: number, record: ProducedRecord): void
}

/** A processor with its state: the part of a task that is the same when live and in a replay. */
export interface ProcessorHost {
  prepare(records: readonly ConsumedRecord[]): Promise<void>
  process(record: ConsumedRecord): Result
  count(result: string): void
  /** Records by result since the last call. */
  takeCounts(): ReadonlyMap<string, number>
  stores(): Iterable<PersistentStore>
}

export function createProcessorHost(deps: ProcessorHostDeps): ProcessorHost {
  const stores: PersistentStore[] = []
  let counts = new Map<string, number>()
  const count = (result: string): void => {
    counts.set(result, (counts.get(result) ?? 0) + 1)
  }
  const processor = deps.createProcessor({
    input: deps.input,
    partitionsOf: (topic) => deps.partitionsOf(topic),
    emit: (topic, partition, record) => deps.emit(topic, partition, record),
    count,
    openStore<T>(name: string, codec: Parameters<typeof createStore<T>>[1]): Store<T> {
      assert(!name.includes('/'), 'a store name has no slash')
      assert(!stores.some((store) => store.name === name), `store ${name} is opened once`)
      const store = createStore(name, codec, deps.stores.get(name))
      stores.push(store)
      return store
    },
  })
  return {
    async prepare(records) {
      if (records.length > 0) await processor.prepare?.(records)
    },
    process(record) {
      for (const store of stores) store.setNow(record.offset)
      return processor.process(record)
    },
    count,
    takeCounts() {
      const taken = counts
      counts = new Map()
      return taken
    },
    stores: () => stores,
  }
}
