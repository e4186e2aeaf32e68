import type { FastifyRequest } from 'fastify'
import { readObject } from '#/api/answer.ts'
import type { Accounts } from '#/api/accounts/accounts.ts'
import {
  clearSessionCookies,
  cookieOf,
  csrfTokenOf,
  SESSION_COOKIE,
  setSessionCookies,
} from '#/api/accounts/cookies.ts'
import type { User } from '#/api/accounts/account-records.ts'
import type { Visitor } from '#/api/accounts/doors.ts'
import { textOf } from '#/api/accounts/wishes.ts'
import type { AppDeps } from '#/api/deps.ts'
import { isOpen } from '#/api/auth.ts'
import { jsonAnswer, jsonBody, route, type Call, type Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { MeView } from '#/schemas/accounts.ts'
import { seesProject } from '#/schemas/principal.ts'

const problems = ['invalid_json', 'invalid_request', 'rate_limited', 'conflict'] as const

/** Signing in and out, and being told who one is. */
export function authRoutes(deps: AppDeps): readonly Route[] {
  const { accounts } = deps
  if (accounts === undefined) return []
  return [...signInRoutes(deps, accounts), ...personRoutes(deps, accounts)]
}

function signInRoutes(deps: AppDeps, accounts: Accounts): readonly Route[] {
  const common = { method: 'POST', tag: 'accounts', access: 'none', query: {} } as const
  return [
    route({
      ...common,
      path: '/api/auth/register',
      summary: 'Make an account: the first by the set-up link, others by invitation.',
      body: jsonBody(
        '`email`, `password`, `name`, and `setup_token` or `invitation`; `cookie: true` for browsers.',
      ),
      answer: jsonAnswer('The person, and tokens where no cookie was asked for.', 201),
      problems: [...problems, 'forbidden'],
      async handle(call) {
        const wish = readObject(call)
        const user = await accounts.doors.register(wish, visitorOf(call.request))
        return signIn(deps, call, { user, wish })
      },
    }),
    route({
      ...common,
      path: '/api/auth/login',
      summary: 'Sign in.',
      body: jsonBody('`email`, `password`; `cookie: true` for browsers.'),
      answer: jsonAnswer('The person, and tokens where no cookie was asked for.'),
      problems: [...problems, 'unauthorized', 'overloaded'],
      async handle(call) {
        const wish = readObject(call)
        const user = await accounts.doors.login(wish, visitorOf(call.request))
        return signIn(deps, call, { user, wish })
      },
    }),
    route({
      ...common,
      path: '/api/auth/refresh',
      summary: 'The next pair of tokens for a refresh token, which is spent with it.',
      body: jsonBody('`refresh_token`.'),
      answer: jsonAnswer('Tokens.'),
      problems: [...problems, 'unauthorized'],
      async handle(call) {
        const token = textOf(readObject(call)['refresh_token'], 'refresh_token', 200)
        const { tokens, principal } = await accounts.sessions.refresh(token)
        const target = `session:${principal.sessionId}`
        deps.audit?.note({ actor: principal.id, action: 'refresh', target, result: 'done' })
        return { ...tokens, user: principal }
      },
    }),
  ]
}

function personRoutes(deps: AppDeps, accounts: Accounts): readonly Route[] {
  const common = { tag: 'accounts', query: {} } as const
  return [
    route({
      ...common,
      method: 'GET',
      path: '/api/auth/me',
      access: 'none',
      summary: 'Who is asking, and what for.',
      answer: jsonAnswer('The principal and its projects.'),
      handle: (call) => meOf(deps, accounts, call),
    }),
    route({
      ...common,
      method: 'POST',
      path: '/api/auth/logout',
      access: 'person',
      summary: 'Sign out: the session ends, and every stream and socket of it within five seconds.',
      answer: jsonAnswer('Nothing.'),
      async handle({ principal, reply, request }) {
        const actor = principal?.id ?? ''
        await accounts.sessions.end(principal?.sessionId ?? '', actor)
        const target = `session:${principal?.sessionId ?? ''}`
        await deps.audit?.record({ actor, action: 'logout', target, result: 'done' })
        clearSessionCookies(reply, isSecure(deps, request))
        return {}
      },
    }),
    route({
      ...common,
      method: 'POST',
      path: '/api/auth/password',
      access: 'person',
      summary: 'Choose another password; other sign-ins of this person end.',
      body: jsonBody('`current` and `password`.'),
      answer: jsonAnswer('Nothing.'),
      problems: [...problems],
      async handle(call) {
        const { principal, request } = call
        const userId = principal?.id.slice('user:'.length) ?? ''
        await accounts.doors.changePassword({
          userId,
          sessionId: principal?.sessionId,
          body: readObject(call),
          visitor: visitorOf(request),
        })
        const actor = principal?.id ?? ''
        await deps.audit?.record({ actor, action: 'password', target: actor, result: 'done' })
        return {}
      },
    }),
    ticketRoute(deps),
  ]
}

function ticketRoute({ wsTickets, accounts }: AppDeps): Route {
  return route({
    tag: 'live',
    query: {},
    method: 'POST',
    path: '/api/ws-ticket',
    access: 'read',
    summary: 'A ticket for one WebSocket: good once, for 30 seconds, for this session.',
    answer: jsonAnswer('`ticket`: the second value of Sec-WebSocket-Protocol.'),
    handle({ principal, project }) {
      if (wsTickets === undefined || accounts === undefined)
        throw new FaultlineError('not_found', 'There are no tickets here.')
      return wsTickets.issue({ principal, project })
    },
  })
}

/** For a browser the session lies in a cookie that scripts cannot read, for others in tokens. */
async function signIn(
  deps: AppDeps,
  { request, reply }: Call,
  { user, wish }: { user: User; wish: Readonly<Record<string, unknown>> },
): Promise<object> {
  const { sessions } = deps.accounts as Accounts
  const { client } = visitorOf(request)
  if (wish['cookie'] !== true) {
    const { tokens, principal } = await sessions.openTokens(user, client)
    return { ...tokens, user: principal }
  }
  const { cookie, principal } = await sessions.openCookie(user, client)
  setSessionCookies(reply, isSecure(deps, request), cookie)
  return { user: principal, csrf: csrfTokenOf(cookie) }
}

function meOf(deps: AppDeps, accounts: Accounts, call: Call): MeView & { csrf: string } {
  const { principal, request } = call
  const all = deps.keys.listProjects()
  const open = isOpen(deps)
  const isMine = (id: string): boolean =>
    principal === undefined ? open : seesProject(principal, id)
  const cookie = cookieOf(request, SESSION_COOKIE)
  return {
    principal: principal === undefined ? null : withoutSession(principal),
    email: principal === undefined ? '' : accounts.emailOf(principal),
    project: principal === undefined && !open ? '' : call.project,
    projects: all.filter(({ id }) => isMine(id)),
    organisation: accounts.organisation(),
    open,
    setup: !accounts.hasUsers(),
    registration: deps.config.registration,
    oidc: deps.oidc?.name ?? null,
    csrf: principal?.kind === 'user' && cookie !== undefined ? csrfTokenOf(cookie) : '',
  }
}

function withoutSession(principal: NonNullable<Call['principal']>): MeView['principal'] {
  const { sessionId: _, ...rest } = principal
  return rest
}

export function visitorOf(request: FastifyRequest): Visitor {
  const program = (request.headers['user-agent'] ?? '').slice(0, 120)
  return { address: request.ip, client: `${program} ${request.ip}`.trim() }
}

/** Whether the browser talks to us over TLS, here or at a proxy in front. */
export function isSecure({ config }: AppDeps, request: FastifyRequest): boolean {
  return request.protocol === 'https' || config.publicUrl?.startsWith('https:') === true
}
