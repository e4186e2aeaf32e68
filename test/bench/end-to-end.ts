import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { eventCount, startPlatform } from '#/test/e2e/platform.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { spawnNode, waitFor } from '#/test/e2e/processes.ts'
import { openStream } from '#/test/e2e/streams.ts'
import { quietPast } from '#/test/e2e/traffic.ts'
import type { IncidentRow, Page, StageView } from '#/schemas/view.ts'
import type { LoadResult } from './load-process.ts'
import { measureMemory } from './memory.ts'
import { mainThreadCpuMs, processCpuMs, residentMb } from './process-usage.ts'

/** The whole platform as a process of its own, with a sender in another, over loopback. */
type Print = (line: string) => void

const ROUNDS = 3
const SECONDS = 8
const STEADY_RATE = 20_000
const PROBE_MS = 100

export async function run(
  print: Print,
  { seconds = SECONDS, minutes }: { seconds?: number; minutes?: number } = {},
): Promise<void> {
  const must = (value: number, floor: number): string => (value >= floor ? 'reached' : 'MISSED')
  const rates: number[] = []
  for (let round = 0; round < ROUNDS; round += 1)
    rates.push((await sustained(print, { seconds })).rate)
  const rate = median(rates)
  print(
    `sustained until queryable: median ${whole(rate)} events/s (must 25,000: ${must(rate, 25_000)}; goal 50,000)`,
  )
  const singles: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) singles.push(await single(print, seconds))
  const posts = median(singles)
  print(`single POSTs: median ${whole(posts)}/s (must 8,000: ${must(posts, 8_000)}; goal 15,000)`)
  await steady(print, seconds * 2)
  if (minutes !== undefined) await measureMemory(print, { minutes, rate: STEADY_RATE / 2, load })
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en')
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

export interface LoadWish {
  batch: number
  connections: number
  seconds: number
  /** Events/s; 0 for as fast as possible. */
  rate: number
  firstId?: number
}

