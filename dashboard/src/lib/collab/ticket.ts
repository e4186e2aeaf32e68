/** The ticket a WebSocket is opened with, and where somebody signs in who has none. */
import { ConnectRefused } from '#lib/collab/link.ts'

const CSRF_COOKIE = 'fl_csrf'

export function csrfToken(cookies: string): string {
  for (const part of cookies.split(';')) {
    const [name, value = ''] = part.trim().split('=')
    if (name === CSRF_COOKIE) return value
  }
  return ''
}

/** Single use, good for half a minute. No network is no refusal: the link tries again. */
export async function askTicket(): Promise<string> {
  const token = csrfToken(document.cookie)
  const response = await fetch('/api/ws-ticket', {
    method: 'POST',
    headers: { accept: 'application/json', ...(token === '' ? {} : { 'x-csrf-token': token }) },
  })
  if (response.ok) return ((await response.json()) as { ticket: string }).ticket
  if (response.status === 401 || response.status === 403)
    throw new ConnectRefused('Sign in to see who is here and to take part.')
  if (response.status === 404) throw new ConnectRefused('This platform has no rooms to work in.')
  throw new Error(`the ticket was answered with ${response.status}`)
}

export function loginPath(from: string): string {
  return `/login?${new URLSearchParams({ next: from }).toString()}`
}
