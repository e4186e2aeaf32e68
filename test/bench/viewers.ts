import { Agent, request, type ClientRequest } from 'node:http'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { startPlatform, type RunningPlatform } from '#/test/e2e/platform.ts'
import type { BenchOptions } from './main.ts'
import { processCpuMs, residentMb } from './process-usage.ts'
import { slope } from './memory.ts'

/** Many people look at the dashboard while many services send: errors, delays, memory. */
const VIEWERS = 1_000
/** Of the viewers: these read each event they hear of, and how late it is. */
const LISTENERS = 20
const SENDERS = 200
const EVENTS_PER_SECOND = 1_000
const SECONDS = 30
const SAMPLE_MS = 5_000

interface Tally {
  acksMs: number[]
  lagMs: number[]
  accepted: number
  /** Answers that are no 202, requests that failed, streams that ended or were told to read everything again. */
  errors: Map<string, number>
  frames: number
  bytes: number
  isOver: boolean
}

export async function run(
  print: (line: string) => void,
  options: BenchOptions = {},
): Promise<void> {
  const seconds =
    options.minutes === undefined ? (options.seconds ?? SECONDS) : options.minutes * 60
  await using platform = await startPlatform({ args: ['--log-level', 'warn'] })
  const tally: Tally = {
    acksMs: [],
    lagMs: [],
    accepted: 0,
    errors: new Map(),
    frames: 0,
    bytes: 0,
    isOver: false,
  }
  const viewers = await openViewers(platform, options.viewers ?? VIEWERS, tally)
  print(
    `${viewers.length} viewers, ${SENDERS} senders with ${EVENTS_PER_SECOND} events/s together, ${seconds} s`,
  )
  const sending = Array.from({ length: SENDERS }, (_, index) =>
    sendFor(platform, { index, seconds, tally }),
  )
  const memory = await sampleMemory(platform, seconds)
  await Promise.all(sending)
  // What was accepted last is still on its way to them.
  await systemClock.sleep(2_000)
  tally.isOver = true
  for (const viewer of viewers) viewer.destroy()
  report(print, { tally, memory, seconds })
  const cpuS = processCpuMs(platform.pid) / 1_000
  print(`CPU of the platform from its start: ${cpuS.toFixed(0)} s`)
}

function note({ errors, isOver }: Tally, what: string): void {
  if (!isOver) errors.set(what, (errors.get(what) ?? 0) + 1)
}

async function openViewers(
  platform: RunningPlatform,
  count: number,
  tally: Tally,
): Promise<ClientRequest[]> {
  const viewers: ClientRequest[] = []
  for (let index = 0; index < count; index += 1) {
    const isListener = index < LISTENERS
    viewers.push(await openViewer(platform, { isListener, tally }))
  }
  return viewers
}

function openViewer(
  { url }: RunningPlatform,
  { isListener, tally }: { isListener: boolean; tally: Tally },
): Promise<ClientRequest> {
  const path = isListener ? '/api/stream' : '/api/stream/frames'
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    // One connection each, as browsers have.
    const viewer = request({ hostname, port, path, agent: false }, (answer) => {
      if (answer.statusCode !== 200) note(tally, `a stream answered ${answer.statusCode}`)
      let rest = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        tally.bytes += chunk.length
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) readBlock(block, { isListener, tally })
      })
      answer.on('error', () => note(tally, 'a stream broke'))
      answer.on('end', () => note(tally, 'a stream ended'))
      resolve(viewer)
    })
    viewer.on('error', (error) => {
      note(tally, `a viewer: ${error.message}`)
      reject(error)
    })
    viewer.end()
  })
}

