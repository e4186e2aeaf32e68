import { secretHash } from '#/api/key-format.ts'
import { wrong } from '#/api/params.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { InvitationView, UserView } from '#/schemas/accounts.ts'
import type { Principal } from '#/schemas/principal.ts'
import type { Invitation, User } from './account-records.ts'
import type { AccountStore } from './account-store.ts'
import type { Audit } from './audit.ts'
import { makeSecret, newId } from './secrets.ts'
import type { Sessions } from './sessions.ts'
import { emailOf, nameOf, projectsOf, roleOf } from './wishes.ts'

type Body = Readonly<Record<string, unknown>>

/** What administrators of the organisation do with people; each change is in the audit trail before it is answered. */
export interface AccountAdmin {
  users(): readonly UserView[]
  /** Role, projects, name, disabled. Fails with `not_found`, `invalid_request`, `conflict` for the last administrator. */
  change(id: string, body: Body, by: Principal): Promise<UserView>
  invitations(): readonly InvitationView[]
  /** The token is told this once. */
  invite(body: Body, by: Principal): Promise<{ invitation: InvitationView; token: string }>
  /** A link with which somebody who forgot the password sets a new one. */
  resetLink(id: string, by: Principal): Promise<{ invitation: InvitationView; token: string }>
  revokeInvitation(id: string, by: Principal): Promise<InvitationView>
}

export interface AccountAdminDeps {
  store: AccountStore
  sessions: Sessions
  audit: Audit
  clock: Clock
  projects: () => readonly string[]
}

const HOUR_MS = 3_600_000
const HOURS_DEFAULT = 72
const HOURS_MAX = 720
const OPEN_INVITATIONS_MAX = 500

export function createAccountAdmin(deps: AccountAdminDeps): AccountAdmin {
  const { store, audit } = deps
  return {
    users: () => [...store.state.users.values()].map(viewOf),
    change: (id, body, by) =>
      store.inTurn(async () => {
        const user = knownUser(store, id)
        const next = changed(deps, user, body)
        if (isLastAdmin(store, user) && (next.role !== 'admin' || next.disabled_at !== null))
          throw new FaultlineError('conflict', 'This is the last administrator.', {
            remedy: 'Make somebody else one first.',
          })
        await store.write('user', next, by.id)
        if (next.disabled_at !== null) await deps.sessions.endAllOf(id, { actor: by.id })
        const { role, projects } = next
        const detail = { role, projects, disabled: next.disabled_at !== null }
        await audit.record({
          actor: by.id,
          action: 'user.change',
          target: `user:${id}`,
          result: 'done',
          detail,
        })
        return viewOf(next)
      }),
    invitations: () =>
      [...store.state.invitations.values()]
        .toSorted((a, b) => b.created_at - a.created_at)
        .map(invitationView),
    invite: (body, by) => {
      const role = roleOf(body['role'] ?? 'viewer')
      return invite(deps, by, {
        email: body['email'] === undefined || body['email'] === '' ? '' : emailOf(body['email']),
        role,
        projects: projectsOf(body['projects'] ?? 'all', { role, known: deps.projects() }),
        user: '',
        hours: hoursOf(body['hours']),
      })
    },
    resetLink: (id, by) => {
      const { email, role, projects, source } = knownUser(store, id)
      if (source !== 'local')
        throw new FaultlineError('conflict', 'This person signs in at the issuer.')
      return invite(deps, by, { email, role, projects, user: id, hours: 24 })
    },
    async revokeInvitation(id, by) {
      const known = store.state.invitations.get(id)
      if (known === undefined) throw new FaultlineError('not_found', 'There is no such invitation.')
      const next = { ...known, revoked_at: known.revoked_at ?? deps.clock.nowMs() }
      await store.write('invitation', next, by.id)
      const target = `invitation:${id}`
      await audit.record({ actor: by.id, action: 'invitation.revoke', target, result: 'done' })
      return invitationView(next)
    },
  }
}

async function invite(
  { store, audit, clock }: AccountAdminDeps,
  by: Principal,
  wish: Pick<Invitation, 'email' | 'role' | 'projects' | 'user'> & { hours: number },
): Promise<{ invitation: InvitationView; token: string }> {
  const { hours, ...rest } = wish
  const nowMs = clock.nowMs()
  const open = [...store.state.invitations.values()].filter(
    (one) => one.used_at === null && one.revoked_at === null && one.expires_at > nowMs,
  )
  if (open.length >= OPEN_INVITATIONS_MAX)
    throw new FaultlineError('conflict', `There are ${OPEN_INVITATIONS_MAX} open invitations.`, {
      remedy: 'Take some of them back.',
    })
  const id = newId()
  const token = makeSecret('fli', id)
  const invitation: Invitation = {
    ...rest,
    id,
    hash: secretHash(token),
    created_by: by.id,
    created_at: nowMs,
    expires_at: nowMs + hours * HOUR_MS,
    used_at: null,
    revoked_at: null,
  }
  await store.write('invitation', invitation, by.id)
  await audit.record({
    actor: by.id,
    action: wish.user === '' ? 'invitation.create' : 'user.reset',
    target: wish.user === '' ? `invitation:${id}` : `user:${wish.user}`,
    result: 'done',
    detail: { email: wish.email, role: wish.role },
  })
  return { invitation: invitationView(invitation), token }
}

function changed({ clock, projects: known }: AccountAdminDeps, user: User, body: Body): User {
  const allowed = ['role', 'projects', 'name', 'disabled']
  for (const field of Object.keys(body))
    if (!allowed.includes(field))
      throw wrong(
        field.slice(0, 60),
        'A user has no such field to change.',
        `Known: ${allowed.join(', ')}.`,
      )
  const { disabled } = body
  if (disabled !== undefined && typeof disabled !== 'boolean')
    throw wrong('disabled', 'disabled must be true or false.')
  const role = body['role'] === undefined ? user.role : roleOf(body['role'])
  const isDisabled = disabled ?? user.disabled_at !== null
  return {
    ...user,
    role,
    projects: projectsOf(body['projects'] ?? user.projects, { role, known: known() }),
    name: body['name'] === undefined ? user.name : nameOf(body['name'], user.email),
    disabled_at: isDisabled ? (user.disabled_at ?? clock.nowMs()) : null,
  }
}

function knownUser({ state }: AccountStore, id: string): User {
  const user = state.users.get(id)
  if (user !== undefined) return user
  throw new FaultlineError('not_found', 'There is no such user.')
}

function isLastAdmin({ state }: AccountStore, { id }: User): boolean {
  const admins = [...state.users.values()].filter(
    (one) => one.role === 'admin' && one.disabled_at === null,
  )
  return admins.length === 1 && admins[0]?.id === id
}

function hoursOf(value: unknown): number {
  if (value === undefined) return HOURS_DEFAULT
  if (typeof value === 'number' && value >= 1 && value <= HOURS_MAX) return value
  throw wrong('hours', `hours must be a number from 1 to ${HOURS_MAX}.`)
}

export function viewOf(user: User): UserView {
  const { password: _, ...view } = user
  return { ...view, projects: user.role === 'admin' ? 'all' : user.projects }
}

function invitationView(invitation: Invitation): InvitationView {
  const { hash: _, ...view } = invitation
  return view
}
