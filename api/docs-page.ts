import { hash } from 'node:crypto'
import { ERROR_CATALOGUE } from '#/kernel/errors.ts'
import { LIMITS } from '#/schemas/event-input-limits.ts'
import { openApiPath } from './openapi.ts'
import type { Route } from './route.ts'

const STYLE = `:root{color-scheme:light dark;font:14px/1.5 Inter,system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:24px}h2{font-size:16px;margin-top:2rem;text-transform:capitalize}
details{border-bottom:1px solid light-dark(#ddd,#333);padding:8px 0}
summary{cursor:pointer}code{font:13px ui-monospace,monospace}
.method{display:inline-block;min-width:4rem;font-weight:600}
table{border-collapse:collapse;width:100%;margin:8px 0}
td,th{text-align:left;vertical-align:top;padding:4px 12px 4px 0}
tr:target{background:light-dark(#fff3c4,#4a3d00)}`

/** No script, no font, nothing of a third party; the one style sheet is allowed by its hash. */
export const DOCS_CSP = `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; base-uri 'none'; frame-ancestors 'none'`

/** The API for people: every address with its parameters, every error, every limit. Works without JavaScript. */
export function docsPage(routes: readonly Route[], version: string): string {
  const byTag = [...Map.groupBy(routes, (route) => route.tag)]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Faultline API</title>
<style>${STYLE}</style>
<h1>Faultline API <small>${escape(version)}</small></h1>
<p>Machines read <a href="/openapi.json">/openapi.json</a>. Send a key as <code>X-API-Key</code> or as
<code>Authorization: Bearer</code>.</p>
${byTag.map(([tag, all]) => `<h2>${escape(tag)}</h2>\n${all.map(routeHtml).join('\n')}`).join('\n')}
<h2 id="errors">Errors</h2>
<table><tr><th>code<th>status<th>again later<th>meaning</tr>
${Object.entries(ERROR_CATALOGUE)
  .map(
    ([code, { status, retryable, text }]) =>
      `<tr id="${code}"><td><code>${code}</code><td>${status}<td>${retryable ? 'yes' : 'no'}<td>${escape(text)}</tr>`,
  )
  .join('\n')}
</table>
<h2 id="limits">Limits of an event</h2>
<table>${Object.entries(LIMITS)
    .map(([name, value]) => `<tr><td><code>${name}</code><td>${value}</tr>`)
    .join('\n')}</table>
</html>
`
}

function routeHtml(route: Route): string {
  const rows = Object.entries(route.query).map(
    ([name, param]) => `<tr><td><code>${escape(name)}</code><td>${escape(param.about)}</tr>`,
  )
  const body = route.body === undefined ? '' : `<p>Body: ${escape(route.body.about)}</p>`
  const scope = route.access === 'metrics' ? 'read, or the metrics token' : route.access
  const access = scope === 'none' ? 'No key.' : `A key with scope ${scope}.`
  return `<details><summary><span class="method">${route.method}</span> <code>${escape(openApiPath(route.path))}</code>
${escape(route.summary)}</summary>
<p>${access} Answers ${route.answer.status}: ${escape(route.answer.about)}</p>${body}
${rows.length === 0 ? '' : `<table>${rows.join('\n')}</table>`}</details>`
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character)
}
