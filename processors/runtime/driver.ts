import type { Clock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type {
  ConsumedRecord,
  GroupMembership,
  Log,
  ProducedBatch,
  TopicConfig,
  TopicPartition,
} from '#/processors/log/port.ts'
import { loadState, scanPartition, stateTopicOf } from './changelog.ts'
import type { DeadLetterPort, Stage, Worker } from './stage.ts'

export interface DriverOptions {
  log: Log
  clock: Clock
  stages: readonly Stage[]
  topics: readonly TopicConfig[]
  deadLetters: DeadLetterPort
  random?: Random
  metrics?: Metrics
  epochOf?(group: string): number
}

/**
 * Runs the real stages on a log without timers, threads or processes: for tests and simulations. Work happens only
 * inside the calls.
 */
export interface TopologyDriver {
  readonly metrics: Metrics
  /** Appends values of one key to the partition Kafka would choose. */
  pipe(topic: string, key: string, values: readonly Buffer[], timestampMs: number): Promise<void>
  append(batches: readonly ProducedBatch[]): Promise<void>
  /** One step of one worker, chosen by `random` among all. Returns records read. */
  step(): Promise<number>
  /** Steps until nobody finds anything to do. */
  run(): Promise<void>
  /** Drops the workers of a stage as a kill would: nothing is drained, others start from what is committed. */
  crash(stage: string): Promise<void>
  /** The whole process dies and starts again. */
  crashAll(): Promise<void>
  /** Drains and stops the workers of a stage, then starts others. */
  restart(stage: string): Promise<void>
  /** Everything a topic holds, partition after partition. */
  read(topic: string): Promise<(ConsumedRecord & TopicPartition)[]>
  /** The state of a stage's partition as the log has it: store → key → bytes. */
  state(stage: string, partition: number): Promise<Map<string, Map<string, Buffer>>>
  worker(stage: string, input: TopicPartition): Worker | undefined
  /** Drains and leaves everything. */
  close(): Promise<void>
}

interface Running {
  stage: Stage
  membership: GroupMembership
  workers: Map<string, Worker>
}

export async function createDriver(options: DriverOptions): Promise<TopologyDriver> {
  const driver = new Driver(options)
  await options.log.createTopics(options.topics)
  for (const stage of options.stages) await driver.startStage(stage)
  return driver
}

class Driver implements TopologyDriver {
  readonly metrics: Metrics
  readonly #options: DriverOptions
  readonly #random: Random
  readonly #running = new Map<string, Running>()
  readonly #counts: ReadonlyMap<string, number>

  constructor(options: DriverOptions) {
    this.#options = options
    this.#random = options.random ?? createSeededRandom(1)
    this.metrics = options.metrics ?? createMetrics()
    this.#counts = new Map(options.topics.map(({ name, partitions }) => [name, partitions]))
  }

  async pipe(topic: string, key: string, values: readonly Buffer[], timestampMs: number) {
    const bytes = Buffer.from(key)
    const partition = partitionOf(bytes, this.#counts.get(topic) ?? 1)
    const records = values.map((value) => ({ key: bytes, value, timestampMs }))
    await this.append([{ topic, partition, records }])
  }

  async append(batches: readonly ProducedBatch[]) {
    await this.#options.log.append(batches)
  }

  async step(): Promise<number> {
    const workers = this.#workers()
    if (workers.length === 0) return 0
    return this.#random.pick(workers).step({ waitMs: 0 })
  }

  async run(): Promise<void> {
    // A sink needs a step to collect, one to insert and one to complete before it is at rest.
    for (let quiet = 0; quiet < 3; quiet += 1) {
      for (const worker of this.#workers()) if ((await worker.step({ waitMs: 0 })) > 0) quiet = -1
    }
  }

  async crash(stage: string): Promise<void> {
    const running = this.#running.get(stage)
    if (running === undefined) return
    running.workers.clear()
    await running.membership.leave()
    await this.startStage(running.stage)
  }

  async crashAll(): Promise<void> {
    for (const stage of this.#options.stages) await this.crash(stage.name)
  }

  async restart(stage: string): Promise<void> {
    const running = this.#running.get(stage)
    if (running === undefined) return
    await running.membership.leave()
    await this.startStage(running.stage)
  }

  async read(topic: string) {
    const all: (ConsumedRecord & TopicPartition)[] = []
    for (let partition = 0; partition < (this.#counts.get(topic) ?? 0); partition += 1) {
      const tp = { topic, partition }
      await scanPartition(this.#options.log, tp, (record) => all.push({ ...record, ...tp }))
    }
    return all
  }

  async state(stage: string, partition: number) {
    const tp = { topic: stateTopicOf(stage), partition }
    const { stores } = await loadState(this.#options.log, tp, '')
    const plain = new Map<string, Map<string, Buffer>>()
    for (const [name, entries] of stores)
      plain.set(name, new Map([...entries].map(([key, { bytes }]) => [key, bytes])))
    return plain
  }

  worker(stage: string, input: TopicPartition): Worker | undefined {
    return this.#running.get(stage)?.workers.get(keyOf(input))
  }

  async close(): Promise<void> {
    for (const { membership } of this.#running.values()) await membership.leave()
    this.#running.clear()
  }

  async startStage(stage: Stage): Promise<void> {
    const workers = new Map<string, Worker>()
    const { log, clock, deadLetters } = this.#options
    const assigned: TopicPartition[] = []
    const membership = await log.join({
      group: stage.name,
      topics: stage.inputs,
      onAssigned: async (partitions) => {
        assigned.push(...partitions)
      },
      onRevoked: async (partitions) => {
        for (const input of partitions) {
          await workers.get(keyOf(input))?.drain()
          workers.delete(keyOf(input))
        }
      },
    })
    this.#running.set(stage.name, { stage, membership, workers })
    for (const input of assigned) {
      const worker = stage.createWorker({
        input,
        log,
        clock,
        deadLetters,
        metrics: this.metrics,
        random: this.#random,
        membership: () => membership,
        epoch: this.#options.epochOf?.(stage.name) ?? 1,
        partitionsOf: (topic) => this.#counts.get(topic) ?? 1,
        breathe: async () => undefined,
      })
      await worker.recover()
      workers.set(keyOf(input), worker)
    }
  }

  #workers(): Worker[] {
    return [...this.#running.values()].flatMap(({ workers }) => [...workers.values()])
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
