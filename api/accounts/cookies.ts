import type { FastifyReply, FastifyRequest } from 'fastify'
import { secretHash } from '#/api/key-format.ts'
import { SESSION_MS } from './sessions.ts'

/** Proves the browser's session; no script can read it. */
export const SESSION_COOKIE = 'fl_session'
/** For scripts of our pages to read and send back as `X-CSRF-Token`; proves nothing by itself. */
export const CSRF_COOKIE = 'fl_csrf'
/** Which of several projects the browser shows. */
export const PROJECT_COOKIE = 'fl_project'
/** What a sign-in at the issuer began with. */
export const OIDC_COOKIE = 'fl_oidc'

const HEADER_CHARS_MAX = 8_192

/** The value of a cookie; undefined when there is none. The first of two wins, as RFC 6265 §5.4 orders them. */
export function cookieOf(request: FastifyRequest, name: string): string | undefined {
  const { cookie } = request.headers
  if (cookie === undefined || cookie.length > HEADER_CHARS_MAX) return undefined
  for (const part of cookie.split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}

/** Made of the session's secret: who can compute it has the session already. */
export function csrfTokenOf(sessionCookie: string): string {
  return secretHash(`csrf:${sessionCookie}`)
}

interface CookieWish {
  name: string
  value: string
  seconds: number
  path?: string
  isForScripts?: boolean
}

export function setCookie(reply: FastifyReply, isSecure: boolean, wish: CookieWish): void {
  const parts = [
    `${wish.name}=${wish.value}`,
    `Path=${wish.path ?? '/'}`,
    `Max-Age=${wish.seconds}`,
    'SameSite=Lax',
    ...(wish.isForScripts === true ? [] : ['HttpOnly']),
    ...(isSecure ? ['Secure'] : []),
  ]
  // Fastify adds this one header to those of its name instead of replacing them.
  void reply.header('set-cookie', parts.join('; '))
}

export function setSessionCookies(reply: FastifyReply, isSecure: boolean, cookie: string): void {
  const seconds = SESSION_MS / 1000
  setCookie(reply, isSecure, { name: SESSION_COOKIE, value: cookie, seconds })
  const value = csrfTokenOf(cookie)
  setCookie(reply, isSecure, { name: CSRF_COOKIE, value, seconds, isForScripts: true })
}

export function clearSessionCookies(reply: FastifyReply, isSecure: boolean): void {
  setCookie(reply, isSecure, { name: SESSION_COOKIE, value: '', seconds: 0 })
  setCookie(reply, isSecure, { name: CSRF_COOKIE, value: '', seconds: 0, isForScripts: true })
}
