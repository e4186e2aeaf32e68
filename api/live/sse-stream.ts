import type { FastifyReply } from 'fastify'
import { sse } from './sink.ts'
import type { Sink } from './sink.ts'

/** How long a browser waits before it connects again, in milliseconds. */
const RETRY_MS = 1_000

/**
 * Takes the answer out of Fastify's hands and keeps it open as server-sent events. The first message tells the
 * browser when to retry and that the stream lives.
 */
export function openSse(reply: FastifyReply, onClose: () => void): Sink {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-content-type-options': 'nosniff',
    // Proxies such as nginx hold back answers unless told otherwise.
    'x-accel-buffering': 'no',
  })
  raw.socket?.setNoDelay(true)
  raw.once('close', onClose)
  raw.on('error', onClose)
  raw.write(`retry: ${RETRY_MS}\n`)
  raw.write(sse({ event: 'heartbeat', data: '{}' }))
  return {
    write: (text) => void raw.write(text),
    bufferedBytes: () => raw.writableLength,
    end: () => void raw.end(),
  }
}
