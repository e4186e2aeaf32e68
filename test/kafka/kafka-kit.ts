import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom, randomSecret } from '#/kernel/random.ts'
import {
  createTransport,
  openKafkaLog,
  openKafkaLogOver,
} from '#/processors/log/kafka/kafka-log.ts'
import type { KafkaClient, KafkaLogOptions } from '#/processors/log/kafka/options.ts'
import type { GroupMembership, Log, TopicPartition } from '#/processors/log/port.ts'
import { faultyTransport } from './faulty-transport.ts'
import type { Faults } from './faulty-transport.ts'
import { sharedKafka } from './shared.ts'

/** Logs of one test on the shared broker, under a prefix of their own. */
export class KafkaLogs {
  readonly #open: Log[] = []
  readonly #base: KafkaLogOptions
  readonly problems: unknown[] = []

  constructor(client: KafkaClient, options: Partial<KafkaLogOptions> = {}) {
    this.#base = {
      brokers: sharedKafka().brokers,
      client,
      clientId: 'test',
      prefix: `${randomSecret(6)}.`,
      heartbeatMs: 50,
      sessionTimeoutMs: 1000,
      clock: systemClock,
      random: createSeededRandom(1),
      onProblem: (error) => void this.problems.push(error),
      ...options,
    }
  }

  get prefix(): string {
    return this.#base.prefix ?? ''
  }

  async open(options: Partial<KafkaLogOptions> = {}, faults?: Faults): Promise<Log> {
    const all = { ...this.#base, ...options }
    const log =
      faults === undefined
        ? await openKafkaLog(all)
        : await openKafkaLogOver(faultyTransport(await createTransport(all), faults), all)
    this.#open.push(log)
    return log
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((log) => log.close()))
  }
}

export const IN: TopicPartition = { topic: 'in', partition: 0 }
export const OUT: TopicPartition = { topic: 'out', partition: 0 }
export const STATE: TopicPartition = { topic: 'state', partition: 0 }

/**
 * What a stage does, as small as it can be: copies `in` to `out` record by record, notes in `state` how far it is,
 * and takes up where the committed offset says. Ends when it lost the partition.
 */
export class Copier {
  readonly #log: Log
  readonly name: string
  membership: GroupMembership | undefined
  #running: Promise<void> = Promise.resolve()
  #stop = new AbortController()
  committed = 0
  refusals: unknown[] = []

  constructor(log: Log, name: string) {
    this.#log = log
    this.name = name
  }

  async start(): Promise<void> {
    this.membership = await this.#log.join({
      group: 'copy',
      topics: ['in'],
      onAssigned: async (partitions, membership) => {
        this.#stop = new AbortController()
        const loops = partitions.map((tp) => this.#copy(tp, membership))
        this.#running = Promise.all(loops).then(() => undefined)
      },
      onRevoked: async () => {
        this.#stop.abort()
        await this.#running
      },
    })
  }

  async #copy(input: TopicPartition, membership: GroupMembership): Promise<void> {
    const { signal } = this.#stop
    try {
      let position = (await this.#log.committed('copy', input))?.offset ?? 0
      while (!signal.aborted) {
        const read = await this.#log.read(input, position, { bytesMax: 200, waitMs: 500, signal })
        const records = read.slice(0, 3)
        if (records.length === 0) continue
        position = records.at(-1)!.offset + 1
        const state = [
          {
            key: Buffer.from('at'),
            value: Buffer.from(String(position)),
            timestampMs: systemClock.nowMs(),
          },
        ]
        const at = { partition: input.partition }
        await this.#log.commit({
          membership,
          outputs: [
            {
              topic: 'out',
              ...at,
              records: records.map(({ key, value }) => ({
                key,
                value,
                timestampMs: systemClock.nowMs(),
              })),
            },
            { topic: 'state', ...at, records: state },
          ],
          offsets: [{ ...input, offset: position, metadata: this.name }],
        })
        this.committed += records.length
      }
    } catch (error) {
      this.refusals.push(error)
    }
  }
}

export async function createCopyTopics(log: Log, partitions = 1): Promise<void> {
  const unlimited = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  await log.createTopics(['in', 'out', 'state'].map((name) => ({ name, partitions, ...unlimited })))
}

export function numbered(from: number, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    key: null,
    value: Buffer.from(String(from + index)),
    timestampMs: systemClock.nowMs(),
  }))
}

/** Values of a partition, from its beginning to its end. */
export async function valuesOf(log: Log, tp: TopicPartition): Promise<string[]> {
  const values: string[] = []
  const end = await log.endOffset(tp)
  for (let next = await log.beginningOffset(tp); next < end;) {
    const records = await log.read(tp, next, { bytesMax: 1 << 20, waitMs: 0 })
    values.push(...records.map(({ value }) => String(value)))
    next = (records.at(-1)?.offset ?? end) + 1
  }
  return values
}

export async function until(
  what: string,
  isDone: () => Promise<boolean> | boolean,
  msMax = 30_000,
): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + msMax
  while (!(await isDone())) {
    if (systemClock.monotonicMs() > deadlineMs)
      throw new Error(`${what} did not come within ${msMax} ms`)
    await systemClock.sleep(20)
  }
}
