import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { allowedAddresses } from '#/processors/domain/notify/address.ts'
import { createHttpSender, type HttpSenderDeps } from './http-sender.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<{ port: number; hits: () => number }> {
  let hits = 0
  const server = createServer((request, response) => {
    hits += 1
    listener(request, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, hits: () => hits }
}

const open = allowedAddresses(['127.0.0.1'])
const senderOf = (change: Partial<HttpSenderDeps> = {}) =>
  createHttpSender({
    clock: systemClock,
    allowed: open,
    timeoutMs: 2_000,
    userAgent: 'Faultline/test',
    ...change,
  })
const post = (send: ReturnType<typeof senderOf>, url: string) =>
  send({ url, headers: { 'x-test': 'yes' }, body: '{"a":"ü"}' }, new AbortController().signal)

describe('requests to targets', () => {
  it('[J1] carry body and headers, and bring back status and Retry-After', async () => {
    let seen = {}
    const { port } = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => {
        const { host: _, ...headers } = request.headers
        seen = { body: chunk.toString(), headers, method: request.method }
      })
      request.on('end', () => response.writeHead(503, { 'retry-after': '7' }).end('busy'))
    })
    expect(await post(senderOf(), `http://127.0.0.1:${port}/in`)).toEqual({
      statusCode: 503,
      retryAfter: '7',
      error: '',
    })
    expect(seen).toMatchObject({
      method: 'POST',
      body: '{"a":"ü"}',
      headers: { 'x-test': 'yes', 'content-length': '10', 'content-type': 'application/json' },
    })
  })

  it('[J3] a private address is refused before anything is sent, unless it is allowed', async () => {
    const { port, hits } = await serve((_, response) => response.end())
    const send = senderOf({ allowed: allowedAddresses([]) })
    for (const host of [
      '127.0.0.1',
      '[::1]',
      '2130706433',
      '0x7f.1',
      'localhost',
      '[::ffff:7f00:1]',
    ])
      expect(await post(send, `http://${host}:${port}/`), host).toMatchObject({
        statusCode: 0,
        isFinal: true,
        error: expect.stringContaining('not a public address') as string,
      })
    expect(hits()).toBe(0)
    expect(await post(senderOf(), `http://127.0.0.1:${port}/`)).toMatchObject({ statusCode: 200 })
    expect(hits()).toBe(1)
  })

  it('[J3] a name that leads to a private address is refused, also beside a public one', async () => {
    const { port, hits } = await serve((_, response) => response.end())
    const answers = [
      [{ address: '127.0.0.1', family: 4 }],
      [
        { address: '1.1.1.1', family: 4 },
        { address: '169.254.169.254', family: 4 },
      ],
    ]
    for (const answer of answers) {
      const send = senderOf({ allowed: allowedAddresses([]), resolve: async () => answer })
      const outcome = await post(send, `http://hooks.example:${port}/`)
      expect(outcome).toMatchObject({ statusCode: 0, isFinal: true })
      expect(outcome.error).toContain(`hooks.example leads to ${answer.at(-1)?.address}`)
    }
    expect(hits()).toBe(0)
  })

  it('[J3] the name is asked once, and the connection goes to the address that was checked', async () => {
    const { port, hits } = await serve((_, response) => response.end())
    let asked = 0
    // A name server that answers otherwise the second time.
    const resolve = async () => [
      { address: (asked += 1) === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 },
    ]
    const outcome = await post(senderOf({ resolve }), `http://rebinding.example:${port}/`)
    expect({ asked, hits: hits(), status: outcome.statusCode }).toEqual({
      asked: 1,
      hits: 1,
      status: 200,
    })
  })

  it('[J3] a redirect to a private address is not followed', async () => {
    const inner = await serve((_, response) => response.end('secret'))
    const outer = await serve((_, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${inner.port}/` }).end()
    })
    expect(await post(senderOf(), `http://127.0.0.1:${outer.port}/`)).toMatchObject({
      statusCode: 307,
    })
    expect(inner.hits()).toBe(0)
  })

  it('[J3] a target that hangs is given up in time, one that answers slowly without end too', async () => {
    const hanging = await serve(() => undefined)
    const send = senderOf({ timeoutMs: 150 })
    expect(await post(send, `http://127.0.0.1:${hanging.port}/`)).toMatchObject({
      statusCode: 0,
      error: 'no answer within 0.15 s',
    })
  })

  it('[J3] an answer of 10 MB is cut', async () => {
    const state = { sent: 0, isClosed: false }
    const { port } = await serve((_, response) => {
      response.writeHead(200)
      response.on('close', () => (state.isClosed = true))
      const push = (): void => {
        while (state.sent < 10 << 20 && !state.isClosed) {
          state.sent += 65_536
          if (!response.write(Buffer.alloc(65_536))) {
            response.once('drain', push)
            return
          }
        }
        response.end()
      }
      push()
    })
    expect(await post(senderOf(), `http://127.0.0.1:${port}/`)).toMatchObject({ statusCode: 200 })
    await expect.poll(() => state.isClosed).toBe(true)
    expect(state.sent).toBeLessThan(10 << 20)
  })

  it('[J1] says in words what kept it from being sent', async () => {
    const { port } = await serve((request) => request.socket.destroy())
    expect((await post(senderOf(), `http://127.0.0.1:${port}/`)).error).toBe(
      'the connection was closed before an answer',
    )
    expect((await post(senderOf(), 'http://127.0.0.1:1/')).error).toBe(
      'nobody listens at the address',
    )
    expect((await post(senderOf(), 'nowhere')).error).toContain('cannot be read')
  })
})
