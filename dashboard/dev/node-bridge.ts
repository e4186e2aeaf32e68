/** Between Node's http and web requests, for development and tests. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReadableStream as NodeStream } from 'node:stream/web'

import type { MockApi } from './mock-api.ts'

export async function toRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<Request> {
  const gone = new AbortController()
  outgoing.on('close', () => {
    gone.abort()
  })
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const each of [value ?? []].flat()) headers.append(name, each)
  }
  const method = incoming.method ?? 'GET'
  const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? 'localhost'}`)
  const init = { method, headers, signal: gone.signal }
  if (method === 'GET' || method === 'HEAD') return new Request(url, init)
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return new Request(url, { ...init, body: Buffer.concat(chunks) })
}

export async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) {
    if (name !== 'set-cookie') outgoing.setHeader(name, value)
  }
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies)
  if (response.body === null) {
    outgoing.end()
    return
  }
  outgoing.flushHeaders()
  // A reader that went away is the normal end of a stream.
  await pipeline(Readable.fromWeb(response.body as unknown as NodeStream), outgoing).catch(
    () => undefined,
  )
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

export function mockMiddleware(mock: MockApi): Middleware {
  return (request, response, next) => {
    if (!(request.url ?? '').startsWith('/api/')) {
      next()
      return
    }
    void toRequest(request, response)
      .then(mock.respond)
      .then((answer) => send(answer, response))
  }
}
