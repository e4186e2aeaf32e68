import { NO_OPERATIONS, NODE_ID } from './api.ts'
import type { FrontContext, Handler } from './api.ts'
import { KAFKA, KafkaError, kafkaCodeOf } from './kafka-errors.ts'
import type { JoinAnswer, SyncAnswer } from './remote-group.ts'

const NOTHING = Buffer.alloc(0)

/** Runs `work`; the code of its failure, 0 when there is none. */
export async function codeOf(context: FrontContext, work: () => unknown): Promise<number> {
  try {
    await work()
    return KAFKA.NONE
  } catch (error) {
    const code = kafkaCodeOf(error)
    if (code === undefined) context.onProblem(error)
    return code ?? KAFKA.UNKNOWN_SERVER_ERROR
  }
}

export function checkForeign({ policy, front }: FrontContext, group: string): void {
  if (policy.isOwnGroup(group) || front.hasLocalMembers(group))
    throw new KafkaError(KAFKA.GROUP_AUTHORIZATION_FAILED, `${group} is the platform's own group`)
}

export const findCoordinator: Handler = async (_context, { version, address, body }, answer) => {
  body.string()
  if (version >= 1) body.int8()
  if (version >= 1) answer.int32(0)
  answer.int16(KAFKA.NONE)
  if (version >= 1) answer.string(null)
  answer.int32(NODE_ID).string(address.host).int32(address.port)
}

export const joinGroup: Handler = async (context, request, answer) => {
  const { version, body, clientId, host } = request
  const group = body.string()
  const sessionMs = body.int32()
  const rebalanceMs = version >= 1 ? body.int32() : sessionMs
  const memberId = body.string()
  const instanceId = version >= 5 ? body.nullableString() : null
  const protocolType = body.string()
  // Kept for as long as the member is: not as a view on the request.
  const protocols = body.array(() => ({ name: body.string(), metadata: Buffer.from(body.bytes()) }))
  const member = { memberId, instanceId, clientId, host, sessionMs, rebalanceMs }
  let result: JoinAnswer = {
    code: KAFKA.NONE,
    generation: -1,
    protocol: '',
    leader: '',
    memberId,
    members: [],
  }
  const code = await codeOf(context, async () => {
    checkForeign(context, group)
    const joined = { ...member, protocolType, protocols }
    result = await context.groups.join(group, joined, { wantsIdFirst: version >= 4 })
  })
  if (version >= 2) answer.int32(0)
  answer.int16(code === KAFKA.NONE ? result.code : code).int32(result.generation)
  answer.string(result.protocol).string(result.leader).string(result.memberId)
  answer.array(result.members, (one) => {
    answer.string(one.memberId)
    if (version >= 5) answer.string(one.instanceId)
    answer.bytes(one.metadata)
  })
}

export const syncGroup: Handler = async (context, { version, body }, answer) => {
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 3 ? body.nullableString() : null
  const assignments = new Map(body.array(() => [body.string(), Buffer.from(body.bytes())] as const))
  let result: SyncAnswer = { code: KAFKA.NONE, assignment: NOTHING }
  const code = await codeOf(context, async () => {
    result = await context.groups.sync(group, { memberId, instanceId, generation }, assignments)
  })
  if (version >= 1) answer.int32(0)
  answer.int16(code === KAFKA.NONE ? result.code : code).bytes(result.assignment)
}

export const heartbeat: Handler = async (context, { version, body }, answer) => {
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 3 ? body.nullableString() : null
  const code = await codeOf(context, () =>
    context.groups.heartbeat(group, { memberId, instanceId, generation }),
  )
  if (version >= 1) answer.int32(0)
  answer.int16(code)
}

export const leaveGroup: Handler = async (context, { version, body }, answer) => {
  const group = body.string()
  const leaving =
    version >= 3
      ? body.array(() => ({ memberId: body.string(), instanceId: body.nullableString() }))
      : [{ memberId: body.string(), instanceId: null }]
  const left: { memberId: string; instanceId: string | null; code: number }[] = []
  for (const { memberId, instanceId } of leaving) {
    const code = await codeOf(context, () => context.groups.leave(group, memberId, instanceId))
    left.push({ memberId, instanceId, code })
  }
  if (version >= 1) answer.int32(0)
  if (version < 3) {
    answer.int16(left[0]?.code ?? KAFKA.NONE)
    return
  }
  answer.int16(KAFKA.NONE)
  answer.array(left, ({ memberId, instanceId, code }) =>
    answer.string(memberId).string(instanceId).int16(code),
  )
}

export const listGroups: Handler = async (context, { version }, answer) => {
  const stored = await context.log.groups()
  const names = [...new Set([...stored, ...context.groups.names()])].toSorted()
  if (version >= 1) answer.int32(0)
  answer.int16(KAFKA.NONE)
  answer.array(names, (name) => {
    const type = context.groups.find(name)?.protocolType
    answer.string(name).string(type === undefined || type === '' ? 'consumer' : type)
  })
}

/**
 * The platform's own groups have no member that speaks the protocol, so they show as `Empty`: which is what lets
 * Kafka's tools set their offsets back.
 */
export const describeGroups: Handler = async (context, { version, body }, answer) => {
  const names = body.array(() => body.string())
  const stored = new Set(await context.log.groups())
  if (version >= 1) answer.int32(0)
  answer.array(names, (name) => {
    const group = context.groups.find(name)
    const isKnown = stored.has(name) || context.policy.isOwnGroup(name)
    const state = group?.state ?? (isKnown ? 'Empty' : 'Dead')
    const type = group?.protocolType ?? (isKnown ? 'consumer' : '')
    answer.int16(KAFKA.NONE).string(name).string(state).string(type)
    answer.string(group?.protocol ?? '')
    answer.array(group?.members ?? [], (member) => {
      answer.string(member.memberId)
      if (version >= 4) answer.string(member.instanceId)
      answer.string(member.clientId).string(member.host)
      answer.bytes(group!.metadataOf(member)).bytes(member.assignment)
    })
    if (version >= 3) answer.int32(NO_OPERATIONS)
  })
}
