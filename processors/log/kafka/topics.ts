import { FaultlineError } from '#/kernel/errors.ts'
import type { TopicConfig } from '#/processors/log/port.ts'
import {
  ADMIN_MS_MAX,
  ALTER_CONFIGS,
  CREATE_PARTITIONS,
  CREATE_TOPICS,
  DESCRIBE_CONFIGS,
} from './api-cluster.ts'
import type { Api, NamedResult } from './api-cluster.ts'
import { BrokerError, checkCode, CODE } from './broker-error.ts'
import type { Cluster } from './cluster.ts'

const RETENTION_MS = 'retention.ms'
const RETENTION_BYTES = 'retention.bytes'
const CLEANUP = 'cleanup.policy'
const SEGMENT_MS = 'segment.ms'
const SETTING_NAMES = [RETENTION_MS, RETENTION_BYTES, CLEANUP, SEGMENT_MS]
const SEGMENT_MS_MAX = 86_400_000
const SEGMENT_MS_MIN = 60_000
/** Records of ours may be several megabytes (state), and events may come with a time of their own. */
const FIXED = { 'max.message.bytes': String((64 << 20) + 1024) }
/** Kafka refuses times more than an hour ahead unless told; brokers before 3.6 do not know these names. */
const ANY_TIME = {
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.after.max.ms': '9223372036854775807',
}

function limit(value: number): string {
  return Number.isFinite(value) ? String(Math.floor(value)) : '-1'
}

/** Segments end early enough that what is over its time does not stay for the rest of a segment. */
function settingsOf(topic: TopicConfig): Record<string, string> {
  const isLimited = Number.isFinite(topic.retentionMs) || Number.isFinite(topic.retentionBytes)
  const quarter = Math.floor(topic.retentionMs / 4)
  const segmentMs = Math.max(SEGMENT_MS_MIN, Math.min(SEGMENT_MS_MAX, quarter))
  return {
    [RETENTION_MS]: limit(topic.retentionMs),
    [RETENTION_BYTES]: limit(topic.retentionBytes),
    [CLEANUP]: topic.compacted ? (isLimited ? 'compact,delete' : 'compact') : 'delete',
    [SEGMENT_MS]: String(segmentMs),
  }
}

function configOf(
  name: string,
  partitions: number,
  settings: ReadonlyMap<string, string>,
): TopicConfig {
  const limited = (setting: string): number => {
    const value = Number(settings.get(setting) ?? -1)
    return value < 0 ? Infinity : value
  }
  return {
    name,
    partitions,
    retentionMs: limited(RETENTION_MS),
    retentionBytes: limited(RETENTION_BYTES),
    compacted: (settings.get(CLEANUP) ?? '').includes('compact'),
  }
}

/** Topics as the broker keeps them. Names are those of the broker. */
export class Topics {
  readonly #cluster: Cluster
  readonly #replicationFactor: number

  constructor(cluster: Cluster, replicationFactor: number) {
    this.#cluster = cluster
    this.#replicationFactor = replicationFactor
  }

