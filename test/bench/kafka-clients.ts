import { systemClock } from '#/kernel/clock.ts'
import { randomSecret, systemRandom } from '#/kernel/random.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import type { KafkaClient } from '#/processors/log/kafka/options.ts'
import type { Log, ProducedRecord } from '#/processors/log/port.ts'
import { startBroker } from '#/test/kafka/broker.ts'
import { externalBrokers, whyNoBroker } from '#/test/kafka/java.ts'

/**
 * The log on a real broker, with each client library: CPU of this process per record (all threads, the broker not
 * counted), and how long things take. Which one is the default rests on this.
 */
const VALUE_BYTES = 300
const PARTITIONS = 4
const RECORDS = 100_000
const ROUNDS = 3
const PINGS = 300
export const BATCHES = [100, 1000]

type Print = (line: string) => void

export function records(count: number): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(`fingerprint-${index % 97}`),
    value: Buffer.alloc(VALUE_BYTES, index % 251),
    timestampMs: systemClock.nowMs(),
  }))
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN
}

const PARTITION_NUMBERS = Array.from({ length: PARTITIONS }, (_, partition) => partition)

interface Cost {
  cpuUs: number
  perSecond: number
}

async function costOf(work: () => Promise<number>): Promise<Cost> {
  const [startUs, startMs] = [cpuUs(), systemClock.monotonicMs()]
  const count = await work()
  const seconds = (systemClock.monotonicMs() - startMs) / 1000
  return { cpuUs: (cpuUs() - startUs) / count, perSecond: count / seconds }
}

/** One append at a time per partition, as a busy door has it. */
export async function produce(log: Log, batch: readonly ProducedRecord[]): Promise<number> {
  await Promise.all(
    PARTITION_NUMBERS.map(async (partition) => {
      for (let sent = 0; sent < RECORDS / PARTITIONS; sent += batch.length)
        await log.append([{ topic: 'in', partition, records: batch }])
    }),
  )
  return RECORDS
}

export async function consume(log: Log): Promise<number> {
  const counts = await Promise.all(
    PARTITION_NUMBERS.map(async (partition) => {
      const tp = { topic: 'in', partition }
      let next = 0
      for (const end = await log.endOffset(tp); next < end;) {
        const read = await log.read(tp, next, { bytesMax: 512 * 1024, waitMs: 100 })
        next = (read.at(-1)?.offset ?? next - 1) + 1
      }
      return next
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Commits of as many outputs as a batch has, each with the offset of its input. */
async function commit(
  log: Log,
  batch: readonly ProducedRecord[],
  times: number[],
): Promise<number> {
  const membership = await log.join({
    group: `commit-${batch.length}-${randomSecret(4)}`,
    topics: ['in'],
    onAssigned: async () => undefined,
    onRevoked: async () => undefined,
  })
  const count = RECORDS / 4 / PARTITIONS
  await Promise.all(
    PARTITION_NUMBERS.map(async (partition) => {
      for (let sent = 0; sent < count; sent += batch.length) {
        const startMs = systemClock.monotonicMs()
        await log.commit({
          membership,
          outputs: [{ topic: 'out', partition, records: batch }],
          offsets: [{ topic: 'in', partition, offset: sent, metadata: '{"epoch":1}' }],
        })
        times.push(systemClock.monotonicMs() - startMs)
      }
    }),
  )
  await membership.leave()
  return count * PARTITIONS
}

/** From the call of append to the record in the hands of a waiting reader. */
async function ping(log: Log): Promise<number[]> {
  const tp = { topic: 'ping', partition: 0 }
  const [one] = records(1)
  const times: number[] = []
  let next = await log.endOffset(tp)
  for (let index = 0; index < PINGS; index++) {
    const reading = log.read(tp, next, { bytesMax: 1024, waitMs: 10_000 })
    await systemClock.sleep(5)
    const startMs = systemClock.monotonicMs()
    await log.append([{ ...tp, records: [one!] }])
    await reading
    times.push(systemClock.monotonicMs() - startMs)
    next++
  }
  return times
}

export async function open(brokers: readonly string[], client: KafkaClient): Promise<Log> {
  const prefix = `bench-${randomSecret(4)}.`
  const from = { brokers, client, clientId: 'bench', prefix }
  const log = await openKafkaLog({ ...from, clock: systemClock, random: systemRandom })
  const limits = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  const topics = ['in', 'out', 'ping'].map((name) => ({ name, partitions: PARTITIONS, ...limits }))
  await log.createTopics(topics)
  return log
}

async function measure(
  brokers: readonly string[],
  client: KafkaClient,
  print: Print,
): Promise<void> {
  for (const size of BATCHES) {
    const batch = records(size)
    const [produced, consumed, committed]: [Cost[], Cost[], Cost[]] = [[], [], []]
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      // Topics of its own each time: reading begins at the beginning.
      const log = await open(brokers, client)
      produced.push(await costOf(() => produce(log, batch)))
      consumed.push(await costOf(() => consume(log)))
      committed.push(await costOf(() => commit(log, batch, times)))
      await log.close()
    }
    const line = (name: string, costs: readonly Cost[]): string => {
      const best = costs.toSorted((a, b) => a.cpuUs - b.cpuUs)[Math.floor(ROUNDS / 2)]!
      return `${name} ${best.cpuUs.toFixed(1)} µs/record (${Math.round(best.perSecond / 1000)} k/s)`
    }
    const took = `commit p50 ${percentile(times, 0.5).toFixed(1)} p99 ${percentile(times, 0.99).toFixed(1)} ms`
    print(
      `${client.padEnd(12)} batches of ${String(size).padStart(4)}: ${line('produce', produced)}, ${line('consume', consumed)}, ${line('commit', committed)}, ${took}`,
    )
  }
  const log = await open(brokers, client)
  const times = await ping(log)
  await log.close()
  print(
    `${client.padEnd(12)} append to waiting reader: p50 ${percentile(times, 0.5).toFixed(1)} p99 ${percentile(times, 0.99).toFixed(1)} ms`,
  )
}

export async function run(print: Print): Promise<void> {
  const external = externalBrokers()
  const missing = external === undefined ? whyNoBroker() : undefined
  if (missing !== undefined) {
    print(`SKIPPED: ${missing}`)
    return
  }
  const broker = external === undefined ? await startBroker({ isForFigures: true }) : undefined
  const brokers = external ?? broker?.brokers ?? []
  try {
    // Twice, so that each client has once been first on a cold broker.
    for (const client of [...KAFKA_CLIENTS, ...KAFKA_CLIENTS]) await measure(brokers, client, print)
  } finally {
    await broker?.stop()
  }
}
