import { secretHash } from '#/api/key-format.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Principal } from '#/schemas/principal.ts'
import type { Session, User } from './account-records.ts'
import type { AccountStore } from './account-store.ts'
import { badToken } from './forged.ts'
import { idInSecret, makeSecret, newId } from './secrets.ts'
import type { Tokens } from './tokens.ts'

export const ACCESS_SECONDS = 600
const DAY_MS = 86_400_000
/** A sign-in lasts a week at most, however busy it is. */
export const SESSION_MS = 7 * DAY_MS
const SPENT_MAX = 32
/** Of one person; the oldest ends when another begins. */
const SESSIONS_PER_USER_MAX = 20

export interface TokenPair {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  refresh_token: string
}

export interface Sessions {
  /** For browsers: the cookie's value, which is all that proves it. */
  openCookie(user: User, client: string): Promise<{ cookie: string; principal: Principal }>
  /** For other clients: a short-lived token, and one that gets the next pair. */
  openTokens(user: User, client: string): Promise<{ tokens: TokenPair; principal: Principal }>
  /** Fails with `unauthorized`; a token that was used before ends the session of both who have it. */
  refresh(refreshToken: string): Promise<{ tokens: TokenPair; principal: Principal }>
  ofCookie(cookie: string): Principal | undefined
  /** Fails with `unauthorized`. */
  ofAccessToken(token: string): Promise<Principal>
  /** The person of a live session as it is now. */
  principalOf(sessionId: string | undefined): Principal | null
  end(sessionId: string, actor: string): Promise<void>
  endAllOf(userId: string, options: { actor: string; except?: string | undefined }): Promise<void>
}

export interface SessionDeps {
  store: AccountStore
  tokens: Tokens
  clock: Clock
  /** A refresh token came a second time. */
  onReuse: (session: Session) => void
}

export function createSessions(deps: SessionDeps): Sessions {
  const { store, tokens, clock } = deps
  const { state } = store
  const table = createSessionTable(deps)
  const { principalOf, end } = table
  return {
    principalOf,
    async openCookie(user, client) {
      const session = newSession(user, { client, nowMs: clock.nowMs() })
      const cookie = makeSecret('fls', session.id)
      session.cookie_hash = secretHash(cookie)
      await table.begin(user, session)
      return { cookie, principal: principalOfUser(user, session.id) }
    },
    async openTokens(user, client) {
      const session = newSession(user, { client, nowMs: clock.nowMs() })
      const refreshToken = makeSecret('flr', session.id)
      session.refresh_hash = secretHash(refreshToken)
      await table.begin(user, session)
      const principal = principalOfUser(user, session.id)
      return { tokens: await pairOf(tokens, session, refreshToken), principal }
    },
    refresh: (refreshToken) => store.inTurn(() => refreshed(deps, table, refreshToken)),
    ofCookie(cookie) {
      if (idInSecret('fls', cookie) === undefined) return undefined
      return principalOf(state.sessionByCookie(secretHash(cookie))?.id) ?? undefined
    },
    async ofAccessToken(token) {
      const { sub, sid } = await tokens.verify('access', token)
      const principal = principalOf(typeof sid === 'string' ? sid : undefined)
      if (principal === null || principal.id !== `user:${sub}`)
        throw badToken('belongs to a sign-in that has ended')
      return principal
    },
    async end(sessionId, actor) {
      const session = state.sessions.get(sessionId)
      if (session !== undefined) await end(session, actor)
    },
    async endAllOf(userId, { actor, except }) {
      for (const session of state.sessions.values())
        if (session.user === userId && session.id !== except) await end(session, actor)
    },
  }
}

type SessionTable = ReturnType<typeof createSessionTable>

/** Which sessions live, and how they begin and end. */
function createSessionTable({ store, clock }: SessionDeps) {
  const { state } = store
  const live = (id: string | undefined): { session: Session; user: User } | undefined => {
    const session = id === undefined ? undefined : state.sessions.get(id)
    if (session === undefined || session.revoked_at !== null) return undefined
    if (session.expires_at <= clock.nowMs()) return undefined
    const user = state.users.get(session.user)
    return user === undefined || user.disabled_at !== null ? undefined : { session, user }
  }
  const end = async (session: Session, actor: string): Promise<void> => {
    if (session.revoked_at !== null) return
    await store.write('session', { ...session, revoked_at: clock.nowMs() }, actor)
  }
  return {
    live,
    end,
    principalOf: (id: string | undefined): Principal | null => {
      const found = live(id)
      return found === undefined ? null : principalOfUser(found.user, found.session.id)
    },
    begin: async (user: User, session: Session): Promise<void> => {
      const own = [...state.sessions.values()].filter(
        (one) => one.user === user.id && live(one.id) !== undefined,
      )
      const tooMany = own
        .toSorted((a, b) => a.created_at - b.created_at)
        .slice(0, Math.max(0, own.length + 1 - SESSIONS_PER_USER_MAX))
      for (const old of tooMany) await end(old, 'system')
      await store.write('session', session, user.id)
    },
  }
}

async function refreshed(
  { store, tokens, onReuse }: SessionDeps,
  { live, end, principalOf }: SessionTable,
  refreshToken: string,
): Promise<{ tokens: TokenPair; principal: Principal }> {
  const id = idInSecret('flr', refreshToken)
  const hash = secretHash(refreshToken)
  const known = id === undefined ? undefined : store.state.sessions.get(id)
  if (known?.spent_hashes.includes(hash) === true) {
    await end(known, 'system')
    onReuse(known)
    throw badToken('was used before: everybody who has one of this sign-in is signed out')
  }
  const found = live(id)
  if (found === undefined || found.session.refresh_hash !== hash)
    throw badToken('to refresh with is unknown or has ended')
  const next = makeSecret('flr', found.session.id)
  const session: Session = {
    ...found.session,
    refresh_hash: secretHash(next),
    spent_hashes: [hash, ...found.session.spent_hashes].slice(0, SPENT_MAX),
    generation: found.session.generation + 1,
  }
  await store.write('session', session, found.user.id)
  const principal = principalOf(session.id)
  if (principal === null) throw badToken('was used twice at the same time')
  return { tokens: await pairOf(tokens, session, next), principal }
}

async function pairOf(tokens: Tokens, session: Session, refreshToken: string): Promise<TokenPair> {
  const claims = { sub: session.user, sid: session.id }
  return {
    access_token: await tokens.sign('access', claims, ACCESS_SECONDS),
    token_type: 'Bearer',
    expires_in: ACCESS_SECONDS,
    refresh_token: refreshToken,
  }
}

function newSession(user: User, from: { client: string; nowMs: number }): Session {
  return {
    id: newId(),
    user: user.id,
    created_at: from.nowMs,
    expires_at: from.nowMs + SESSION_MS,
    revoked_at: null,
    cookie_hash: '',
    refresh_hash: '',
    spent_hashes: [],
    generation: 0,
    client: from.client.slice(0, 200),
  }
}

export function principalOfUser(user: User, sessionId: string): Principal {
  return {
    id: `user:${user.id}`,
    name: user.name,
    kind: 'user',
    role: user.role,
    projects: user.role === 'admin' ? 'all' : user.projects,
    sessionId,
  }
}

/** Keeps a person that may not sign in from being told more than a wrong password would tell. */
export function wrongSignIn(): FaultlineError {
  return new FaultlineError('unauthorized', 'This address and password do not belong together.', {
    remedy: 'Check both, or ask an administrator for a new link.',
  })
}