  /** Creates what is missing, corrects retention, raises partition counts, and waits until there are leaders. */
  async declare(topics: readonly TopicConfig[]): Promise<void> {
    if (topics.length === 0) return
    const names = topics.map(({ name }) => name)
    const known = new Map((await this.list(names)).map((topic) => [topic.name, topic]))
    await this.#create(topics.filter(({ name }) => !known.has(name)))
    await this.#raise(
      topics.filter(
        ({ name, partitions }) => (known.get(name)?.partitions ?? Infinity) < partitions,
      ),
    )
    await this.#correct(topics.filter(({ name }) => known.has(name)))
    await this.#ready(topics)
  }

  /** All topics, or those of these names that exist. */
  async list(names: readonly string[] | null): Promise<TopicConfig[]> {
    const metadata = await this.#cluster.retry(() => this.#cluster.refresh(names), {
      what: 'topics',
    })
    const there = metadata.topics.filter(
      ({ error, isInternal }) =>
        error !== CODE.unknownTopicOrPartition && error !== CODE.invalidTopic && !isInternal,
    )
    const settings = await this.#settings(there.map(({ name }) => name))
    return there
      .map(({ name, leaders }) => configOf(name, leaders.length, settings.get(name) ?? new Map()))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async #settings(topics: readonly string[]): Promise<Map<string, ReadonlyMap<string, string>>> {
    if (topics.length === 0) return new Map()
    const results = await this.#cluster.retry(
      async () => {
        const node = await this.#cluster.anyNode()
        const input = { topics, names: SETTING_NAMES }
        return this.#cluster.send(node, DESCRIBE_CONFIGS, input, { lane: 'main' })
      },
      { what: 'settings of topics' },
    )
    return new Map(
      results.filter(({ error }) => error === 0).map(({ name, settings }) => [name, settings]),
    )
  }

  async #create(topics: readonly TopicConfig[]): Promise<void> {
    if (topics.length === 0) return
    const create = (fixed: Record<string, string>): Promise<void> =>
      this.#admin(
        CREATE_TOPICS,
        topics.map((topic) => ({
          name: topic.name,
          partitions: topic.partitions,
          replicationFactor: this.#replicationFactor,
          configs: { ...settingsOf(topic), ...fixed },
        })),
        [CODE.topicAlreadyExists],
      )
    try {
      await create({ ...FIXED, ...ANY_TIME })
    } catch (error) {
      if (!(error instanceof FaultlineError && error.code === 'config_invalid')) throw error
      await create(FIXED)
    }
  }

  async #raise(topics: readonly TopicConfig[]): Promise<void> {
    if (topics.length === 0) return
    const counts = topics.map(({ name, partitions }) => ({ name, count: partitions }))
    await this.#admin(CREATE_PARTITIONS, counts, [CODE.invalidPartitions])
  }

  async #correct(topics: readonly TopicConfig[]): Promise<void> {
    const settings = await this.#settings(topics.map(({ name }) => name))
    const wrong = topics.filter((topic) => {
      const current = settings.get(topic.name)
      return Object.entries(settingsOf(topic)).some(([name, value]) => current?.get(name) !== value)
    })
    if (wrong.length === 0) return
    const input = wrong.map((topic) => ({
      name: topic.name,
      configs: { ...settingsOf(topic), ...FIXED },
    }))
    await this.#admin(ALTER_CONFIGS, input, [])
  }

  /** A change by the controller; `tolerated` codes mean that somebody else did it meanwhile. */
  async #admin<I>(
    api: Api<I, NamedResult[]>,
    input: I,
    tolerated: readonly number[],
  ): Promise<void> {
    await this.#cluster.retry(
      async () => {
        await this.#cluster.refresh([])
        const controller = this.#cluster.controllerId()
        const node = controller >= 0 ? controller : await this.#cluster.anyNode()
        const results = await this.#cluster.send(node, api, input, {
          lane: 'main',
          waitMs: ADMIN_MS_MAX,
        })
        for (const { name, error, detail } of results) {
          if (!tolerated.includes(error)) checkCode(`${api.name} ${name}`, error, detail)
        }
      },
      { what: api.name },
    )
  }

  async #ready(topics: readonly TopicConfig[]): Promise<void> {
    const names = topics.map(({ name }) => name)
    await this.#cluster.retry(
      async () => {
        const metadata = await this.#cluster.refresh(names)
        const byName = new Map(metadata.topics.map((topic) => [topic.name, topic]))
        for (const { name, partitions } of topics) {
          const leaders = byName.get(name)?.leaders ?? []
          if (leaders.length < partitions || leaders.some((leader) => leader < 0))
            throw new BrokerError('Metadata', CODE.leaderNotAvailable, name)
        }
      },
      { what: 'waiting for new topics' },
    )
  }
}
