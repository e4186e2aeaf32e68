import type { Handle, HandleFetch, HandleServerError } from '@sveltejs/kit/hooks'

import { inTime } from '#lib/api/in-time.ts'
import { readTheme } from '#lib/theme.ts'

/** On every page of a sandbox; the script fills in which drill it is and how far. */
const DRILL_BAR =
  '<aside id="drill" class="drill-bar" aria-label="Drill"><strong>Drill</strong> A recorded incident is played again. Nothing here is live.</aside>'

/** Pages that stay without scripts: they take none from app.html either. */
const STILL = new Set<string | null>(['/status', '/print/[id]'])
const EARLY = /<!-- early -->.*<!-- \/early -->/s

/** How long a page waits for what it shows; the one for when all else is down only a moment. */
const PAGE_MS_MAX = 10_000
const STATUS_MS_MAX = 3000

/**
 * The theme lies in a cookie, so that the first byte of HTML already has the right colours: no inline
 * script, no flash, and it works without JavaScript.
 */
export const handle: Handle = async ({ event, resolve }) => {
  event.locals.theme = readTheme(event.cookies.get('theme'))
  event.locals.isDrill = event.platform?.isDrill === true
  return resolve(event, {
    transformPageChunk: ({ html }) =>
      html
        .replace('%faultline.theme%', event.locals.theme)
        .replace('%faultline.drill%', event.locals.isDrill ? DRILL_BAR : '')
        .replace(EARLY, (script) => (STILL.has(event.route.id) ? '' : script)),
  })
}

/** A load asks for `/api/…` with `fetch`; the process that mounted us answers without a socket. */
export const handleFetch: HandleFetch = async ({ event, request, fetch }) => {
  const url = new URL(request.url)
  const answer = event.platform?.api
  if (
    answer === undefined ||
    url.origin !== event.url.origin ||
    !url.pathname.startsWith('/api/')
  ) {
    return fetch(request)
  }
  const cookie = event.request.headers.get('cookie')
  if (cookie !== null) request.headers.set('cookie', cookie)
  return inTime(answer(request), event.route.id === '/status' ? STATUS_MS_MAX : PAGE_MS_MAX)
}

/** Nothing of an unexpected error reaches the page: its text may hold parts of queries or paths. */
export const handleError: HandleServerError = (caught) => {
  if (caught.kind === 'app') return
  if (caught.kind === 'framework') {
    return { message: 'There is no page at this address.', remedy: 'Go back to Now.' }
  }
  return { message: 'The dashboard could not build this page.', remedy: 'Reload in a moment.' }
}
