import { isSameHash, secretHash } from '#/api/key-format.ts'
import { wrong } from '#/api/params.ts'
import type { RateLimit } from '#/api/rate-limit.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Role } from '#/schemas/principal.ts'
import type { Invitation, User } from './account-records.ts'
import type { AccountStore } from './account-store.ts'
import type { AccountsConfig } from './accounts.ts'
import type { Audit } from './audit.ts'
import type { Passwords } from './password.ts'
import { checkNewPassword } from './password-rules.ts'
import { idInSecret, newId } from './secrets.ts'
import { wrongSignIn, type Sessions } from './sessions.ts'
import { emailOf, nameOf, textOf } from './wishes.ts'

/** Who knocks, for limits and for the audit trail. */
export interface Visitor {
  address: string
  /** Program and address, for people to recognise a sign-in by. */
  client: string
}

type Body = Readonly<Record<string, unknown>>

/** The ways in: how somebody becomes a person with an account, and signs in. */
export interface Doors {
  /** By set-up token, invitation, or openly where that is switched on. */
  register(body: Body, visitor: Visitor): Promise<User>
  /** Fails with `unauthorized`, or `rate_limited` after ten wrong ones. */
  login(body: Body, visitor: Visitor): Promise<User>
  /** Somebody the organisation's issuer vouches for; made or updated. */
  welcome(person: { subject: string; email: string; name: string; role: Role }): Promise<User>
  /** A person's own, with the one that holds now. Other sign-ins of theirs end. */
  changePassword(wish: {
    userId: string
    sessionId: string | undefined
    body: Body
    visitor: Visitor
  }): Promise<void>
}

export interface DoorDeps {
  store: AccountStore
  sessions: Sessions
  passwords: Passwords
  wrongLogins: RateLimit
  audit: Audit
  clock: Clock
  config: AccountsConfig
  hasUsers(): boolean
}

const PASSWORD_CHARS_LOOKED_AT = 1_000

export function createDoors(deps: DoorDeps): Doors {
  const { store, audit, clock } = deps
  return {
    async register(body, visitor) {
      const user = await byRightOf(deps, body, visitor)
      await audit.record({
        actor: `user:${user.id}`,
        action: 'register',
        target: user.email,
        result: 'done',
        detail: { role: user.role, address: visitor.address },
      })
      return user
    },
    async login(body, visitor) {
      const email = emailOf(body['email'])
      const password = textOf(body['password'], 'password', PASSWORD_CHARS_LOOKED_AT)
      const user = store.state.userByEmail(email)
      const isRight = await limited(deps, { email, visitor, action: 'login' }, () =>
        deps.passwords.verify(password, user?.disabled_at === null ? user.password : ''),
      )
      if (user !== undefined && isRight) return user
      throw wrongSignIn()
    },
    welcome: ({ subject, email, name, role }) =>
      store.inTurn(async () => {
        const id = secretHash(subject).slice(0, 18)
        const known = store.state.users.get(id)
        if (known !== undefined && known.disabled_at !== null)
          throw new FaultlineError('forbidden', 'This account is disabled.')
        const user: User = {
          id,
          // An address that a local account has stays that account's: the issuer's people are told by their subject.
          email: email !== '' ? email : id,
          name: nameOf(name, email !== '' ? email : id),
          role,
          projects: 'all',
          source: 'oidc',
          password: '',
          created_at: known?.created_at ?? clock.nowMs(),
          disabled_at: null,
        }
        if (JSON.stringify(known) !== JSON.stringify(user)) {
          await store.write('user', user, 'oidc')
          await audit.record({
            actor: `user:${id}`,
            action: known === undefined ? 'register' : 'user.change',
            target: email,
            result: 'done',
            detail: { role, by: 'oidc' },
          })
        }
        return user
      }),
    async changePassword({ userId, sessionId, body, visitor }) {
      const user = store.state.users.get(userId)
      if (user === undefined || user.source !== 'local')
        throw new FaultlineError('forbidden', 'Your password is not kept here.')
      const current = textOf(body['current'], 'current', PASSWORD_CHARS_LOOKED_AT)
      const next = await checkNewPassword(body['password'], user.email)
      const isRight = await limited(deps, { email: user.email, visitor, action: 'password' }, () =>
        deps.passwords.verify(current, user.password),
      )
      if (!isRight) throw wrongSignIn()
      const password = await deps.passwords.hash(next)
      await store.write('user', { ...user, password }, `user:${userId}`)
      await deps.sessions.endAllOf(userId, { actor: `user:${userId}`, except: sessionId })
    },
  }
}

/** A wrong password costs the account and the address one of ten; a right one nothing. */
async function limited(
  { wrongLogins, audit }: DoorDeps,
  { email, visitor, action }: { email: string; visitor: Visitor; action: string },
  verify: () => Promise<boolean>,
): Promise<boolean> {
  const buckets = [`account:${email}`, `address:${visitor.address}`]
  const about = { actor: `address:${visitor.address}`, action, target: email } as const
  const wait = Math.max(...buckets.map((bucket) => wrongLogins.waitSeconds(bucket)))
  if (wait > 0) {
    audit.note({ ...about, result: 'denied', detail: { why: 'too many wrong ones' } })
    throw new FaultlineError('rate_limited', 'There were too many wrong passwords.', {
      remedy: `Wait ${wait} s, or ask an administrator for a link that sets a new one.`,
      retryAfterSeconds: wait,
    })
  }
  // Taken before the check, which takes a while: many at once must not all pass here.
  for (const bucket of buckets) wrongLogins.take(bucket, 1)
  let isRight = false
  try {
    isRight = await verify()
  } finally {
    if (isRight) for (const bucket of buckets) wrongLogins.take(bucket, -1)
  }
  audit.note({ ...about, result: isRight ? 'done' : 'denied' })
  return isRight
}

