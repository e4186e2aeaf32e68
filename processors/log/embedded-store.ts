import type { Meta } from './embedded-meta.ts'
import { bytesOf, createPartition } from './embedded-partition.ts'
import type { Partition } from './embedded-partition.ts'
import { recoverPartition } from './embedded-recovery.ts'
import type { RecoveryDeps } from './embedded-recovery.ts'
import type { TopicConfig, TopicPartition } from './port.ts'
import { mergeTopic, unknownTopic } from './topic-config.ts'

/** Topics and their partitions, as meta.db knows them. */
export class TopicStore {
  readonly #folder: string
  readonly #meta: Meta
  readonly #configs = new Map<string, TopicConfig>()
  readonly #partitions = new Map<string, Partition[]>()

  /** `folder` holds `<topic>/<partition>/`. */
  constructor(folder: string, meta: Meta) {
    this.#folder = folder
    this.#meta = meta
  }

  /** Reads what is there and repairs what a crash left; see recoverPartition. */
  async open(deps: RecoveryDeps): Promise<void> {
    for (const topic of this.#meta.topics()) {
      this.#configs.set(topic.name, topic)
      this.#partitions.set(topic.name, [])
    }
    for (const row of this.#meta.partitions()) {
      const partition = await recoverPartition(deps, row, this.#place(row))
      this.#partitions.get(row.topic)?.push(partition)
    }
  }

  /** Returns whether partitions were added. */
  declare(topics: readonly TopicConfig[]): boolean {
    const wanted = topics.map((topic) => mergeTopic(this.#configs.get(topic.name), topic))
    const added: Partition[] = []
    this.#meta.transaction(() => {
      for (const topic of wanted) {
        this.#meta.putTopic(topic)
        const known = this.#partitions.get(topic.name)?.length ?? 0
        for (let partition = known; partition < topic.partitions; partition++) {
          const tp = { topic: topic.name, partition }
          const place = {
            ...tp,
            id: this.#meta.addPartition(tp.topic, partition),
            folder: this.#place(tp),
          }
          added.push(createPartition(place, { begin: 0, end: 0, segments: [] }))
        }
      }
    })
    for (const topic of wanted) {
      this.#configs.set(topic.name, topic)
      if (!this.#partitions.has(topic.name)) this.#partitions.set(topic.name, [])
    }
    for (const partition of added) this.#partitions.get(partition.topic)?.push(partition)
    return added.length > 0
  }

  /** Must run exclusively. Returns the partitions that were; their files are the caller's to remove. */
  delete(topic: string): readonly Partition[] {
    const partitions = this.#partitions.get(topic)
    if (partitions === undefined) throw unknownTopic(topic)
    this.#meta.transaction(() => this.#meta.deleteTopic(topic))
    this.#partitions.delete(topic)
    this.#configs.delete(topic)
    for (const partition of partitions) partition.isDeleted = true
    return partitions
  }

  configs(): readonly TopicConfig[] {
    return [...this.#configs.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  findConfig(topic: string): TopicConfig | undefined {
    return this.#configs.get(topic)
  }

  findPartition({ topic, partition }: TopicPartition): Partition | undefined {
    return this.#partitions.get(topic)?.[partition]
  }

  /** Fails with `unknown_topic`. */
  config(topic: string): TopicConfig {
    const found = this.#configs.get(topic)
    if (found === undefined) throw unknownTopic(topic)
    return found
  }

  partitionCount(topic: string): number | undefined {
    return this.#partitions.get(topic)?.length
  }

  /** Fails with `unknown_topic`. */
  partition({ topic, partition }: TopicPartition): Partition {
    const found = this.#partitions.get(topic)?.[partition]
    if (found === undefined) throw unknownTopic(topic, partition)
    return found
  }

  all(): readonly Partition[] {
    return [...this.#partitions.values()].flat()
  }

  /** Bytes of all segments. */
  bytes(): number {
    return this.all().reduce((sum, partition) => sum + bytesOf(partition), 0)
  }

  #place({ topic, partition }: TopicPartition): string {
    return `${this.#folder}/${topic}/${partition}`
  }
}
