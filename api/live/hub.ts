import { FaultlineError } from '#/kernel/errors.ts'
import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Log } from '#/processors/log/port.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { catchUpFrames, catchUpMessages } from './catch-up.ts'
import { createDispatch } from './dispatch.ts'
import type { Dispatch } from './dispatch.ts'
import { createIncidentNews } from './incident-news.ts'
import { createLiveClient } from './live-client.ts'
import type { LiveClient } from './live-client.ts'
import { createLiveRecords } from './live-records.ts'
import type { MessageClient } from './message-feed.ts'
import { encodePositions, liveSources } from './positions.ts'
import type { Source } from './positions.ts'
import type { Sink } from './sink.ts'
import { SSE_RESYNC, sse } from './sink.ts'
import { startTail } from './tail.ts'
import type { Tail } from './tail.ts'

export interface HubDeps {
  log: Log
  clock: Clock
  metrics: Metrics
  reads: Reads
  schemaIds: SchemaIds
  registry: SchemaRegistry
  onProblem?: ((error: unknown) => void) | undefined
}

export interface Subscription {
  close(): void
  /** Services to hear of; null for all. Frames have no channels. */
  setChannels(channels: ReadonlySet<string> | null): void
}

interface StreamWish {
  project: string
  /** The id of the last message the client has; empty for none. */
  lastId: string
  sink: Sink
}

/**
 * Reads the end of the log once for all live clients. Without clients it reads nothing; what a returning client
 * missed comes from the ring of frames or from the log itself, else it is told to `resync`.
 */
export interface Hub {
  clientCount(): number
  openFrames(wish: StreamWish): Promise<Subscription>
  openMessages(
    wish: StreamWish & Pick<MessageClient, 'transport' | 'channels'>,
  ): Promise<Subscription>
  /** Fails with `log_unavailable` where the log does not answer: before an answer has begun, that can be said. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** What runs while there are clients. */
export interface Running {
  sources: readonly Source[]
  positions: number[]
  dispatch: Dispatch
  tail: Tail
}

/** Without clients the tail goes on for this long, so that a short cut of the last one costs nothing. */
const IDLE_MS = 60_000
const TICK_MS = 1_000
const HEARTBEAT_TICKS = 15
const WS_RESYNC = Buffer.from('{"type":"resync"}', 'utf8')

export function createHub(deps: HubDeps): Hub {
  const engine = createEngine(deps)
  const clientOf = (wish: StreamWish, resyncText: Buffer): LiveClient =>
    createLiveClient({
      project: wish.project,
      sink: wish.sink,
      resyncText,
      onResync: () => deps.metrics.add('faultline_stream_resyncs_total'),
    })
  return {
    clientCount: () => engine.clientCount(),
    ready: () => engine.ready(),
    openFrames: (wish) =>
      engine.open(async (own) => {
        const client = clientOf(wish, SSE_RESYNC)
        const feed = own.dispatch.frames.open(wish.project)
        await catchUpFrames(deps, own, { client, feed, lastId: wish.lastId })
        return { leave: () => feed.leave(client), setChannels: () => undefined }
      }),
    openMessages: (wish) =>
      engine.open(async (own) => {
        const client = clientOf(wish, wish.transport === 'sse' ? SSE_RESYNC : WS_RESYNC)
        const member: MessageClient = { client, ...wish }
        await catchUpMessages(deps, own, { member, lastId: wish.lastId })
        return {
          leave: () => own.dispatch.messages.leave(member),
          setChannels(channels) {
            member.channels = channels
          },
        }
      }),
    close: () => engine.close(),
  }
}

interface Member {
  leave(): void
  setChannels: Subscription['setChannels']
}

/** From the end of the log as it is now. */
async function startFollowing(deps: HubDeps): Promise<Running> {
  const sources = await liveSources(deps.log)
  const positions = await Promise.all(sources.map((source) => deps.log.endOffset(source)))
  const records = createLiveRecords(deps)
  const news = createIncidentNews(deps.reads, deps.onProblem)
  const dispatch = createDispatch({ ...deps, records, news, sources, positions })
  const tail = startTail({ ...deps, sources, from: [...positions], ...dispatch.tail })
  return { sources, positions, dispatch, tail }
}

/** Starts the tail with the first client, and stops it a while after the last one left. */
function createEngine(deps: HubDeps) {
  const stop = new AbortController()
  let running: Promise<Running> | undefined
  let clients = 0
  let idleSinceMs = 0

  const tick = async (own: Running): Promise<void> => {
    for (let count = 1; !stop.signal.aborted; count += 1) {
      await deps.clock.sleep(TICK_MS, stop.signal)
      own.dispatch.finishSecond()
      // Without a word from the log there is none from here: a page then says how old its data is.
      if (count % HEARTBEAT_TICKS === 0 && own.tail.isReading()) heartbeat(own, deps.clock.nowMs())
      if (clients > 0 || deps.clock.monotonicMs() - idleSinceMs < IDLE_MS) continue
      running = undefined
      await own.tail.stop()
      return
    }
  }
  const begin = async (): Promise<Running> => {
    try {
      const own = await startFollowing(deps)
      void tick(own)
      return own
    } catch (error) {
      running = undefined
      throw error
    }
  }
  const gone = (): void => {
    clients -= 1
    idleSinceMs = deps.clock.monotonicMs()
  }
  return {
    clientCount: () => clients,
    async ready(): Promise<void> {
      running ??= begin()
      const { tail } = await running
      if (tail.isReading()) return
      throw new FaultlineError('log_unavailable', 'the log does not answer', {
        remedy: 'Look at /health/detailed; the stream goes on by itself once the log is back.',
      })
    },
    async open(join: (own: Running) => Promise<Member>): Promise<Subscription> {
      // Counted before anything is awaited, so that the tail cannot stop meanwhile.
      clients += 1
      try {
        running ??= begin()
        const member = await join(await running)
        let isOpen = true
        return {
          setChannels: member.setChannels,
          close() {
            if (!isOpen) return
            isOpen = false
            member.leave()
            gone()
          },
        }
      } catch (error) {
        gone()
        throw error
      }
    },
    async close(): Promise<void> {
      stop.abort()
      const own = await running?.catch(() => undefined)
      await own?.tail.stop()
      for (const client of own?.dispatch.clients() ?? []) client.end()
    },
  }
}

/** Keeps proxies from closing a quiet stream, and moves the client's position past what was not for it. */
function heartbeat(own: Running, at: number): void {
  own.dispatch.frames.flush()
  const id = encodePositions(own.positions)
  const text = sse({ event: 'heartbeat', id, data: JSON.stringify({ at }) })
  for (const client of own.dispatch.sseClients()) client.send(text)
}
