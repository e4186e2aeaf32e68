import type { Frame } from '#lib/contract.ts'
import { SharedStream, type StreamDeps, type StreamMessage } from '#lib/live/shared-stream.ts'

/** `stale` is a connection that is open but silent for longer than its heartbeat allows. */
export type FeedStatus = 'connecting' | 'live' | 'paused' | 'stale' | 'reconnecting'

type Listener = (frames: readonly Frame[]) => void

/** Frames kept while paused; older ones go, and resuming then loads the page's data again. */
const HELD_FRAMES_MAX = 2000
/** The server sends a heartbeat every 15 s; missing one of them may be chance. */
const SILENCE_MS_MAX = 35_000

export interface FeedDeps extends StreamDeps {
  /** By the server's clock, as all ages on the page. */
  now: () => number
  /** Runs once before the next paint. */
  onNextFrame: (run: () => void) => void
  /** Loads the data of the page again, when frames were missed. */
  reload: () => void
}

/**
 * The live data of the page: hands queued frames to listeners once per animation frame, and knows how fresh
 * they are. Made by the layout, passed down through the context.
 */
export class LiveFeed {
  #link = $state<'connecting' | 'open' | 'lost'>('connecting')
  #paused = $state(false)
  #hidden = false
  #lastHeardAt = $state(0)
  #lastDataAt = $state(0)
  #waiting = $state(0)
  #expectsHeartbeat = false
  #silent = $state(false)
  #overflowed = false
  #held: Frame[] = []
  #scheduled = false
  readonly #listeners = new Set<Listener>()
  readonly #deps: FeedDeps
  #stream: SharedStream | null = null

  constructor(deps: FeedDeps) {
    this.#deps = deps
  }

  get status(): FeedStatus {
    if (this.#link === 'lost') return 'reconnecting'
    if (this.#paused) return 'paused'
    if (this.#link === 'connecting') return 'connecting'
    return this.#silent ? 'stale' : 'live'
  }

  /** Events that came while paused. */
  get waiting(): number {
    return this.#waiting
  }

  /** When the server was last heard, by its own clock; 0 for never. */
  get lastHeardAt(): number {
    return this.#lastHeardAt
  }

  /** Time of the newest frame by the server's clock, 0 for none. */
  get lastDataAt(): number {
    return this.#lastDataAt
  }

  start(): () => void {
    this.#stream = new SharedStream(this.#deps, (message) => {
      this.#receive(message)
    })
    const timer = setInterval(() => {
      const silence = this.#deps.now() - this.#lastHeardAt
      this.#silent = this.#expectsHeartbeat && silence > SILENCE_MS_MAX
    }, 1000)
    return () => {
      clearInterval(timer)
      this.#stream?.close()
    }
  }

  /** Called with all frames since the last paint, in order; returns how to stop. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  pause(paused: boolean): void {
    this.#paused = paused
    if (!paused) this.#schedule()
  }

  /** A hidden tab keeps listening and applies everything at once when it is looked at again. */
  hide(hidden: boolean): void {
    this.#hidden = hidden
    if (!hidden) this.#schedule()
  }

  #receive(message: StreamMessage): void {
    // Losing the connection is not hearing from it, however often it is tried again.
    if (message.kind !== 'lost') this.#lastHeardAt = this.#deps.now()
    switch (message.kind) {
      case 'open':
        this.#link = 'open'
        this.#expectsHeartbeat = true
        break
      case 'lost':
        this.#link = 'lost'
        break
      case 'heartbeat':
        this.#link = 'open'
        break
      case 'resync':
        this.#deps.reload()
        break
      case 'frame':
        this.#link = 'open'
        this.#hold(message.frame)
        break
    }
  }

  #hold(frame: Frame): void {
    this.#lastDataAt = frame.at
    this.#held.push(frame)
    if (this.#held.length > HELD_FRAMES_MAX) {
      this.#held = this.#held.slice(-HELD_FRAMES_MAX / 2)
      this.#overflowed = true
    }
    if (this.#paused) this.#waiting += frame.count
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#hidden) return
    this.#scheduled = true
    this.#deps.onNextFrame(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#paused || this.#held.length === 0) return
    const frames = this.#held
    this.#held = []
    this.#waiting = 0
    for (const listener of this.#listeners) listener(frames)
    if (this.#overflowed) {
      this.#overflowed = false
      this.#deps.reload()
    }
  }
}
