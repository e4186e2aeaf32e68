/** A connection that comes back: backoff with jitter, a heartbeat, and one hello per socket. */
import { CLOSE, SOCKET_LIMITS } from '#lib/contract.ts'
import type { ServerMessage } from '#lib/contract.ts'

/** A WebSocket, as far as it is needed. */
export interface Socket {
  send(text: string): void
  close(): void
  heard: ((text: string) => void) | null
  ended: ((code: number, reason: string) => void) | null
}

export interface Timers {
  nowMs(): number
  /** Returns how to call it off. */
  setTimer(run: () => void, delayMs: number): () => void
}

/** `offline` tries again by itself; `refused` is over: signed out, no right, or closed by this tab. */
export type LinkStatus = 'connecting' | 'live' | 'offline' | 'refused'

export interface Link {
  readonly status: LinkStatus
  readonly reason: string
  /** Dropped without a connection: who has to be heard sends it again after the welcome. */
  send(message: object): void
  reconnect(): void
  close(): void
}

interface LinkOptions {
  connect: () => Promise<Socket>
  clock: Timers
  random: () => number
  hello: () => object
  onMessage: (message: ServerMessage) => void
  onStatus: () => void
}

const BACKOFF_MIN_MS = 500
const BACKOFF_MAX_MS = 30_000
/** Two and a half heartbeats: then the connection is dead, whatever the browser thinks. */
const SILENCE_MS = SOCKET_LIMITS.heartbeatMs * 2.5

/** Doubles from half a second to thirty, and half of it is chance: a thousand tabs must not come back at once. */
export function backoffMs(attempt: number, random: () => number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(attempt, 10))
  return Math.max(BACKOFF_MIN_MS, full * (0.5 + random() / 2))
}

export function createLink(options: LinkOptions): Link {
  return new ReturningLink(options)
}

class ReturningLink implements Link {
  readonly #options: LinkOptions
  #socket: Socket | null = null
  #status: LinkStatus = 'connecting'
  #reason = ''
  #attempt = 0
  #heardAt = 0
  #isReady = false
  #cancelRetry: (() => void) | null = null
  #cancelBeat: (() => void) | null = null

  constructor(options: LinkOptions) {
    this.#options = options
    void this.#open()
  }

  get status(): LinkStatus {
    return this.#status
  }
  get reason(): string {
    return this.#reason
  }

  send(message: object): void {
    if (this.#isReady) this.#socket?.send(JSON.stringify(message))
  }

  reconnect(): void {
    this.#drop()
    this.#retry()
  }

  close(): void {
    this.send({ type: 'leave' })
    this.#drop()
    this.#cancelRetry?.()
    this.#become('refused', 'Closed.')
  }

  async #open(): Promise<void> {
    let socket: Socket
    try {
      socket = await this.#options.connect()
    } catch (error) {
      if (this.#status === 'refused') return
      if (isRefusal(error)) this.#become('refused', error.message)
      else this.#retry()
      return
    }
    if (this.#status === 'refused') {
      socket.close()
      return
    }
    this.#socket = socket
    this.#heardAt = this.#options.clock.nowMs()
    socket.heard = (text) => this.#take(socket, text)
    socket.ended = (code, reason) => this.#closed(socket, code, reason)
    socket.send(JSON.stringify(this.#options.hello()))
    this.#beat()
  }

  #take(socket: Socket, text: string): void {
    if (socket !== this.#socket) return
    this.#heardAt = this.#options.clock.nowMs()
    const message = JSON.parse(text) as ServerMessage
    if (message.type === 'welcome') {
      this.#attempt = 0
      this.#isReady = true
      this.#become('live', '')
    }
    // A process that has just begun may not know the incident yet; if there is none, asking seldom does no harm.
    if (message.type === 'error' && message.path === 'incidentId' && !this.#isReady) {
      this.#reason = message.message
      return this.reconnect()
    }
    this.#options.onMessage(message)
  }

  #closed(socket: Socket, code: number, reason: string): void {
    if (socket !== this.#socket) return
    this.#drop()
    if (code === CLOSE.forbidden) return this.#become('refused', reason || 'No access.')
    if (code === CLOSE.full) this.#reason = reason || 'The room is full.'
    this.#retry()
  }

  #beat(): void {
    this.#cancelBeat?.()
    this.#cancelBeat = this.#options.clock.setTimer(() => {
      if (this.#options.clock.nowMs() - this.#heardAt > SILENCE_MS) return this.reconnect()
      this.#socket?.send('{"type":"ping"}')
      this.#beat()
    }, SOCKET_LIMITS.heartbeatMs)
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = null
    this.#isReady = false
    this.#cancelBeat?.()
    this.#cancelBeat = null
    socket?.close()
  }

  #retry(): void {
    this.#become('offline', this.#reason)
    const waitMs = backoffMs(this.#attempt, this.#options.random)
    this.#attempt += 1
    this.#cancelRetry?.()
    this.#cancelRetry = this.#options.clock.setTimer(() => void this.#open(), waitMs)
  }

  #become(status: LinkStatus, reason: string): void {
    this.#status = status
    this.#reason = reason
    this.#options.onStatus()
  }
}

/** What `connect` rejects with when trying again would not help. */
export class ConnectRefused extends Error {
  override readonly name = 'ConnectRefused'
}

function isRefusal(error: unknown): error is ConnectRefused {
  return error instanceof ConnectRefused
}
