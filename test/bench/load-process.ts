import { parseArguments } from '#/cli/options.ts'
import type { OptionSpec } from '#/cli/options.ts'
import { systemClock } from '#/kernel/clock.ts'
import { openLoadClient } from './load-client.ts'
import type { LoadClient } from './load-client.ts'

/**
 * The process that sends: as fast as answers come, or at a rate. Prints one line of JSON. At a rate, the time of an
 * answer counts from the moment the request was due, so that a stall is not hidden by the sender waiting for it.
 */
const OPTIONS: readonly OptionSpec[] = [
  { name: 'url', type: 'text', about: 'the platform' },
  { name: 'key', type: 'text', about: 'ingest key' },
  { name: 'batch', type: 'number', about: 'events per request' },
  { name: 'connections', type: 'number', about: 'at the same time' },
  { name: 'seconds', type: 'number', about: 'how long' },
  { name: 'rate', type: 'number', about: 'events/s; 0 for as fast as possible' },
  { name: 'first-id', type: 'number', about: 'where ids begin' },
]

/** What a load did; milliseconds and counts. */
export interface LoadResult {
  events: number
  refused: number
  elapsedMs: number
  p50Ms: number
  p99Ms: number
  maxMs: number
  cpuMs: number
}

const RETRY_MS = 50
const LAG_MS_MAX = 2000

interface Tally {
  events: number
  refused: number
  times: number[]
}

async function sendOne(client: LoadClient, dueMs: number, tally: Tally): Promise<void> {
  const status = await client.send()
  tally.times.push(systemClock.monotonicMs() - dueMs)
  if (status === 202) tally.events += client.events
  else {
    tally.refused += client.events
    await systemClock.sleep(RETRY_MS)
  }
}

async function asFastAsPossible(client: LoadClient, endMs: number, tally: Tally): Promise<void> {
  for (let nowMs = systemClock.monotonicMs(); nowMs < endMs; nowMs = systemClock.monotonicMs())
    await sendOne(client, nowMs, tally)
}

/** Connections take what is due in turn; a sender that is late does not slow the schedule down. */
async function atRate(
  clients: readonly LoadClient[],
  { rate, endMs }: { rate: number; endMs: number },
  tally: Tally,
): Promise<void> {
  const [first] = clients
  if (first === undefined) return
  const gapMs = (1000 * first.events) / rate
  let dueMs = systemClock.monotonicMs()
  const run = async (client: LoadClient): Promise<void> => {
    while (dueMs < endMs) {
      const ownMs = dueMs
      dueMs += gapMs
      const leftMs = ownMs - systemClock.monotonicMs()
      if (leftMs > 1) await systemClock.sleep(leftMs)
      if (leftMs < -LAG_MS_MAX) tally.refused += client.events
      else await sendOne(client, ownMs, tally)
    }
  }
  await Promise.all(clients.map((client) => run(client)))
}

const { given } = parseArguments(process.argv.slice(2), OPTIONS)
const number = (name: string): number => Number(given[name] ?? 0)
let id = number('first-id')
const target = { url: new URL(String(given['url'])), key: String(given['key']) }
const wish = { batch: number('batch'), nextId: () => (id += 1) }
const clients = await Promise.all(
  Array.from({ length: number('connections') }, () => openLoadClient(target, wish)),
)
const tally: Tally = { events: 0, refused: 0, times: [] }
const startedMs = systemClock.monotonicMs()
const startedCpu = process.cpuUsage()
const endMs = startedMs + number('seconds') * 1000
if (number('rate') === 0)
  await Promise.all(clients.map((client) => asFastAsPossible(client, endMs, tally)))
else await atRate(clients, { rate: number('rate'), endMs }, tally)
const cpu = process.cpuUsage(startedCpu)
const times = tally.times.toSorted((a, b) => a - b)
const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0
const result: LoadResult = {
  events: tally.events,
  refused: tally.refused,
  elapsedMs: systemClock.monotonicMs() - startedMs,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
  maxMs: at(1),
  cpuMs: (cpu.user + cpu.system) / 1000,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
for (const client of clients) client.close()
