import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'

const type = 'application/json'

/** A route for administrators of the organisation, and whoever can read the token in the data folder. */
export function operatorRoute(
  spec: Pick<Route, 'method' | 'path' | 'summary' | 'handle'> & {
    status?: number
    hasBody?: boolean
    tellsTrail?: boolean
  },
): Route {
  return route({
    method: spec.method,
    path: spec.path,
    tag: 'operator',
    summary: spec.summary,
    access: 'operator',
    query: {},
    ...(spec.hasBody === true
      ? { body: { about: 'See the command line.', types: [type], schema: { type: 'object' } } }
      : {}),
    answer: { status: spec.status ?? 200, type, about: spec.summary, schema: { type: 'object' } },
    problems: ['invalid_json', 'invalid_request', 'not_found', 'conflict'],
    ...(spec.tellsTrail === true ? { tellsTrail: true } : {}),
    handle: spec.handle,
  })
}