/** Runs the sender to its end. */
async function load(platform: RunningPlatform, wish: LoadWish): Promise<LoadResult> {
  const script = join(import.meta.dirname, 'load-process.ts')
  const { batch, connections, seconds, rate, firstId = 0 } = wish
  const numbers = { batch, connections, seconds, rate, 'first-id': firstId }
  const options = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)])
  const spawned = spawnNode(['--url', platform.url, '--key', platform.key, ...options], { script })
  const { code, stdout, stderr } = await spawned.finished
  if (code !== 0) throw new Error(`the sender ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as LoadResult
}

interface Usage {
  platformMs: number
  mainThreadMs: number
  engineMs: number
}

function usage(platform: RunningPlatform): Usage {
  const [engine = 0] = platform.children()
  return {
    platformMs: processCpuMs(platform.pid),
    mainThreadMs: mainThreadCpuMs(platform.pid),
    engineMs: processCpuMs(engine),
  }
}

export interface SustainedWish {
  seconds: number
  /** More arguments of `start`. */
  args?: readonly string[]
  /** A broker beside the platform. */
  brokerPid?: number
}

export interface Sustained {
  /** Events per second from the first POST until all rows, and the incidents, can be asked for. */
  rate: number
  /** CPU µs per event of the platform's process, and of the broker. */
  platformUs: number
  brokerUs: number
}

export async function sustained(print: Print, wish: SustainedWish): Promise<Sustained> {
  const { seconds, args = [], brokerPid } = wish
  const brokerMs = (): number => (brokerPid === undefined ? 0 : processCpuMs(brokerPid))
  await using platform = await startPlatform({ args: ['--log-level', 'warn', ...args] })
  await platform.post(quietPast({ service: 'service-0', minutes: 80, nowMs: systemClock.nowMs() }))
  await load(platform, { batch: 100, connections: 4, seconds: 2, rate: 10_000 })
  await caughtUp(platform)
  const before = await eventCount(platform)
  const from = { ...usage(platform), brokerMs: brokerMs() }
  const startedMs = systemClock.monotonicMs()
  const watch = watchLag(platform)
  const sent = await load(platform, {
    batch: 100,
    connections: 6,
    seconds,
    rate: 0,
    firstId: 1_000_000,
  })
  const acceptedMs = systemClock.monotonicMs() - startedMs
  await caughtUp(platform, before + sent.events)
  const tookMs = systemClock.monotonicMs() - startedMs
  const to = { ...usage(platform), brokerMs: brokerMs() }
  const lags = await watch.stop()
  const incidents = await platform.get<Page<IncidentRow>>('/api/incidents')
  if (incidents.items.length === 0) throw new Error('an outage went on and no incident was opened')
  const usOf = (ms: number): number => (ms * 1000) / sent.events
  const perEvent = (ms: number): string => usOf(ms).toFixed(1)
  const broker = brokerPid === undefined ? '' : `broker ${perEvent(to.brokerMs - from.brokerMs)}, `
  const rate = (sent.events * 1000) / tookMs
  const [engine = 0] = platform.children()
  print(
    `${whole(sent.events)} events: accepted ${whole((sent.events * 1000) / sent.elapsedMs)}/s, all queryable ${((tookMs - acceptedMs) / 1000).toFixed(1)} s later, ${whole(rate)}/s in all; ${incidents.items.length} incidents, ${sent.refused} refused`,
  )
  print(
    `  CPU µs/event: platform ${perEvent(to.platformMs - from.platformMs)} (its main thread ${perEvent(to.mainThreadMs - from.mainThreadMs)}), ClickHouse ${perEvent(to.engineMs - from.engineMs)}, ${broker}sender ${perEvent(sent.cpuMs)}; resident MB: ${residentMb(platform.pid).toFixed(0)} + ${residentMb(engine).toFixed(0)}`,
  )
  print(`  furthest behind: ${lags}`)
  return {
    rate,
    platformUs: usOf(to.platformMs - from.platformMs),
    brokerUs: usOf(to.brokerMs - from.brokerMs),
  }
}

/** Nothing is behind, and that many rows are there. */
async function caughtUp(platform: RunningPlatform, rows = 0): Promise<void> {
  await waitFor(
    async () => {
      const { stages } = await platform.get<{ stages: StageView[] }>('/health/detailed')
      return stages.every(({ lag }) => lag === 0) && (await eventCount(platform)) >= rows
    },
    { what: 'the processors to catch up', withinMs: 180_000, everyMs: 100 },
  )
}

/** The largest lag of each processor while something goes on. */
function watchLag(platform: RunningPlatform): { stop(): Promise<string> } {
  const largest = new Map<string, number>()
  const stopped = new AbortController()
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      const { stages } = await platform.get<{ stages: StageView[] }>('/health/detailed')
      for (const { stage, lag } of stages)
        largest.set(stage, Math.max(lag, largest.get(stage) ?? 0))
      await systemClock.sleep(500, stopped.signal)
    }
  })()
  return {
    async stop() {
      stopped.abort()
      await looking
      const order = [...largest].filter(([, lag]) => lag > 0).toSorted((a, b) => b[1] - a[1])
      return order.map(([stage, lag]) => `${stage} ${whole(lag)}`).join(', ') || 'nobody'
    },
  }
}

async function single(print: Print, seconds: number): Promise<number> {
  await using platform = await startPlatform({ args: ['--log-level', 'warn'] })
  await load(platform, { batch: 1, connections: 16, seconds: 2, rate: 0 })
  const from = usage(platform)
  const sent = await load(platform, {
    batch: 1,
    connections: 32,
    seconds,
    rate: 0,
    firstId: 1_000_000,
  })
  const to = usage(platform)
  const rate = (sent.events * 1000) / sent.elapsedMs
  const perEvent = (ms: number): string => ((ms * 1000) / sent.events).toFixed(0)
  print(
    `single POSTs ${whole(rate)}/s, p50 ${sent.p50Ms.toFixed(1)} ms, p99 ${sent.p99Ms.toFixed(1)} ms; CPU µs each: platform ${perEvent(to.platformMs - from.platformMs)}, ClickHouse ${perEvent(to.engineMs - from.engineMs)}, sender ${perEvent(sent.cpuMs)}`,
  )
  return rate
}

/** At 20,000 events/s: the acknowledgement, and how soon an accepted event is on the live stream. */
async function steady(print: Print, seconds: number): Promise<void> {
  await using platform = await startPlatform({ args: ['--log-level', 'warn'] })
  const nowMs = (): number => systemClock.monotonicMs()
  await load(platform, { batch: 100, connections: 4, seconds: 2, rate: STEADY_RATE })
  await using stream = await openStream(new URL('/api/stream/frames', platform.url), { nowMs })
  const from = usage(platform)
  const sending = load(platform, {
    batch: 100,
    connections: 16,
    seconds,
    rate: STEADY_RATE,
    firstId: 1_000_000,
  })
  const accepted = new Map<string, number>()
  const endMs = nowMs() + seconds * 1000
  for (let probe = 0; nowMs() < endMs; probe += 1) {
    const event_id = `probe-${probe}`
    await platform.post({ event_type: 'deploy', event_id, service: 'probe', release: 'v1' })
    accepted.set(event_id, nowMs())
    await systemClock.sleep(PROBE_MS)
  }
  const sent = await sending
  await systemClock.sleep(1000)
  const to = usage(platform)
  const seen = new Map<string, number>()
  for (const { data, atMs } of stream.messages) {
    const { deploys = [] } = JSON.parse(data) as { deploys?: { deploy_id: string }[] }
    for (const { deploy_id: id } of deploys) if (!seen.has(id)) seen.set(id, atMs)
  }
  const delays = [...accepted].map(([id, atMs]) => Math.max(0, (seen.get(id) ?? Infinity) - atMs))
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(0)
  const busy = (ms: number): string => `${((ms / sent.elapsedMs) * 100).toFixed(0)} %`
  print(
    `at ${whole(STEADY_RATE)} events/s (${whole((sent.events * 1000) / sent.elapsedMs)} accepted, ${sent.refused} not sent or refused): acknowledged p50 ${sent.p50Ms.toFixed(1)} ms, p99 ${sent.p99Ms.toFixed(1)} ms (must 50: ${sent.p99Ms < 50 ? 'reached' : 'MISSED'}), max ${sent.maxMs.toFixed(0)} ms`,
  )
  print(
    `  accepted → on the live stream: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${sorted.length} probes (must 1,000, goal 250)`,
  )
  print(
    `  of a core: platform ${busy(to.platformMs - from.platformMs)}, ClickHouse ${busy(to.engineMs - from.engineMs)}, sender ${busy(sent.cpuMs)}`,
  )
}
