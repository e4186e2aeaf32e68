import { systemClock } from '#/kernel/clock.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import { startPlatform } from '#/test/e2e/platform.ts'
import { BATCHES, consume, open, produce, records } from './kafka-clients.ts'
import { processCpuMs } from './process-usage.ts'

/**
 * What a record costs the platform at the Kafka front of its embedded log: CPU of its process, all threads, less what
 * it takes at rest. The client lies in this process and is not counted.
 */
const ROUNDS = 3
const REST_MS = 5_000

export async function run(print: (line: string) => void): Promise<void> {
  await using platform = await startPlatform({ args: ['--kafka', 'on', '--kafka-port', '0'] })
  const { pid, kafka } = platform
  const restStartMs = processCpuMs(pid)
  await systemClock.sleep(REST_MS)
  const restShare = (processCpuMs(pid) - restStartMs) / REST_MS

  async function costUs(work: () => Promise<number>): Promise<number> {
    const [cpuMs, startMs] = [processCpuMs(pid), systemClock.monotonicMs()]
    const count = await work()
    const restMs = (systemClock.monotonicMs() - startMs) * restShare
    return ((processCpuMs(pid) - cpuMs - restMs) * 1000) / count
  }

  for (const client of KAFKA_CLIENTS) {
    for (const size of BATCHES) {
      const batch = records(size)
      const [produced, consumed]: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++) {
        const log = await open([kafka], client)
        produced.push(await costUs(() => produce(log, batch)))
        consumed.push(await costUs(() => consume(log)))
        await log.close()
      }
      print(
        `${client.padEnd(12)} batches of ${String(size).padStart(4)}: produce ${median(produced)}, fetch ${median(consumed)} CPU µs/record at the front`,
      )
    }
  }
}

function median(values: readonly number[]): string {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!.toFixed(2)
}
