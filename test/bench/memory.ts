import { systemClock } from '#/kernel/clock.ts'
import { startPlatform } from '#/test/e2e/platform.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import type { LoadResult } from './load-process.ts'
import { residentMb } from './process-usage.ts'

interface MemoryOptions {
  minutes: number
  /** Events/s. */
  rate: number
  load: (
    platform: RunningPlatform,
    wish: { batch: number; connections: number; seconds: number; rate: number },
  ) => Promise<LoadResult>
}

const SAMPLE_MS = 5000
const LINES = 12

/** Resident memory of the platform and of ClickHouse under a steady load, and how it grows in the second half. */
export async function measureMemory(
  print: (line: string) => void,
  { minutes, rate, load }: MemoryOptions,
): Promise<void> {
  await using platform = await startPlatform({ args: ['--log-level', 'warn'] })
  const samples: { atS: number; platform: number; engine: number }[] = []
  const startedMs = systemClock.monotonicMs()
  const seconds = minutes * 60
  const sending = load(platform, { batch: 100, connections: 8, seconds, rate })
  while (systemClock.monotonicMs() - startedMs < seconds * 1000) {
    await systemClock.sleep(SAMPLE_MS)
    const [engine] = platform.children()
    samples.push({
      atS: (systemClock.monotonicMs() - startedMs) / 1000,
      platform: residentMb(platform.pid),
      engine: engine === undefined ? 0 : residentMb(engine),
    })
  }
  const sent = await sending
  print(`memory over ${minutes} min at ${rate} events/s (${sent.events} accepted), resident MB:`)
  const step = Math.max(1, Math.floor(samples.length / LINES))
  for (const [index, { atS, platform: own, engine }] of samples.entries())
    if (index % step === 0 || index === samples.length - 1)
      print(
        `  ${atS.toFixed(0).padStart(5)} s  platform ${own.toFixed(0)}  ClickHouse ${engine.toFixed(0)}`,
      )
  const later = samples.slice(Math.floor(samples.length / 2))
  for (const name of ['platform', 'engine'] as const)
    print(
      `  ${name} in the second half: ${slope(later.map((one) => [one.atS, one[name]])).toFixed(1)} MB a minute`,
    )
}

/** Least squares, per minute. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (index: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[index], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  const under = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  return under === 0 ? 0 : (over / under) * 60
}
