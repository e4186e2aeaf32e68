/**
 * One connection for all tabs of a browser. HTTP/1.1 allows six per origin: with one stream a tab the seventh
 * tab would never load. The tab that holds the lock listens and passes everything on; when it goes, the lock
 * goes to the next one, which continues from the last id it saw, so that no frame is lost.
 */
import type { Frame } from '#lib/contract.ts'

export type StreamMessage =
  | { kind: 'frame'; frame: Frame; id: string }
  /** The server can no longer continue from our position: load again. */
  | { kind: 'resync' }
  /** Carries the position too: it moves past what was not for us. */
  | { kind: 'heartbeat'; id: string }
  | { kind: 'open' }
  | { kind: 'lost' }

export interface StreamDeps {
  openSource: (url: string) => EventSource
  /** Undefined where the browser has none (plain http beyond localhost): every tab is then its own leader. */
  locks: LockManager | undefined
  openChannel: (name: string) => BroadcastChannel
  setTimer: (run: () => void, delayMs: number) => ReturnType<typeof setTimeout>
}

const NAME = 'faultline-frames'
const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 10_000

export class SharedStream {
  readonly #deps: StreamDeps
  readonly #receive: (message: StreamMessage) => void
  readonly #stop = new AbortController()
  readonly #channel: BroadcastChannel
  #source: EventSource | null = null
  #lastId = ''
  #lastSeq = ''
  #retryMs = RETRY_MS_MIN

  constructor(deps: StreamDeps, receive: (message: StreamMessage) => void) {
    this.#deps = deps
    this.#receive = receive
    this.#channel = deps.openChannel(NAME)
    this.#channel.addEventListener('message', (event: MessageEvent<StreamMessage>) => {
      this.#take(event.data)
    })
    void this.#lead()
  }

  close(): void {
    this.#stop.abort()
    this.#source?.close()
    this.#channel.close()
  }

  /** Waits for the lock, then keeps it and the connection until the tab goes. */
  async #lead(): Promise<void> {
    const { locks } = this.#deps
    const { signal } = this.#stop
    if (locks === undefined) {
      this.#connect()
      return
    }
    const hold = async (): Promise<void> => {
      this.#connect()
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve()
        })
      })
    }
    // Closing the page aborts the request; there is nobody left to tell.
    await locks.request(NAME, { signal }, hold).catch(() => undefined)
  }

  #connect(): void {
    if (this.#stop.signal.aborted) return
    // EventSource sends the header itself when it reconnects, but a new one can only carry the id in its address.
    const from = this.#lastId === '' ? '' : `?last_event_id=${encodeURIComponent(this.#lastId)}`
    const source = this.#deps.openSource(`/api/stream/frames${from}`)
    this.#source = source
    source.addEventListener('open', () => {
      this.#retryMs = RETRY_MS_MIN
      this.#pass({ kind: 'open' })
    })
    const onFrame = (event: MessageEvent<string>): void => {
      const frame = JSON.parse(event.data) as Frame
      this.#pass({ kind: 'frame', frame, id: event.lastEventId || frame.seq })
    }
    source.addEventListener('message', onFrame)
    source.addEventListener('frame', onFrame)
    source.addEventListener('heartbeat', (event: MessageEvent<string>) => {
      this.#pass({ kind: 'heartbeat', id: event.lastEventId })
    })
    source.addEventListener('resync', () => {
      this.#pass({ kind: 'resync' })
    })
    source.addEventListener('error', () => {
      this.#pass({ kind: 'lost' })
      // Closed means the browser gave up (an error status); otherwise it reconnects by itself.
      if (source.readyState === 2) this.#reconnect()
    })
  }

  #reconnect(): void {
    this.#source?.close()
    this.#source = null
    this.#deps.setTimer(() => {
      this.#connect()
    }, this.#retryMs)
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
  }

  #pass(message: StreamMessage): void {
    if (this.#stop.signal.aborted) return
    // A channel reaches only pages of our own origin; it takes no target.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    this.#channel.postMessage(message)
    this.#take(message)
  }

  #take(message: StreamMessage): void {
    if (message.kind === 'frame') {
      // A new leader may be sent what the old one already passed on.
      if (message.frame.seq === this.#lastSeq) return
      this.#lastSeq = message.frame.seq
    }
    if ('id' in message && message.id !== '') this.#lastId = message.id
    this.#receive(message)
  }
}
