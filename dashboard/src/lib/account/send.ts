import { csrfToken } from '#lib/collab/ticket.ts'
import { problemSentence } from '#lib/api/problem.ts'

export type Sent<T> = { ok: true; body: T } | { ok: false; sentence: string }

/** A change, or a sign-in: sent from the browser, with the token that shows that a page of ours asked. */
export async function send<T = unknown>(
  method: 'POST' | 'DELETE',
  path: string,
  body: object = {},
): Promise<Sent<T>> {
  const token = csrfToken(document.cookie)
  const response = await fetch(path, {
    method,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token === '' ? {} : { 'x-csrf-token': token }),
    },
    body: JSON.stringify(body),
  }).catch(() => null)
  if (response === null) return { ok: false, sentence: 'The platform does not answer.' }
  if (response.ok) return { ok: true, body: (await response.json()) as T }
  // The API's own remedy is about keys; here is somebody at a page, and signing in answers 401 too.
  if (response.status === 401 && !path.startsWith('/api/auth/'))
    return { ok: false, sentence: 'Sign in first: under Settings, top right.' }
  const wait = response.headers.get('retry-after')
  const sentence = await problemSentence(response)
  return { ok: false, sentence: wait === null ? sentence : `${sentence} Try again in ${wait} s.` }
}

/** Only ever to a page of ours: a path, and none that a browser takes for another host. */
export function safeNext(next: string | null): string {
  if (next === null || !/^\/(?![/\\])[\x21-\x7e]*$/.test(next) || next.includes('\\')) return '/'
  return next
}

/** What stands behind `#` of a set-up link: browsers keep that part to themselves. */
export function linkSecret(hash: string): { setup_token: string } | { invitation: string } | null {
  const fields = new URLSearchParams(hash.replace(/^#/, ''))
  const [token, invitation] = [fields.get('token'), fields.get('invitation')]
  if (token !== null && token !== '') return { setup_token: token }
  return invitation === null || invitation === '' ? null : { invitation }
}
