/**
 * Rooms of 50, 200 and 500 people over real WebSockets, half of them at each of two gateways, on the embedded log at
 * its default durability (survives a killed process). A change is timed from its author's send to the moment the last of all receivers has it. Gateways
 * and receivers share this process and its core, so that the figures hold what 500 clients cost, too.
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
import { SOCKET_LIMITS, SUBPROTOCOL, TICKET_PREFIX } from '#/schemas/collab/protocol.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'

const SIZES = [50, 200, 500] as const
const CHANGES = 200
const PAUSE_MS = 25
const INCIDENT = 'm000000000001'
const INCIDENTS = 10_000
const STATUS_CHANGES = 500

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

/** One receiver: counts what it has, and says when. */
function attend(url: string, name: string, onEvent: (cmdId: string) => void): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [SUBPROTOCOL, `${TICKET_PREFIX}${name}`])
    socket.addEventListener('error', () => reject(new Error(`${name} was not let in`)))
    socket.addEventListener('open', () => {
      const hello = { type: 'hello', incidentId: INCIDENT, lastSeq: 0, clientId: name }
      socket.send(JSON.stringify(hello))
    })
    socket.addEventListener('message', ({ data: sent }) => {
      const data = String(sent)
      if (data.startsWith('{"type":"welcome"')) resolve(socket)
      else if (data.startsWith('{"type":"event"'))
        onEvent((JSON.parse(data) as { cmdId: string }).cmdId)
    })
  })
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

async function measure(urls: readonly string[], people: number): Promise<string> {
  const left = new Map<string, { missing: number; done: (ms: number) => void }>()
  const onEvent = (cmdId: string): void => {
    const waiting = left.get(cmdId)
    if (waiting === undefined) return
    waiting.missing -= 1
    if (waiting.missing === 0) waiting.done(performance.now())
  }
  const sockets = await Promise.all(
    Array.from({ length: people }, (_, index) =>
      attend(urls[index % urls.length]!, `p${index}`, onEvent),
    ),
  )
  // As pages do: who says nothing for half a minute is taken for gone.
  const beating = setInterval(() => {
    for (const socket of sockets) socket.send('{"type":"ping"}')
  }, SOCKET_LIMITS.heartbeatMs)
  const change = (index: number, kind: string, payload: object): Promise<number> => {
    const author = index % 10
    const cmdId = `r${people}-${kind}-${author}:${index}`
    const text = JSON.stringify({ type: 'cmd', cmdId, kind, payload })
    const startedMs = performance.now()
    return new Promise((resolve) => {
      left.set(cmdId, { missing: people, done: (atMs) => resolve(atMs - startedMs) })
      sockets[author]!.send(text)
    })
  }
  for (let author = 0; author < 10; author += 1)
    sockets[author]!.send(
      JSON.stringify({ type: 'cmd', cmdId: `j${people}-${author}:1`, kind: 'join', payload: {} }),
    )
  await systemClock.sleep(1_000)
  const times: number[] = []
  await change(0, 'card_create', { id: `c${people}`, kind: 'symptom', title: 'bench' })
  for (let index = 1; index <= CHANGES; index += 1) {
    times.push(await change(index, 'card_move', { id: `c${people}`, x: index, y: 0 }))
    await systemClock.sleep(PAUSE_MS)
  }
  clearInterval(beating)
  for (const socket of sockets) socket.close()
  const sorted = times.toSorted((a, b) => a - b)
  const [p50, p99] = [0.5, 0.99].map((part) => percentile(sorted, part).toFixed(1))
  return `${people} people, ${CHANGES} changes: last receiver p50 ${p50} ms, p99 ${p99} ms`
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
  print(`${INCIDENTS} incidents, ${STATUS_CHANGES} status changes: p50 ${p50} ms, p99 ${p99} ms`)
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
