import { checkCode } from './broker-error.ts'
import { WireReader, WireWriter } from './wire.ts'

/** One request: how it is written, how its answer is read. `V` is the newest version we speak. */
export interface Api<I, O> {
  key: number
  name: string
  /** Newest first; the first that the broker knows is used. */
  versions: readonly ApiVersion<I, O>[]
}

export interface ApiVersion<I, O> {
  version: number
  isFlexible: boolean
  write(input: I, writer: WireWriter): void
  read(reader: WireReader): O
}

export function oneVersion<I, O>(
  key: number,
  name: string,
  only: Omit<ApiVersion<I, O>, 'isFlexible'> & { isFlexible?: boolean },
): Api<I, O> {
  return { key, name, versions: [{ isFlexible: false, ...only }] }
}

export interface BrokerNode {
  nodeId: number
  host: string
  port: number
}

export interface TopicMetadata {
  error: number
  name: string
  isInternal: boolean
  /** The node that leads each partition, by partition; -1 when nobody does. */
  leaders: readonly number[]
}

export interface ClusterMetadata {
  brokers: readonly BrokerNode[]
  controllerId: number
  topics: readonly TopicMetadata[]
}

function readTopic(reader: WireReader): TopicMetadata {
  const error = reader.int16()
  const name = reader.string()
  const isInternal = reader.bool()
  const leaders: number[] = []
  reader.array(() => {
    const partitionError = reader.int16()
    const index = reader.int32()
    const leader = reader.int32()
    reader.int32()
    reader.array(() => reader.int32())
    reader.array(() => reader.int32())
    reader.array(() => reader.int32())
    // A leader whose log dir fails is no leader.
    leaders[index] = partitionError === 0 || partitionError === 9 ? leader : -1
  })
  reader.int32()
  return { error, name, isInternal, leaders: Array.from(leaders, (leader) => leader ?? -1) }
}

/** null asks for all topics. */
export const METADATA = oneVersion<readonly string[] | null, ClusterMetadata>(3, 'Metadata', {
  version: 8,
  write: (topics, writer) => {
    writer.array(topics, (name) => writer.string(name))
    writer.bool(false).bool(false).bool(false)
  },
  read: (reader) => {
    reader.int32()
    const brokers = reader.array(() => {
      const node = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() }
      reader.nullableString()
      return node
    })
    reader.nullableString()
    const controllerId = reader.int32()
    return { brokers, controllerId, topics: reader.array(() => readTopic(reader)) }
  },
})

export type CoordinatorType = 'group' | 'transaction'

export const FIND_COORDINATOR = oneVersion<{ key: string; type: CoordinatorType }, BrokerNode>(
  10,
  'FindCoordinator',
  {
    version: 2,
    write: ({ key, type }, writer) => writer.string(key).int8(type === 'group' ? 0 : 1),
    read: (reader) => {
      reader.int32()
      const error = reader.int16()
      const detail = reader.string()
      checkCode('FindCoordinator', error, detail)
      return { nodeId: reader.int32(), host: reader.string(), port: reader.int32() }
    },
  },
)

export interface NewTopic {
  name: string
  partitions: number
  replicationFactor: number
  configs: Readonly<Record<string, string>>
}

export interface NamedResult {
  name: string
  error: number
  detail: string
}

function readResults(reader: WireReader): NamedResult[] {
  reader.int32()
  return reader.array(() => ({
    name: reader.string(),
    error: reader.int16(),
    detail: reader.string(),
  }))
}

export const ADMIN_MS_MAX = 20_000

export const CREATE_TOPICS = oneVersion<readonly NewTopic[], NamedResult[]>(19, 'CreateTopics', {
  version: 4,
  write: (topics, writer) => {
    writer.array(topics, (topic) => {
      writer
        .string(topic.name)
        .int32(topic.partitions)
        .int16(topic.replicationFactor)
        .array([], () => undefined)
      writer.array(Object.entries(topic.configs), ([name, value]) =>
        writer.string(name).string(value),
      )
    })
    writer.int32(ADMIN_MS_MAX).bool(false)
  },
  read: readResults,
})

export const CREATE_PARTITIONS = oneVersion<
  readonly { name: string; count: number }[],
  NamedResult[]
>(37, 'CreatePartitions', {
  version: 1,
  write: (topics, writer) => {
    writer.array(topics, ({ name, count }) =>
      writer
        .string(name)
        .int32(count)
        .array(null, () => undefined),
    )
    writer.int32(ADMIN_MS_MAX).bool(false)
  },
  read: readResults,
})

const TOPIC_RESOURCE = 2

export interface TopicSettings {
  name: string
  error: number
  settings: ReadonlyMap<string, string>
}

/** The settings of topics, of these names only. */
export const DESCRIBE_CONFIGS = oneVersion<
  { topics: readonly string[]; names: readonly string[] },
  TopicSettings[]
>(32, 'DescribeConfigs', {
  version: 2,
  write: ({ topics, names }, writer) => {
    writer.array(topics, (topic) => {
      writer
        .int8(TOPIC_RESOURCE)
        .string(topic)
        .array(names, (name) => writer.string(name))
    })
    writer.bool(false)
  },
  read: (reader) => {
    reader.int32()
    return reader.array(() => {
      const error = reader.int16()
      reader.nullableString()
      reader.int8()
      const name = reader.string()
      const settings = new Map<string, string>()
      reader.array(() => {
        const setting = reader.string()
        settings.set(setting, reader.string())
        reader.bool()
        reader.int8()
        reader.bool()
        reader.array(() => [reader.string(), reader.nullableString(), reader.int8()])
      })
      return { name, error, settings }
    })
  },
})

export const ALTER_CONFIGS = oneVersion<
  readonly { name: string; configs: Readonly<Record<string, string>> }[],
  NamedResult[]
>(44, 'IncrementalAlterConfigs', {
  version: 0,
  write: (topics, writer) => {
    writer.array(topics, (topic) => {
      writer.int8(TOPIC_RESOURCE).string(topic.name)
      writer.array(Object.entries(topic.configs), ([name, value]) =>
        writer.string(name).int8(0).string(value),
      )
    })
    writer.bool(false)
  },
  read: (reader) => {
    reader.int32()
    return reader.array(() => {
      const error = reader.int16()
      const detail = reader.string()
      reader.int8()
      return { error, detail, name: reader.string() }
    })
  },
})

export const LIST_GROUPS = oneVersion<void, { group: string; protocolType: string }[]>(
  16,
  'ListGroups',
  {
    version: 2,
    write: () => undefined,
    read: (reader) => {
      reader.int32()
      checkCode('ListGroups', reader.int16())
      return reader.array(() => ({ group: reader.string(), protocolType: reader.string() }))
    },
  },
)
