import { boundSink } from './sink.ts'
import type { Sink } from './sink.ts'

/** One open stream. While it catches up from the log, what happens meanwhile waits its turn. */
export interface LiveClient {
  readonly project: string
  send(text: Buffer): void
  /** From now on `send` holds texts back, and `sendNow` writes past them. */
  hold(): void
  sendNow(text: Buffer): void
  /** Sends what was held, or `resync` when it was too much. */
  release(): void
  resync(): void
  end(): void
}

const HELD_MAX = 5_000

export function createLiveClient(options: {
  project: string
  sink: Sink
  /** The text that tells the client to read everything again. */
  resyncText: Buffer
  onResync: () => void
}): LiveClient {
  const sink = boundSink(options.sink, options.resyncText, options.onResync)
  let held: Buffer[] | undefined
  const resync = (): void => {
    options.onResync()
    sink.write(options.resyncText)
  }
  return {
    project: options.project,
    send(text) {
      if (held === undefined) sink.write(text)
      else if (held.length <= HELD_MAX) held.push(text)
    },
    hold() {
      held ??= []
    },
    sendNow: (text) => void sink.write(text),
    release() {
      const waiting = held ?? []
      held = undefined
      if (waiting.length > HELD_MAX) resync()
      else for (const text of waiting) sink.write(text)
    },
    resync,
    end: () => sink.end(),
  }
}
