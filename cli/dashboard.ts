import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Dashboard } from '#/api/ports.ts'
import { mountDashboard } from '#/dashboard/mount.ts'

const BUILD_DIR = join(import.meta.dirname, '..', 'dashboard', 'build')

/** Answers a request of a page being rendered inside this process, without a socket. */
async function injectInto(app: FastifyInstance, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
  const answer = await app.inject({
    method: request.method,
    url: url.pathname + url.search,
    headers: { ...Object.fromEntries(request.headers), host: 'localhost' },
    ...(body === undefined ? {} : { payload: body }),
  })
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined)
      headers.set(name, Array.isArray(value) ? value.join(', ') : String(value))
  }
  const empty = answer.statusCode === 204 || answer.statusCode === 304
  return new Response(empty ? null : new Uint8Array(answer.rawPayload), {
    status: answer.statusCode,
    headers,
  })
}

/** The built pages; undefined when the dashboard was not built, as in tests of the API alone. */
export async function openDashboard(
  app: () => FastifyInstance | undefined,
): Promise<Dashboard | undefined> {
  if (!existsSync(join(BUILD_DIR, 'adapter-node.js'))) return undefined
  const mounted = await mountDashboard({
    buildDir: BUILD_DIR,
    api: async (request) => {
      const opened = app()
      return opened === undefined
        ? new Response(null, { status: 503 })
        : injectInto(opened, request)
    },
  })
  return { clientDir: mounted.clientDir, respond: (request) => mounted.respond(request) }
}
