import type { ChildProcess } from 'node:child_process'
import { Kafka, logLevel } from 'kafkajs'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { scanPartition } from '#/processors/runtime/changelog.ts'
import { processCpuMs } from '#/test/bench/process-usage.ts'

/** One contestant over a topic that is full already: what it takes from the end of its warm-up to the end of the topic. */
export interface RaceOptions {
  brokers: readonly string[]
  group: string
  topic: string
  process: ChildProcess
  brokerPid: number
  /** Records before the clock starts: compilers warm up, caches fill. */
  warmUp: number
}

export interface RaceResult {
  records: number
  seconds: number
  /** CPU µs per record, all threads. */
  ownUs: number
  brokerUs: number
}

const LOOK_MS = 100
const STALL_MS_MAX = 180_000

export async function race(options: RaceOptions): Promise<RaceResult> {
  const { brokers, group, topic, warmUp } = options
  const pid = options.process.pid ?? 0
  let told = ''
  options.process.stderr?.setEncoding('utf8').on('data', (part: string) => {
    told = (told + part).slice(-4096)
  })
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const last = (await admin.fetchTopicOffsets(topic)).reduce(
      (sum, { high }) => sum + Number(high),
      0,
    )
    const until = async (wanted: number): Promise<Mark> => {
      for (let before = -1, sinceMs = systemClock.monotonicMs(); ;) {
        const done = await committed()
        const nowMs = systemClock.monotonicMs()
        if (done >= wanted) return { done, ...mark() }
        if (done !== before) sinceMs = nowMs
        before = done
        if (options.process.exitCode !== null || nowMs - sinceMs > STALL_MS_MAX)
          throw new Error(`${group} stands at ${done} of ${last}:\n${told}`)
        await systemClock.sleep(LOOK_MS)
      }
    }
    const committed = async (): Promise<number> => {
      // A coordinator that has just begun refuses for a moment.
      const asked = admin.fetchOffsets({ groupId: group, topics: [topic] })
      const partitions = (await asked.catch(() => []))[0]?.partitions ?? []
      return partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
    }
    const mark = () => ({
      atMs: systemClock.monotonicMs(),
      ownMs: processCpuMs(pid),
      brokerMs: processCpuMs(options.brokerPid),
    })
    const from = await until(warmUp)
    const to = await until(last)
    const records = to.done - from.done
    return {
      records,
      seconds: (to.atMs - from.atMs) / 1000,
      ownUs: ((to.ownMs - from.ownMs) * 1000) / records,
      brokerUs: ((to.brokerMs - from.brokerMs) * 1000) / records,
    }
  } finally {
    await admin.disconnect()
  }
}

interface Mark {
  done: number
  atMs: number
  ownMs: number
  brokerMs: number
}

/** Asks a contestant to end and waits. */
export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.once('exit', () => {
      clearTimeout(tooLong)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** The last count of every key, of committed records only: both contestants must have the same. */
export async function countsOf(
  brokers: readonly string[],
  { topic, partitions }: { topic: string; partitions: number },
): Promise<Map<string, number>> {
  const clocks = { clock: systemClock, random: systemRandom }
  const log = await openKafkaLog({ brokers, client: 'kafkajs', clientId: 'counts', ...clocks })
  const counts = new Map<string, number>()
  try {
    for (let partition = 0; partition < partitions; partition += 1)
      await scanPartition(log, { topic, partition }, ({ key, value }) =>
        counts.set(String(key), Number(String(value))),
      )
  } finally {
    await log.close()
  }
  return counts
}
