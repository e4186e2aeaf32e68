import { API_DEFAULTS, type AppDeps } from '#/api/deps.ts'
import { allRoutes, type RouteParts } from '#/api/routes/all.ts'
import type { Route } from '#/api/route.ts'

/** What is not a part that routes exist for. */
const ABSENT = new Set([
  'dashboard',
  'dependsOnClickHouse',
  'firstKeyShell',
  'metricsToken',
  'moreChecks',
  'onProblem',
  'operatorToken',
  'surfaces',
  'topology',
])

/** Stands for any part while tables of routes are made: every property and every answer of it is the same again. */
const ANYTHING: unknown = new Proxy(() => ANYTHING, {
  get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : ANYTHING),
})

/** Dependencies in which every optional part is there, so that every address exists; nothing may be asked of them. */
export function withEveryPart(deps: Partial<AppDeps>): AppDeps {
  return new Proxy(deps as AppDeps, {
    get: (own, name: string) =>
      own[name as keyof AppDeps] ?? (ABSENT.has(name) ? undefined : ANYTHING),
  })
}

/** The table of routes of a process that has everything. */
export function everyRoute(): readonly Route[] {
  const deps = withEveryPart({ config: API_DEFAULTS })
  return allRoutes(deps, ANYTHING as RouteParts)
}
