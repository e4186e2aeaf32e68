/** A server that is told things, as a target of notifications has one: says 200 and keeps what came. */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'

export interface Receiver extends AsyncDisposable {
  readonly url: string
  /** Bodies in the order they came. */
  readonly bodies: readonly Record<string, unknown>[]
}

export async function openReceiver(): Promise<Receiver> {
  const bodies: Record<string, unknown>[] = []
  const take = async (request: IncomingMessage): Promise<void> => {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += String(part)
    bodies.push(JSON.parse(text) as Record<string, unknown>)
  }
  const server = createServer((request, response) => {
    take(request).then(
      () => response.end(),
      () => response.writeHead(400).end(),
    )
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/told`,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
