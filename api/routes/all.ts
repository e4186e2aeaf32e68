import type { AppDeps } from '#/api/deps.ts'
import type { Route } from '#/api/route.ts'
import { ingestRoutes } from './ingest.ts'
import type { IngestParts } from './ingest.ts'

export type RouteParts = IngestParts

/** Every address of the API, in the order the description shows them. */
export function allRoutes(deps: AppDeps, parts: RouteParts): readonly Route[] {
  return [...ingestRoutes(deps, parts)]
}
