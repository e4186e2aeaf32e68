import type { TopicConfig } from '#/processors/log/port.ts'
import { canRead, LEADER_EPOCH, NO_OPERATIONS, NODE_ID } from './api.ts'
import type { FrontContext, Handler } from './api.ts'
import { KAFKA } from './kafka-errors.ts'

interface Shown {
  name: string
  code: number
  config: TopicConfig | undefined
}

/** Topics are never created by asking for them: a typing error would make one. */
export const metadata: Handler = async (context, { version, body, address }, answer) => {
  const asked = body.nullableArray(() => body.string())
  const isAll = asked === null || (version === 0 && asked.length === 0)
  const shown = isAll ? visible(context) : asked.map((name) => lookUp(context, name))
  if (version >= 3) answer.int32(0)
  answer.array([NODE_ID], (node) => {
    answer.int32(node).string(address.host).int32(address.port)
    if (version >= 1) answer.string(null)
  })
  if (version >= 2) answer.string(context.clusterId)
  if (version >= 1) answer.int32(NODE_ID)
  answer.array(shown, ({ name, code, config }) => {
    answer.int16(code).string(name)
    if (version >= 1) answer.bool(false)
    answer.array([...Array(config?.partitions ?? 0).keys()], (partition) => {
      answer.int16(KAFKA.NONE).int32(partition).int32(NODE_ID)
      if (version >= 7) answer.int32(LEADER_EPOCH)
      for (let list = 0; list < 2; list++) answer.array([NODE_ID], (node) => answer.int32(node))
      if (version >= 5) answer.int32(0)
    })
    if (version >= 8) answer.int32(NO_OPERATIONS)
  })
  if (version >= 8) answer.int32(NO_OPERATIONS)
}

function visible({ front, policy }: FrontContext): Shown[] {
  return front
    .topics()
    .filter(({ name }) => canRead(policy.accessOf(name)))
    .map((config) => ({ name: config.name, code: KAFKA.NONE, config }))
}

function lookUp({ front, policy }: FrontContext, name: string): Shown {
  const config = front.topic(name)
  if (config === undefined)
    return { name, code: KAFKA.UNKNOWN_TOPIC_OR_PARTITION, config: undefined }
  if (!canRead(policy.accessOf(name)))
    return { name, code: KAFKA.TOPIC_AUTHORIZATION_FAILED, config: undefined }
  return { name, code: KAFKA.NONE, config }
}
