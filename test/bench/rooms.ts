/**
 * Rooms of 50, 200 and 500 people over real WebSockets, half of them at each of two gateways, on the embedded log at
 * its default durability (survives a killed process). A change is timed from its author's send to the moment the last of all receivers has it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '#/api/app.ts'
import { startEngineBridge } from '#/api/collab/engine-bridge.ts'
import { openCommandDoor } from '#/api/collab/command-door.ts'
import { openGateway } from '#/api/collab/gateway.ts'
import type { Gateway } from '#/api/collab/gateway.ts'
import { openLogBus } from '#/api/collab/presence-bus.ts'
import { startSequencer } from '#/api/collab/sequencer.ts'
import { until } from '#/api/collab/test-gateways.ts'
import { API_DEFAULTS } from '#/api/deps.ts'
import { openKeys } from '#/api/keys.ts'
import { TestReads } from '#/api/test-reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import type { Log } from '#/processors/log/port.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { spawnNode } from '#/test/e2e/processes.ts'
import type { RoomTimes } from './room-clients.ts'

const SIZES = [50, 200, 500] as const
const CHANGES = 200
/** Changes that ten authors send without a pause. */
const BURST = 200
const INCIDENT = 'm000000000001'
const INCIDENTS = 10_000
const STATUS_CHANGES = 500
/** In the log beside the rooms, as the door would have written them. */
const EVENTS = 1_000_000
const EVENTS_A_BATCH = 5_000
const EVENT_BYTES = 300

type Deps = Awaited<ReturnType<typeof baseOf>>

async function baseOf(log: Log) {
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const clock = systemClock
  const keys = await openKeys({ log, clock, schemaIds, registry })
  return { log, clock, schemaIds, registry, keys }
}

async function serve(base: Deps) {
  const bus = await openLogBus(base)
  const gateway = await openGateway({ ...base, random: systemRandom, bus })
  const sequencer = await startSequencer(base)
  const bridge = await startEngineBridge(base)
  const access = {
    redeem: async (name: string) => ({ principal: principalOf(name), project: 'default' }),
    watch: () => () => undefined,
  }
  const app = buildApp({
    ...base,
    random: systemRandom,
    reads: new TestReads(),
    metrics: createMetrics(),
    pipeline: { stages: async () => [] },
    config: API_DEFAULTS,
    version: 'bench',
    collab: { gateway, access },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    gateway,
    url: `ws://127.0.0.1:${port}/ws`,
    async close() {
      await bridge.close()
      await sequencer.close()
      await gateway.close()
      await app.close()
    },
  }
}

const principalOf = (name: string) => ({
  id: `user:${name}`,
  name,
  kind: 'user' as const,
  role: 'admin' as const,
  projects: 'all' as const,
})

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** The people are a process of their own, as browsers are; what the gateways' process spends is told beside the times. */
async function measure(urls: readonly string[], people: number): Promise<string> {
  const script = join(import.meta.dirname, 'room-clients.ts')
  const wish = { urls: urls.join(','), incident: INCIDENT, people, changes: CHANGES, burst: BURST }
  const options = Object.entries(wish).flatMap(([name, value]) => [`--${name}`, String(value)])
  const before = process.cpuUsage()
  const { code, stdout, stderr } = await spawnNode(options, { script }).finished
  if (code !== 0) throw new Error(`the people ended with ${code}: ${stderr}`)
  const { p50Ms, p99Ms, burstMs } = JSON.parse(stdout) as RoomTimes
  const { user, system } = process.cpuUsage(before)
  const cpuMs = (user + system) / 1000 / (CHANGES + BURST)
  return `${people} people, ${CHANGES} changes: last receiver p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms; all have ${BURST} at once after ${burstMs.toFixed(0)} ms; gateways, sequencer and log spend ${cpuMs.toFixed(1)} ms of CPU a change, joining included`
}

async function fill({ log, clock }: Deps): Promise<void> {
  const value = Buffer.alloc(EVENT_BYTES, 120)
  const timestampMs = clock.nowMs()
  const records = Array.from({ length: EVENTS_A_BATCH }, () => ({ key: null, value, timestampMs }))
  for (let from = 0; from < EVENTS; from += EVENTS_A_BATCH)
    await log.append([{ topic: TOPICS.raw.name, partition: 0, records }])
}

/** Status changes among many incidents, and how long a process takes to know them all again. */
async function amongMany(
  base: Deps,
  gateway: Gateway,
  print: (line: string) => void,
): Promise<void> {
  const actor = principalOf('p0')
  const door = await openCommandDoor(base)
  const project = 'default'
  for (let from = 0; from < INCIDENTS; from += 500)
    await Promise.all(
      Array.from({ length: 500 }, (_, index) => {
        const payload = { title: `incident ${from + index}`, severity: 3 }
        const command = { cmdId: 'many:1', kind: 'create' as const, payload, actor, at: 1 }
        return door.submit({ project, incidentId: `many-${from + index}`, command })
      }),
    )
  const { book } = gateway.rooms
  await until(() => book.room(`many-${INCIDENTS - 1}`) !== undefined, 'all incidents', 120_000)
  await fill(base)
  const times: number[] = []
  for (let index = 0; index < STATUS_CHANGES; index += 1) {
    const incidentId = `many-${(index * 37) % INCIDENTS}`
    const rev = book.stateOf(incidentId).root['status']!.rev
    const command = {
      cmdId: `status:${index}`,
      kind: 'status_change' as const,
      payload: { status: 'investigating' },
      expect: { field: 'status', rev },
      actor,
      at: 1,
    }
    const startedMs = performance.now()
    const outcome = await gateway.execute({ project, incidentId, command })
    if ('rejection' in outcome) throw new Error(outcome.rejection.reason)
    times.push(performance.now() - startedMs)
  }
  const sorted = times.toSorted((a, b) => a - b)
  const [p50, p99] = [0.5, 0.99].map((part) => percentile(sorted, part).toFixed(1))
  print(
    `${EVENTS} events in the log, ${INCIDENTS} incidents, ${STATUS_CHANGES} status changes: p50 ${p50} ms, p99 ${p99} ms`,
  )
  const startedMs = performance.now()
  const again = await openGateway({ ...base, random: systemRandom })
  const tookMs = performance.now() - startedMs
  const events = [...again.rooms.book.rooms()].reduce((sum, [, { state }]) => sum + state.seq, 0)
  print(`a process that begins knows ${events} events again after ${tookMs.toFixed(0)} ms`)
  await again.close()
}

export async function run(print: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-rooms-'))
  const log = await openEmbeddedLog({ dir: folder, clock: systemClock })
  try {
    const limits = { retentionMs: Infinity, retentionBytes: Infinity }
    await log.createTopics(
      Object.values(TOPICS).map(({ name, compacted }) => ({
        name,
        partitions: 1,
        compacted,
        ...limits,
      })),
    )
    const base = await baseOf(log)
    const gateways = [await serve(base), await serve(base)]
    const actor = { ...principalOf('p0') }
    const payload = { title: 'bench', severity: 3 }
    const command = { cmdId: 'bench:1', kind: 'create' as const, payload, actor, at: 1 }
    await gateways[0]!.gateway.execute({ project: 'default', incidentId: INCIDENT, command })
    for (const { gateway } of gateways)
      await until(() => gateway.rooms.book.room(INCIDENT) !== undefined, 'the room')
    const urls = gateways.map(({ url }) => url)
    for (const people of SIZES) print(await measure(urls, people))
    await amongMany(base, gateways[0]!.gateway, print)
    for (const each of gateways) await each.close()
    await base.keys.close()
  } finally {
    await log.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
