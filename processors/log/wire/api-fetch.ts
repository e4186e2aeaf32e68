import type { TopicPartition } from '#/processors/log/port.ts'
import { canRead } from './api.ts'
import type { FrontContext, Handler } from './api.ts'
import { codeOf } from './api-groups.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'

interface Wanted extends TopicPartition {
  from: number
  bytesMax: number
}

interface Part {
  wanted: Wanted
  code: number
  batches: readonly Buffer[]
  bytes: number
}

const WAIT_MS_MAX = 30_000
const RESPONSE_BYTES_MAX = 64 * 1024 * 1024

/**
 * Whole batches as they lie in the log. There are no open transactions to hold readers back (see Transactions), so
 * both isolation levels are the same. Incremental sessions are declined: every request names its partitions.
 */
export const fetch: Handler = async (context, { version, body, signal }, answer) => {
  body.int32()
  const waitMs = Math.min(Math.max(body.int32(), 0), WAIT_MS_MAX)
  const bytesMin = body.int32()
  const bytesMax = Math.min(Math.max(body.int32(), 1), RESPONSE_BYTES_MAX)
  body.int8()
  if (version >= 7) {
    body.int32()
    body.int32()
  }
  const topics = body.array(() => {
    const topic = body.string()
    return body.array(() => {
      const partition = body.int32()
      if (version >= 9) body.int32()
      const from = body.int64()
      if (version >= 5) body.int64()
      return { topic, partition, from, bytesMax: body.int32() }
    })
  })
  const limits = { bytesMin, bytesMax, deadlineMs: context.clock.monotonicMs() + waitMs }
  const parts = await gatherEnough(context, topics.flat(), limits, signal)
  answer.int32(0)
  if (version >= 7) answer.int16(KAFKA.NONE).int32(0)
  answer.array(topics, (partitions) => {
    answer.string(partitions[0]?.topic ?? '')
    answer.array(partitions, (wanted) => {
      const { code, batches } = parts.get(wanted)!
      const range = context.front.range(wanted)
      const end = range?.end ?? -1
      answer.int32(wanted.partition).int16(code).int64(end).int64(end)
      if (version >= 5) answer.int64(range?.begin ?? -1)
      answer.int32(0)
      if (version >= 11) answer.int32(-1)
      answer.pieces(batches)
    })
  })
}

type Parts = ReadonlyMap<Wanted, Part>

async function gatherEnough(
  context: FrontContext,
  wanted: readonly Wanted[],
  limits: { bytesMin: number; bytesMax: number; deadlineMs: number },
  signal: AbortSignal,
): Promise<Parts> {
  for (;;) {
    const parts = await gather(context, wanted, limits.bytesMax)
    const all = [...parts.values()]
    const bytes = all.reduce((sum, part) => sum + part.bytes, 0)
    const hasFailure = all.some(({ code }) => code !== KAFKA.NONE)
    const waitMs = limits.deadlineMs - context.clock.monotonicMs()
    if (bytes >= limits.bytesMin || hasFailure || waitMs <= 0 || signal.aborted) return parts
    if (wanted.length === 0) await context.clock.sleep(waitMs, signal)
    else await context.front.wait(wanted, { waitMs, signal })
  }
}

/** The first partition that has something gives at least one batch, whatever its size. */
async function gather(
  context: FrontContext,
  wanted: readonly Wanted[],
  bytesMax: number,
): Promise<Parts> {
  const parts = new Map<Wanted, Part>()
  let rest = bytesMax
  for (const one of wanted) {
    const part: Part = { wanted: one, code: KAFKA.NONE, batches: [], bytes: 0 }
    parts.set(one, part)
    part.code = await codeOf(context, async () => {
      const range = canRead(context.policy.accessOf(one.topic))
        ? context.front.range(one)
        : undefined
      if (range === undefined)
        throw new KafkaError(KAFKA.UNKNOWN_TOPIC_OR_PARTITION, `there is no ${one.topic}`)
      if (one.from < range.begin || one.from > range.end)
        throw new KafkaError(KAFKA.OFFSET_OUT_OF_RANGE, 'the log does not hold this offset')
      if (rest <= 0 || one.from === range.end) return
      part.batches = await context.front.read(one, one.from, Math.min(one.bytesMax, rest))
      part.bytes = part.batches.reduce((sum, batch) => sum + batch.length, 0)
      // Only the very first batch of an answer may be larger than asked for.
      if (part.bytes > rest && rest < bytesMax) Object.assign(part, { batches: [], bytes: 0 })
      rest -= part.bytes
    })
  }
  return parts
}