function byRightOf(deps: DoorDeps, body: Body, visitor: Visitor): Promise<User> {
  if (body['setup_token'] !== undefined) return setUp(deps, body, visitor)
  if (body['invitation'] !== undefined) return invited(deps, body, visitor)
  if (deps.config.registration === 'open' && deps.hasUsers()) return openly(deps, body)
  deps.audit.note({
    actor: `address:${visitor.address}`,
    action: 'register',
    result: 'denied',
    detail: { why: 'no invitation' },
  })
  throw new FaultlineError('forbidden', 'An account is made by invitation.', {
    remedy: deps.hasUsers()
      ? 'Ask an administrator for a link.'
      : 'The first one is made with the set-up link that the start prints.',
  })
}

/** The first account, whose person owns the place. */
async function setUp(deps: DoorDeps, body: Body, visitor: Visitor): Promise<User> {
  const { store, config } = deps
  const token = textOf(body['setup_token'], 'setup_token', 200)
  const isRight = isSameHash(secretHash(token), secretHash(config.setupToken))
  if (!isRight || deps.hasUsers()) {
    const why = isRight ? 'an account exists' : 'wrong token'
    const actor = `address:${visitor.address}`
    deps.audit.note({ actor, action: 'setup', result: 'denied', detail: { why } })
    throw new FaultlineError('forbidden', 'This set-up link does not work, or not any more.', {
      remedy: 'The start of the platform prints it; it works once. Afterwards sign in.',
    })
  }
  const draft = await draftOf(deps, body, { role: 'admin', projects: 'all' })
  const organisation =
    body['organisation'] === undefined ? '' : textOf(body['organisation'], 'organisation', 80)
  return store.inTurn(async () => {
    if (deps.hasUsers())
      throw new FaultlineError('conflict', 'Somebody made the first account a moment ago.')
    await store.write('user', draft, `user:${draft.id}`)
    // Another process may have written one at the same time: whoever comes first in the log stays.
    const [first] = store.state.users.keys()
    if (first !== draft.id) {
      await store.write('user', { ...draft, disabled_at: deps.clock.nowMs() }, 'system')
      throw new FaultlineError('conflict', 'Somebody made the first account a moment ago.')
    }
    if (organisation.trim() !== '') await store.nameOrganisation(organisation.trim(), draft.id)
    return draft
  })
}

async function invited(deps: DoorDeps, body: Body, visitor: Visitor): Promise<User> {
  const { store, clock } = deps
  const token = textOf(body['invitation'], 'invitation', 200)
  const find = (): Invitation => {
    const id = idInSecret('fli', token)
    const known = id === undefined ? undefined : store.state.invitations.get(id)
    const isGood =
      known !== undefined &&
      isSameHash(secretHash(token), known.hash) &&
      known.used_at === null &&
      known.revoked_at === null &&
      known.expires_at > clock.nowMs()
    if (isGood) return known
    const actor = `address:${visitor.address}`
    deps.audit.note({ actor, action: 'invitation', result: 'denied', target: id ?? '' })
    throw new FaultlineError('forbidden', 'This link was used, taken back, or is too old.', {
      remedy: 'Ask an administrator for a new one.',
    })
  }
  const { user: anew, ...invitation } = find()
  const known = store.state.users.get(anew)
  const wish = known === undefined ? body : { ...body, email: known.email, name: known.name }
  const draft = await draftOf(deps, wish, { ...invitation, id: known?.id })
  if (invitation.email !== '' && invitation.email !== draft.email)
    throw wrong('email', 'The link is for another address.')
  return store.inTurn(async () => {
    const now = find()
    await store.write('invitation', { ...now, used_at: clock.nowMs() }, `user:${draft.id}`)
    const user = known === undefined ? draft : { ...known, password: draft.password }
    await written(deps, user)
    if (known !== undefined) await deps.sessions.endAllOf(known.id, { actor: `user:${known.id}` })
    return user
  })
}

async function openly(deps: DoorDeps, body: Body): Promise<User> {
  const projects = [deps.config.defaultProject]
  const draft = await draftOf(deps, body, { role: 'viewer', projects })
  return deps.store.inTurn(() => written(deps, draft))
}

async function written({ store }: DoorDeps, user: User): Promise<User> {
  const isTaken = (): boolean => (store.state.userByEmail(user.email)?.id ?? user.id) !== user.id
  if (isTaken()) throw taken()
  await store.write('user', user, `user:${user.id}`)
  if (isTaken()) throw taken()
  return user
}

function taken(): FaultlineError {
  return new FaultlineError('conflict', 'There is an account with this address.', {
    path: 'email',
    remedy: 'Sign in with it.',
  })
}

async function draftOf(
  { passwords, clock }: DoorDeps,
  body: Body,
  right: { role: Role; projects: readonly string[] | 'all'; id?: string | undefined },
): Promise<User> {
  const email = emailOf(body['email'])
  const name = nameOf(body['name'], email)
  const password = await checkNewPassword(body['password'], email)
  return {
    id: right.id ?? newId(),
    email,
    name,
    role: right.role,
    projects: right.projects,
    source: 'local',
    password: await passwords.hash(password),
    created_at: clock.nowMs(),
    disabled_at: null,
  }
}
