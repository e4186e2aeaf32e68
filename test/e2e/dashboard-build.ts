import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')

export interface DashboardBuild extends AsyncDisposable {
  readonly dir: string
}

/**
 * Today's dashboard in a folder of its own: built only if its sources changed, by the same code as `npm start`. A copy,
 * since whoever starts the platform meanwhile may build again, and names of files change with their content.
 */
export async function copyOfDashboard(): Promise<DashboardBuild> {
  const boot = join(ROOT, 'cli/boot.js')
  // This Node runs already and everything is installed: neither is looked at again.
  const env = { ...process.env, NODE_ENV: 'production', FAULTLINE_BOOTED: '1' }
  await promisify(execFile)(process.execPath, [boot, 'dev', 'build'], { env })
  const dir = await mkdtemp(join(tmpdir(), 'faultline-dashboard-'))
  await cp(join(ROOT, 'dashboard/build'), dir, { recursive: true })
  await writeFile(join(dir, 'package.json'), '{"type":"module"}')
  return {
    dir,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}
