import type { TestProject } from 'vitest/node'
import { copyOfDashboard } from './dashboard-build.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the built dashboard, the same for all files of a run. */
    dashboardBuild: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const build = await copyOfDashboard()
  project.provide('dashboardBuild', build.dir)
  return async () => {
    await build[Symbol.asyncDispose]()
  }
}
