import type { IncomingMessage } from 'node:http'
import type { Clock } from '#/kernel/clock.ts'

const BYTES_MAX = 64 * 1024 * 1024
const TIME_MS_MAX = 2_000

/**
 * Reads what is left of a refused body and throws it away, for two seconds and 64 MiB at most. Answered and closed
 * at once, the connection is reset under a client that is still sending, which then never sees the answer.
 */
export async function readAway(body: IncomingMessage, clock: Clock): Promise<void> {
  if (body.complete || body.readableEnded || body.destroyed) return
  const done = new AbortController()
  const end = (): void => done.abort()
  let bytes = 0
  const count = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > BYTES_MAX) end()
  }
  for (const event of ['end', 'close', 'error']) body.once(event, end)
  body.on('data', count).resume()
  await clock.sleep(TIME_MS_MAX, done.signal)
  body.off('data', count)
  for (const event of ['end', 'close', 'error']) body.off(event, end)
}