function readBlock(
  block: string,
  { isListener, tally }: { isListener: boolean; tally: Tally },
): void {
  if (/^event: resync$/m.test(block)) note(tally, 'a viewer was told to read again')
  if (!/^data:/m.test(block)) return
  tally.frames += 1
  if (!isListener) return
  const data = /^data: ?(.*)$/m.exec(block)?.[1] ?? ''
  if (!data.includes('"sentAt"')) return
  const sentAt = Number(/"sentAt":"?(\d+)/.exec(data)?.[1])
  if (sentAt > 0) tally.lagMs.push(systemClock.nowMs() - sentAt)
}

/** One sender: a batch each second over one kept connection, at a moment of its own within the second. */
async function sendFor(
  platform: RunningPlatform,
  { index, seconds, tally }: { index: number; seconds: number; tally: Tally },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const random = createSeededRandom(index + 1)
  const startedMs = systemClock.monotonicMs()
  const perSecond = Math.ceil(EVENTS_PER_SECOND / SENDERS)
  await systemClock.sleep(random.unit() * 1_000)
  for (let second = 1; systemClock.monotonicMs() - startedMs < seconds * 1_000; second += 1) {
    const events = Array.from({ length: perSecond }, () => ({
      event_type: random.unit() < 0.1 ? 'error' : 'http_request',
      service: `service-${index % 20}`,
      message: 'connection to cart refused after 120 ms',
      route: '/api/cart',
      status_code: 200,
      duration_ms: Math.round(random.exponential(80)),
      attributes: { sentAt: systemClock.nowMs() },
    }))
    await post(platform, { events, agent, tally })
    await systemClock.sleep(Math.max(0, startedMs + second * 1_000 - systemClock.monotonicMs()))
  }
  agent.destroy()
}

function post(
  { url, key }: RunningPlatform,
  { events, agent, tally }: { events: readonly object[]; agent: Agent; tally: Tally },
): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const headers = { 'content-type': 'application/json', 'x-api-key': key }
  return new Promise((resolve) => {
    const sent = request(
      new URL('/v1/events', url),
      { method: 'POST', agent, headers },
      (answer) => {
        answer.resume()
        answer.on('end', () => {
          if (answer.statusCode === 202) {
            tally.acksMs.push(systemClock.monotonicMs() - startedMs)
            tally.accepted += events.length
          } else note(tally, `ingest answered ${answer.statusCode}`)
          resolve()
        })
      },
    )
    sent.on('error', (error) => {
      note(tally, `a sender: ${error.message}`)
      resolve()
    })
    sent.end(JSON.stringify(events))
  })
}

interface Sample {
  atS: number
  platform: number
  engine: number
}

async function sampleMemory(platform: RunningPlatform, seconds: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const startedMs = systemClock.monotonicMs()
  while (systemClock.monotonicMs() - startedMs < seconds * 1_000) {
    await systemClock.sleep(Math.min(SAMPLE_MS, seconds * 250))
    const [engine] = platform.children()
    samples.push({
      atS: (systemClock.monotonicMs() - startedMs) / 1_000,
      platform: residentMb(platform.pid),
      engine: engine === undefined ? 0 : residentMb(engine),
    })
  }
  return samples
}

function report(
  print: (line: string) => void,
  { tally, memory, seconds }: { tally: Tally; memory: readonly Sample[]; seconds: number },
): void {
  const { accepted, acksMs, lagMs, frames, bytes, errors } = tally
  print(`accepted ${accepted} events, ${Math.round(accepted / seconds)} a second`)
  print(`acknowledged in ms: ${quantiles(acksMs)}`)
  print(
    `from the sender to ${LISTENERS} listeners in ms: ${quantiles(lagMs)} (${lagMs.length} seen)`,
  )
  print(`viewers got ${frames} messages, ${(bytes / seconds / 1e6).toFixed(1)} MB a second`)
  const count = [...errors.values()].reduce((sum, one) => sum + one, 0)
  print(
    count === 0
      ? 'errors: none'
      : `errors: ${[...errors].map(([what, n]) => `${n} × ${what}`).join('; ')}`,
  )
  const [first, last] = [memory[0], memory.at(-1)]
  print(
    `resident MB: platform ${first?.platform.toFixed(0)} → ${last?.platform.toFixed(0)}, ClickHouse ${first?.engine.toFixed(0)} → ${last?.engine.toFixed(0)}`,
  )
  const later = memory.slice(Math.floor(memory.length / 2))
  for (const name of ['platform', 'engine'] as const)
    print(
      `  ${name} in the second half: ${slope(later.map((one) => [one.atS, one[name]])).toFixed(1)} MB a minute`,
    )
  if (count > 0) process.exitCode = 1
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(
      0,
    )
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, most ${at(1)}`
}
