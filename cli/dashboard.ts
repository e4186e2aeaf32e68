import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '#/api/app.ts'
import { answerInProcess } from '#/api/dashboard.ts'
import type { Dashboard } from '#/api/ports.ts'
import { mountDashboard } from '#/dashboard/mount.ts'

const BUILD_DIR = join(import.meta.dirname, '..', 'dashboard', 'build')

/**
 * The built pages; undefined when the dashboard was not built, as in tests of the API alone. Pages ask the API inside
 * this process, without a socket; `app` is the API once it exists.
 */
export async function openDashboard(
  app: () => App | undefined,
  { isDrill }: { isDrill: boolean },
): Promise<Dashboard | undefined> {
  if (!existsSync(join(BUILD_DIR, 'adapter-node.js'))) return undefined
  const mounted = await mountDashboard({
    buildDir: BUILD_DIR,
    isDrill,
    api: async (request) => {
      const opened = app()
      return opened === undefined
        ? new Response(null, { status: 503 })
        : answerInProcess(opened, request)
    },
  })
  return { clientDir: mounted.clientDir, respond: (request) => mounted.respond(request) }
}
