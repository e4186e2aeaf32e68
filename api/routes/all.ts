import type { AppDeps, Surface } from '#/api/deps.ts'
import { hookRoutes } from '#/api/hooks/routes.ts'
import { otlpRoutes } from '#/api/otlp/routes.ts'
import { dsnRoutes } from '#/api/sentry/dsn-routes.ts'
import { sentryRoutes } from '#/api/sentry/routes.ts'
import type { Route } from '#/api/route.ts'
import { detectorRoutes } from '#/api/detectors/routes.ts'
import { authRoutes } from './auth.ts'
import { aiRoutes } from '#/api/ai/routes.ts'
import { changeRoutes } from './changes.ts'
import { describeRoutes } from './describe.ts'
import { drillRoutes } from './drills.ts'
import { eventRoutes } from './events.ts'
import { graphRoutes } from './graph.ts'
import { groupingRoutes } from './grouping.ts'
import { healthRoutes, overviewRoute } from './health.ts'
import type { HealthParts } from './health.ts'
import { incidentRoutes } from './incidents.ts'
import { ingestRoutes } from './ingest.ts'
import type { IngestParts } from './ingest.ts'
import { keyRoutes } from './keys.ts'
import { liveRoutes } from './live.ts'
import { notifyRoutes } from './notify.ts'
import { oidcRoutes } from './oidc.ts'
import { operatorRoutes } from './operator.ts'
import { peopleRoutes } from './people.ts'
import { postMortemRoutes } from './post-mortem.ts'
import { roomRoutes } from './rooms.ts'
import { serviceRoutes } from './services.ts'
import { silenceRoutes } from './silences.ts'
import { sqlRoutes } from './sql.ts'

export type RouteParts = IngestParts & HealthParts

/** Every address of this process, in the order the description shows them. */
export function allRoutes(deps: AppDeps, parts: RouteParts): readonly Route[] {
  const all: readonly Route[] = [
    // Pages report what fails in them to the process they come from.
    ...(serves(deps, 'ingest') ? doorRoutes(deps, parts) : sentryRoutes(deps, parts)),
    ...(serves(deps, 'reads') ? readRoutes(deps, parts) : []),
    ...healthRoutes(deps, parts),
    ...describeRoutes(deps, () => all),
  ]
  return all
}

export function serves({ surfaces }: AppDeps, surface: Surface): boolean {
  return surfaces === undefined || surfaces.has(surface)
}

function doorRoutes(deps: AppDeps, parts: RouteParts): readonly Route[] {
  return [
    ...ingestRoutes(deps, parts),
    ...otlpRoutes(deps, parts),
    ...sentryRoutes(deps, parts),
    ...hookRoutes(deps, parts),
  ]
}

function readRoutes(deps: AppDeps, parts: RouteParts): readonly Route[] {
  return [
    ...eventRoutes(deps),
    ...incidentRoutes(deps),
    ...groupingRoutes(deps),
    ...silenceRoutes(deps),
    ...detectorRoutes(deps),
    ...roomRoutes(deps),
    ...postMortemRoutes(deps),
    ...drillRoutes(deps),
    ...notifyRoutes(deps),
    ...serviceRoutes(deps),
    ...graphRoutes(deps),
    ...changeRoutes(deps),
    ...aiRoutes(deps),
    ...sqlRoutes(deps),
    ...liveRoutes(deps, parts.hub),
    ...keyRoutes(deps),
    ...dsnRoutes(deps),
    ...authRoutes(deps),
    ...oidcRoutes(deps),
    ...peopleRoutes(deps),
    ...operatorRoutes(deps),
    overviewRoute(deps),
  ]
}
