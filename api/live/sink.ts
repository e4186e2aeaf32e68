/** Where the bytes of one live client go. Writing never waits: what the client cannot take is skipped. */
export interface Sink {
  write(text: Buffer): void
  /** Bytes written and not yet taken by the network. */
  bufferedBytes(): number
  end(): void
}

/** A client that is this far behind is skipped until it caught up, then told to read everything again. */
export const BUFFER_BYTES_MAX = 1 << 20
const BUFFER_BYTES_CALM = 64 << 10

export interface BoundedSink {
  /** False when the client is too far behind and the text was skipped. */
  write(text: Buffer): boolean
  /** For messages that lose their meaning when something was skipped before them. */
  end(): void
}

/** Keeps a slow client from holding memory: it misses messages and is told so with `resync`. */
export function boundSink(sink: Sink, resync: Buffer, onResync: () => void): BoundedSink {
  let isSkipping = false
  return {
    write(text) {
      const buffered = sink.bufferedBytes()
      if (isSkipping) {
        if (buffered > BUFFER_BYTES_CALM) return false
        isSkipping = false
        onResync()
        sink.write(resync)
      }
      if (buffered + text.length > BUFFER_BYTES_MAX) {
        isSkipping = true
        return false
      }
      sink.write(text)
      return true
    },
    end: () => sink.end(),
  }
}

/**
 * Server-sent events (HTML Living Standard §9.2): one field per line, an empty line ends a message. Each has memory of
 * its own: a message is kept for those who come back, or waits in a socket, and a piece of Node's pool would keep the
 * 64 KB around it alive for as long (90 s of frames held 65 MB for 3 MB of text).
 */
export function sse(fields: { id?: string; event?: string; data: string }): Buffer {
  const id = fields.id === undefined ? '' : `id: ${fields.id}\n`
  const event = fields.event === undefined ? '' : `event: ${fields.event}\n`
  const text = `${event}${id}data: ${fields.data}\n\n`
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

export const SSE_RESYNC = sse({ event: 'resync', data: '{}' })
