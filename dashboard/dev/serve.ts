/** The built dashboard over the made-up API on one loopback port: for looking at pages and for browser tests. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { gzipSync } from 'node:zlib'

import { mountDashboard, type MountedDashboard } from '#mount'
import { createMockApi, type MockApi } from './mock-api.ts'
import { send, toRequest } from './node-bridge.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}

/** Sends a built file, compressed as the real server would; false when there is none. */
async function sendFile(
  dashboard: MountedDashboard,
  path: string,
  response: ServerResponse,
): Promise<boolean> {
  const file = join(dashboard.clientDir, normalize(path))
  if (!file.startsWith(dashboard.clientDir) || extname(file) === '') return false
  const found = await stat(`${file}.gz`).catch(() => stat(file).catch(() => null))
  if (found === null || !found.isFile()) return false
  const zipped = await stat(`${file}.gz`).catch(() => null)
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
  if (zipped !== null) response.setHeader('content-encoding', 'gzip')
  if (path.startsWith(dashboard.immutablePath)) {
    response.setHeader('cache-control', 'public, max-age=31536000, immutable')
  }
  createReadStream(zipped === null ? file : `${file}.gz`).pipe(response)
  return true
}

/** Pages are compressed by the real server; without it, what is measured here would be another thing. */
async function compressed(response: Response, request: Request): Promise<Response> {
  const isPage = (response.headers.get('content-type') ?? '').startsWith('text/html')
  if (!isPage || !/\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')) return response
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  headers.set('content-encoding', 'gzip')
  const body = new Uint8Array(gzipSync(await response.arrayBuffer()))
  return new Response(body, { status: response.status, headers })
}

export interface Served {
  url: string
  mock: MockApi
  close: () => Promise<void>
}

export async function serveDashboard(options: {
  buildDir: string
  seed: number
  port?: number
  now: () => number
  everyMs?: number
  eventsPerFrame?: number
}): Promise<Served> {
  const mock = createMockApi(options)
  const dashboard = await mountDashboard({ buildDir: options.buildDir, api: mock.respond })
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const path = decodeURIComponent(new URL(incoming.url ?? '/', 'http://x').pathname)
      const request = await toRequest(incoming, outgoing)
      if (path.startsWith('/api/')) return send(await mock.respond(request), outgoing)
      if (await sendFile(dashboard, path, outgoing)) return undefined
      return send(await compressed(await dashboard.respond(request), request), outgoing)
    })().catch(() => {
      outgoing.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  mock.start()
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    mock,
    close: async () => {
      mock.stop()
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
    },
  }
}
