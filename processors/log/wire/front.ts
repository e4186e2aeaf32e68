import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import type { Clock } from '#/kernel/clock.ts'
import type { FrontedLog } from '#/processors/log/embedded-front.ts'
import type { FrontContext, FrontPolicy } from './api.ts'
import { serveConnection } from './connection.ts'
import { createFrameBudget } from './frames.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import { Producers } from './producers.ts'
import { Transactions } from './transactions.ts'

export interface KafkaFrontOptions {
  log: FrontedLog
  clock: Clock
  policy: FrontPolicy
  /** 0 takes a free one. */
  port: number
  onProblem: (error: unknown) => void
  /** A connection was closed because of what came over it. */
  onRefused?: (detail: string) => void
  connectionsMax?: number
  /** A connection without a word for so long is closed. */
  idleMsMax?: number
}

export interface KafkaFront {
  port: number
  close(): Promise<void>
}

/** Never anything but loopback: the protocol is served without authentication. */
const HOST = '127.0.0.1'
const CONNECTIONS_MAX = 500
/** As Kafka's connections.max.idle.ms. */
const IDLE_MS_MAX = 600_000
const FRAMES_BYTES_MAX = 128 * 1024 * 1024
const EXPIRE_MS = 500

/** Serves Kafka's protocol over the embedded log, so that any client of Kafka works without a broker. */
export async function startKafkaFront(options: KafkaFrontOptions): Promise<KafkaFront> {
  const { clock, onProblem } = options
  const context = createContext(options)
  const closing = new AbortController()
  const budget = createFrameBudget(FRAMES_BYTES_MAX)
  const serving = new Set<Promise<void>>()
  const server = createServer({ noDelay: true }, (socket) => {
    socket.setTimeout(options.idleMsMax ?? IDLE_MS_MAX, () => socket.destroy())
    // Everything that goes wrong with a socket also ends its reading.
    socket.on('error', () => socket.destroy())
    const onRefused = options.onRefused ?? ((): void => undefined)
    const deps = { context, budget, signal: closing.signal, onRefused }
    const done = serveConnection(socket, deps).finally(() => serving.delete(done))
    serving.add(done)
    closing.signal.addEventListener('abort', () => socket.destroy(), { once: true })
  })
  server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX
  try {
    await listen(server, options.port)
  } catch (error) {
    // Its ticks would keep a process alive that cannot start.
    await context.groups.close()
    throw error
  }
  const expiring = (async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await clock.sleep(EXPIRE_MS, closing.signal)
      if (!closing.signal.aborted) await context.transactions.expire().catch(onProblem)
    }
  })()
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await context.groups.close()
      await expiring
      await Promise.all(serving)
    },
  }
}

function createContext(options: KafkaFrontOptions): FrontContext {
  const { log, clock, policy, onProblem } = options
  const front = log.front()
  const notes = { producer: new Map<string, string>(), transaction: new Map<string, string>() }
  for (const { kind, key, value } of front.notes())
    if (kind === 'producer' || kind === 'transaction') notes[kind].set(key, value)
  const producers = new Producers({ front, notes: notes.producer })
  const transactions = new Transactions({ front, clock, producers, notes: notes.transaction })
  return {
    log,
    front,
    clock,
    policy,
    onProblem,
    producers,
    transactions,
    groups: new GroupCoordinator({ clock, onProblem }),
    clusterId: 'faultline-embedded',
  }
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: HOST, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
