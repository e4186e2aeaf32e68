import type { ConfigEntry } from '#/schemas/records.ts'
import type {
  AccountKind,
  AccountRecords,
  Invitation,
  Session,
  SigningKey,
  User,
} from './account-records.ts'

/** What the entries of `config.v1` add up to. Of two entries for one thing the later stands. */
export interface AccountState {
  readonly users: ReadonlyMap<string, User>
  readonly sessions: ReadonlyMap<string, Session>
  readonly invitations: ReadonlyMap<string, Invitation>
  readonly signingKeys: ReadonlyMap<string, SigningKey>
  readonly organisation: string
  userByEmail(email: string): User | undefined
  /** By the SHA-256 of the cookie, so that no lookup compares secrets. */
  sessionByCookie(hash: string): Session | undefined
}

/** Who has to be looked at again after an entry: `user:…`, `session:…`, `key:…`. */
export type Touched = string

export interface AccountFold {
  state: AccountState
  /** Safe to call twice with the same entry. */
  apply(entry: ConfigEntry): readonly Touched[]
  /** Drops from memory what ended before, and says what may be dropped from the log. */
  forgetBefore(ms: number): readonly { kind: AccountKind; id: string }[]
}

interface Held {
  users: Map<string, User>
  emails: Map<string, string>
  sessions: Map<string, Session>
  cookies: Map<string, string>
  invitations: Map<string, Invitation>
  signingKeys: Map<string, SigningKey>
  organisation: string
}

export function createAccountFold(): AccountFold {
  const held: Held = {
    users: new Map(),
    emails: new Map(),
    sessions: new Map(),
    cookies: new Map(),
    invitations: new Map(),
    signingKeys: new Map(),
    organisation: '',
  }
  const { users, emails, sessions, cookies, invitations, signingKeys } = held
  return {
    state: {
      users,
      sessions,
      invitations,
      signingKeys,
      get organisation() {
        return held.organisation
      },
      userByEmail: (email) => users.get(emails.get(email) ?? ''),
      sessionByCookie: (hash) => sessions.get(cookies.get(hash) ?? ''),
    },
    apply: (entry) => take(held, entry),
    forgetBefore(ms) {
      for (const session of sessions.values())
        if (session.expires_at < ms) cookies.delete(session.cookie_hash)
      return [
        ...dropped('session', sessions, ms),
        ...dropped('invitation', invitations, ms),
        ...dropped('signing_key', signingKeys, ms),
      ]
    },
  }
}

function take(held: Held, entry: ConfigEntry): readonly Touched[] {
  const read = <K extends AccountKind>(_kind: K): AccountRecords[K] =>
    ({ ...(JSON.parse(entry.value) as object), id: entry.id }) as AccountRecords[K]
  switch (entry.kind) {
    case 'user':
      return takeUser(held, read('user'))
    case 'session':
      return takeSession(held, read('session'))
    case 'invitation':
      held.invitations.set(entry.id, read('invitation'))
      return []
    case 'signing_key':
      held.signingKeys.set(entry.id, read('signing_key'))
      return []
    case 'organisation':
      held.organisation = (JSON.parse(entry.value) as { name: string }).name
      return []
    case 'api_key':
      return [`key:${entry.id}`]
    default:
      return []
  }
}

function takeUser({ users, emails }: Held, user: User): readonly Touched[] {
  const before = users.get(user.id)
  if (before !== undefined && emails.get(before.email) === user.id) emails.delete(before.email)
  users.set(user.id, user)
  // Two processes may have taken one address at the same time: the first of them keeps it.
  if (!emails.has(user.email)) emails.set(user.email, user.id)
  return [`user:${user.id}`]
}

function takeSession({ sessions, cookies }: Held, session: Session): readonly Touched[] {
  sessions.set(session.id, joined(sessions.get(session.id), session))
  if (session.cookie_hash !== '') cookies.set(session.cookie_hash, session.id)
  return [`session:${session.id}`]
}

function dropped(
  kind: AccountKind,
  held: Map<string, { id: string; expires_at: number }>,
  beforeMs: number,
): readonly { kind: AccountKind; id: string }[] {
  const gone = [...held.values()].filter((one) => one.expires_at < beforeMs)
  for (const { id } of gone) held.delete(id)
  return gone.map(({ id }) => ({ kind, id }))
}

/**
 * A session never comes back, and goes forward only. Two processes that refreshed one token at the same time have used it twice: of the
 * same generation only one refresh token can be right, so the session ends.
 */
function joined(before: Session | undefined, next: Session): Session {
  if (before === undefined) return next
  if (before.revoked_at !== null) return { ...next, revoked_at: before.revoked_at }
  if (next.generation < before.generation) return before
  const isFork = before.generation === next.generation && before.refresh_hash !== next.refresh_hash
  return isFork ? { ...next, revoked_at: next.created_at } : next
}
