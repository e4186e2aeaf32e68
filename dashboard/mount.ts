/**
 * How the built dashboard becomes part of another process: no server of its own, a function from request to
 * response. The caller serves `clientDir` as files (everything below `/_app/immutable/` never changes) and gives
 * every other GET to `respond`.
 */
import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'

export interface MountOptions {
  /** Folder that `vite build` wrote, usually `dashboard/build`. */
  buildDir: string
  /** Answers `/api/*` for loads on the server, inside the process; gets cookies of the visitor. */
  api: (request: Request) => Promise<Response>
  /** The pages are those of a drill's sandbox, and say so. */
  isDrill?: boolean
}

export interface MountedDashboard {
  /** A page, its data, or the page that says there is none. Never throws for bad addresses. */
  respond: (request: Request, visitor?: { address: string }) => Promise<Response>
  /** Folder of the browser's files, with `.br` and `.gz` twins beside them. */
  clientDir: string
  /** Path below which names carry a hash of the content. */
  immutablePath: string
}

/** The part of SvelteKit's server that is used. */
interface BuiltServer {
  init: (options: {
    env: Record<string, string>
    read: (file: string) => ReadableStream
  }) => Promise<void>
  respond: (
    request: Request,
    options: {
      platform: { api: MountOptions['api']; isDrill: boolean }
      getClientAddress: () => string
    },
  ) => Promise<Response>
}

interface Build {
  server: BuiltServer
  base: string
  app_path: string
}

/** Throws an Error that names the remedy when the dashboard was not built. */
export async function mountDashboard(options: MountOptions): Promise<MountedDashboard> {
  const entry = join(options.buildDir, 'adapter-node.js')
  await access(entry).catch((cause: unknown) => {
    const remedy = 'Run: npm run build'
    throw new Error(`The dashboard is not built (${entry} is missing). ${remedy}`, { cause })
  })
  const build = (await import(pathToFileURL(entry).href)) as Build
  const clientDir = join(options.buildDir, 'client', build.base)
  const read = (file: string): ReadableStream =>
    Readable.toWeb(createReadStream(join(clientDir, file))) as ReadableStream
  // No variable of the environment reaches the pages.
  await build.server.init({ env: {}, read })
  return {
    clientDir,
    immutablePath: `${build.base}/${build.app_path}/immutable/`,
    respond: (request, visitor) =>
      build.server.respond(request, {
        platform: { api: options.api, isDrill: options.isDrill === true },
        getClientAddress: () => visitor?.address ?? '127.0.0.1',
      }),
  }
}
