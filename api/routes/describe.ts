import type { AppDeps } from '#/api/deps.ts'
import { DOCS_CSP, docsPage } from '#/api/docs-page.ts'
import { openApiOf } from '#/api/openapi.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'

/** The API describes itself; `all` gives the whole table, these two included. */
export function describeRoutes(deps: AppDeps, all: () => readonly Route[]): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      tag: 'description',
      summary: 'This API as OpenAPI 3.1.',
      access: 'none',
      query: {},
      answer: { status: 200, type: 'application/json', about: 'The document.' },
      handle: () => openApiOf(all(), deps.version),
    }),
    route({
      method: 'GET',
      path: '/docs',
      tag: 'description',
      summary: 'This API as a page.',
      access: 'none',
      query: {},
      answer: { status: 200, type: 'text/html', about: 'The page.' },
      handle({ reply }) {
        void reply
          .header('content-type', 'text/html; charset=utf-8')
          .header('content-security-policy', DOCS_CSP)
          .send(docsPage(all(), deps.version))
      },
    }),
  ]
}
