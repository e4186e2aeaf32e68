import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { fastifyStatic } from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Dashboard } from './ports.ts'

/** Below this the headers weigh more than what is saved. */
const COMPRESS_BYTES_MIN = 1_024
const COMPRESSIBLE = /^(text\/|application\/(json|javascript)|image\/svg)/
/** The addresses of the API: what is not there is not a page either. */
const API_PATH = /^\/(api|v1|health|metrics|openapi\.json|docs)(\/|$|\?)/

const brotliAsync = promisify(brotliCompress)
const gzipAsync = promisify(gzip)

/** The browser's files: names below `_app/immutable` carry a hash, so they never have to be asked for again. */
export async function registerClientFiles(app: FastifyInstance, clientDir: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: clientDir,
    prefix: '/',
    wildcard: false,
    index: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      const isImmutable = path.includes('/_app/immutable/')
      const value = isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache'
      void reply.header('cache-control', value)
    },
  })
}

/** Whether a request nobody else answers is for a page. */
export function isPageRequest(request: FastifyRequest): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && !API_PATH.test(request.url)
}

/** Renders the page and sends it, compressed where the browser takes it. */
export async function sendPageOf(
  dashboard: Dashboard | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (dashboard === undefined)
    throw new FaultlineError('not_found', 'The dashboard is not part of this process.', {
      remedy: 'The API is described at /docs.',
    })
  const response = await dashboard.respond(webRequestOf(request))
  void reply.code(response.status)
  for (const [name, value] of response.headers)
    if (name !== 'set-cookie' && name !== 'content-length') void reply.header(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) void reply.header('set-cookie', cookies)
  if (request.method === 'HEAD') return reply.send()
  const body = Buffer.from(await response.arrayBuffer())
  return reply.send(await compressed(request, reply, body))
}

function webRequestOf(request: FastifyRequest): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string') headers.set(name, value)
    else for (const one of value ?? []) headers.append(name, one)
  }
  const origin = `${request.protocol}://${request.headers.host ?? 'localhost'}`
  // Joined, not resolved: `//` in front of a path would else name another host.
  const url = request.url.startsWith('/') ? `${origin}${request.url}` : new URL(request.url, origin)
  return new Request(url, { method: request.method, headers })
}

async function compressed(
  request: FastifyRequest,
  reply: FastifyReply,
  body: Buffer,
): Promise<Buffer> {
  const type = String(reply.getHeader('content-type') ?? '')
  if (body.length < COMPRESS_BYTES_MIN || !COMPRESSIBLE.test(type)) return body
  if (reply.hasHeader('content-encoding')) return body
  void reply.header('vary', 'accept-encoding')
  const accepted = request.headers['accept-encoding'] ?? ''
  if (/\bbr\b/.test(accepted)) {
    void reply.header('content-encoding', 'br')
    // Quality 4: pages are made for one visitor, so time counts as much as size.
    return brotliAsync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
  }
  if (!/\bgzip\b/.test(accepted)) return body
  void reply.header('content-encoding', 'gzip')
  return gzipAsync(body)
}

const REDIRECTS_MAX = 3

/**
 * Answers a request of the server-rendered pages without a socket. Redirects inside the API are followed, as fetch
 * would do.
 */
export async function answerInProcess(app: FastifyInstance, request: Request): Promise<Response> {
  const payload = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
  const headers = { ...Object.fromEntries(request.headers), host: 'localhost' }
  const method = request.method as 'GET' | 'POST'
  let url = new URL(request.url)
  for (let redirects = 0; ; redirects += 1) {
    const response = await app.inject({
      method,
      url: `${url.pathname}${url.search}`,
      headers,
      ...(payload === undefined ? {} : { payload }),
    })
    const { location } = response.headers
    if (response.statusCode !== 308 || location === undefined || redirects >= REDIRECTS_MAX)
      return responseOf(response)
    url = new URL(location, url)
  }
}

function responseOf(answer: {
  statusCode: number
  headers: Record<string, unknown>
  rawPayload: Buffer
}): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers))
    if (typeof value === 'string' || typeof value === 'number') headers.set(name, String(value))
  const hasBody = answer.statusCode !== 204 && answer.statusCode !== 304
  const body = hasBody ? new Uint8Array(answer.rawPayload) : null
  return new Response(body, { status: answer.statusCode, headers })
}
