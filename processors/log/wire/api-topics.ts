import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { TopicConfig } from '#/processors/log/port.ts'
import { canRead } from './api.ts'
import type { FrontContext, Handler } from './api.ts'
import { KAFKA, KafkaError, kafkaCodeOf } from './kafka-errors.ts'
import { configsOf, readConfigs } from './topic-settings.ts'

const TOPICS_MAX = 2000
const PARTITIONS_MAX = 10_000

interface Wish {
  name: string
  partitions: number
  replicas: number
  isAssigned: boolean
  configs: readonly (readonly [name: string, value: string | null])[]
}

interface Done {
  name: string
  code: number
  message: string | null
}

export const createTopics: Handler = async (context, { version, body }, answer) => {
  const wishes = body.array((): Wish => {
    const name = body.string()
    const partitions = body.int32()
    const replicas = body.int16()
    const assigned = body.array(() => [body.int32(), body.array(() => body.int32())])
    const configs = body.array(() => [body.string(), body.nullableString()] as const)
    return { name, partitions, replicas, isAssigned: assigned.length > 0, configs }
  })
  body.int32()
  const isTrial = version >= 1 && body.bool()
  const done: Done[] = []
  for (const wish of wishes) {
    done.push(
      await outcomeOf(context, wish.name, async () => {
        const config = topicOf(context, wish)
        if (!isTrial) await context.log.createTopics([config])
      }),
    )
  }
  if (version >= 2) answer.int32(0)
  answer.array(done, ({ name, code, message }) => {
    answer.string(name).int16(code)
    if (version >= 1) answer.string(message)
  })
}

function topicOf({ front }: FrontContext, wish: Wish): TopicConfig {
  const { name, replicas, isAssigned, configs } = wish
  const partitions = wish.partitions === -1 ? 1 : wish.partitions
  if (front.topic(name) !== undefined)
    throw new KafkaError(KAFKA.TOPIC_ALREADY_EXISTS, `there is a topic ${name} already`)
  if (isAssigned) throw new KafkaError(KAFKA.INVALID_REPLICA_ASSIGNMENT, 'there is one broker only')
  if (replicas !== 1 && replicas !== -1)
    throw new KafkaError(KAFKA.INVALID_REPLICATION_FACTOR, 'replication.factor must be 1 here')
  const all = front.topics()
  const total = all.reduce((sum, topic) => sum + topic.partitions, 0)
  if (partitions < 1 || total + partitions > PARTITIONS_MAX || all.length >= TOPICS_MAX) {
    const detail = `1 partition at least, ${PARTITIONS_MAX} in ${TOPICS_MAX} topics at most`
    throw new KafkaError(KAFKA.INVALID_PARTITIONS, detail)
  }
  return { name, partitions, ...readConfigs(configs) }
}

export const deleteTopics: Handler = async (context, { version, body }, answer) => {
  const names = body.array(() => body.string())
  const done: Done[] = []
  for (const name of names) {
    done.push(
      await outcomeOf(context, name, async () => {
        if (context.front.topic(name) !== undefined && context.policy.accessOf(name) !== 'all')
          throw new KafkaError(KAFKA.TOPIC_AUTHORIZATION_FAILED, `${name} is the platform's own`)
        await context.front.deleteTopic(name)
      }),
    )
  }
  if (version >= 1) answer.int32(0)
  answer.array(done, ({ name, code }) => answer.string(name).int16(code))
}

async function outcomeOf(
  context: FrontContext,
  name: string,
  work: () => Promise<void>,
): Promise<Done> {
  try {
    await work()
    return { name, code: KAFKA.NONE, message: null }
  } catch (error) {
    const isName = isFaultlineError(error, 'invalid_request')
    const code = isName ? KAFKA.INVALID_TOPIC_EXCEPTION : kafkaCodeOf(error)
    if (code === undefined) context.onProblem(error)
    return { name, code: code ?? KAFKA.UNKNOWN_SERVER_ERROR, message: messageOf(error) }
  }
}

const TOPIC_RESOURCE = 2
const BROKER_RESOURCE = 4
const DEFAULT_SOURCE = 5
const TOPIC_SOURCE = 1
/** How the broker's own settings would read in a server.properties. */
const BROKER_CONFIGS: readonly (readonly [string, string])[] = [
  ['auto.create.topics.enable', 'false'],
  ['default.replication.factor', '1'],
  ['delete.topic.enable', 'true'],
  ['num.partitions', '1'],
]

export const describeConfigs: Handler = async (context, { version, body }, answer) => {
  const resources = body.array(() => {
    const type = body.int8()
    const name = body.string()
    return { type, name, keys: body.nullableArray(() => body.string()) }
  })
  answer.int32(0)
  answer.array(resources, ({ type, name, keys }) => {
    const configs = resourceConfigs(context, type, name)
    const isKnown = configs !== undefined
    const missing =
      type === TOPIC_RESOURCE ? KAFKA.UNKNOWN_TOPIC_OR_PARTITION : KAFKA.INVALID_REQUEST
    answer.int16(isKnown ? KAFKA.NONE : missing)
    answer.string(isKnown ? null : `there is no ${name}`)
    answer.int8(type).string(name)
    const wanted = (configs ?? []).filter(([key]) => keys === null || keys.includes(key))
    answer.array(wanted, ([key, value]) => {
      answer
        .string(key)
        .string(value)
        .bool(type === BROKER_RESOURCE)
      if (version === 0) answer.bool(false)
      else answer.int8(type === BROKER_RESOURCE ? DEFAULT_SOURCE : TOPIC_SOURCE)
      answer.bool(false)
      if (version >= 1) answer.int32(0)
      if (version >= 3) answer.int8(0).string(null)
    })
  })
}

function resourceConfigs({ front, policy }: FrontContext, type: number, name: string) {
  if (type === BROKER_RESOURCE) return BROKER_CONFIGS
  const config = type === TOPIC_RESOURCE ? front.topic(name) : undefined
  return config === undefined || !canRead(policy.accessOf(name)) ? undefined : configsOf(config)
}
