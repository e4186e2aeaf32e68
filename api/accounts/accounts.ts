import type { ConfigTopicDeps } from '#/api/config-topic.ts'
import type { Keys } from '#/api/keys.ts'
import { createRateLimit } from '#/api/rate-limit.ts'
import type { MeView } from '#/schemas/accounts.ts'
import type { Principal } from '#/schemas/principal.ts'
import { createAccountAdmin, type AccountAdmin } from './account-admin.ts'
import { openAccountStore } from './account-store.ts'
import type { Audit } from './audit.ts'
import { createDoors, type Doors } from './doors.ts'
import { OWNER, principalOfKey } from './key-principal.ts'
import { createPasswords, type PasswordCost } from './password.ts'
import { createPrincipalWatch, type PrincipalWatch } from './principal-watch.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** Everything about people; keys have a home of their own (`keys.ts`). */
export interface Accounts extends PrincipalWatch {
  readonly sessions: Sessions
  readonly doors: Doors
  readonly admin: AccountAdmin
  readonly tokens: Tokens
  /** Where nobody has an account yet, the set-up link makes the first one. */
  hasUsers(): boolean
  /** Whether reads need no sign-in: only where the configuration allows it, and nobody has an account. */
  isOpen(): boolean
  organisation(): string
  emailOf(principal: Principal): string
  close(): Promise<void>
}

export interface AccountsConfig {
  readAccess: 'open' | 'keys'
  registration: MeView['registration']
  defaultProject: string
  /** What proves that somebody may make the first account; a secret of this process's data folder. */
  setupToken: string
  passwordCost?: PasswordCost | undefined
}

export interface AccountsDeps extends ConfigTopicDeps {
  audit: Audit
  config: AccountsConfig
  /** Callers may be keys, and people are of projects that exist. */
  keys: Pick<Keys, 'keyOf' | 'listProjects'>
}

/** Wrong sign-ins: ten at once, and one more every minute and a half. */
const WRONG_LOGINS_MAX = 10
const WRONG_LOGINS_PER_SECOND = WRONG_LOGINS_MAX / 900

export async function openAccounts(deps: AccountsDeps): Promise<Accounts> {
  const { config, clock } = deps
  const hasUsers = (): boolean => store.state.users.size > 0
  const isOpen = (): boolean => config.readAccess === 'open' && !hasUsers()
  const refreshed = (principal: Principal): Principal | null => {
    if (principal.kind === 'owner') return OWNER
    if (principal.kind === 'user') return sessions.principalOf(principal.sessionId)
    const key = deps.keys.keyOf(principal.id.slice('key:'.length))
    return key === undefined || key.revoked_at !== null ? null : principalOfKey(key)
  }
  const watch = createPrincipalWatch({ ...deps, refreshed, isOpen })
  const store = await openAccountStore({
    ...deps,
    onTouched: (things) => watch.touch(things),
  })
  const tokens = createTokens({
    clock,
    signingKey: (kid) => store.state.signingKeys.get(kid),
    publish: (key) => store.write('signing_key', key, 'system'),
  })
  const sessions = createSessions({
    store,
    tokens,
    clock,
    onReuse: ({ id, user }) =>
      deps.audit.note({
        actor: `user:${user}`,
        action: 'refresh',
        target: `session:${id}`,
        result: 'denied',
        detail: { why: 'a spent token came again; the session has ended' },
      }),
  })
  const passwords = createPasswords(config.passwordCost)
  const parts = { ...deps, store, sessions, passwords, hasUsers }
  const wrongLogins = createRateLimit(clock, {
    perSecond: WRONG_LOGINS_PER_SECOND,
    burst: WRONG_LOGINS_MAX,
  })
  return {
    sessions,
    tokens,
    doors: createDoors({ ...parts, wrongLogins }),
    admin: createAccountAdmin({
      ...parts,
      projects: () => deps.keys.listProjects().map(({ id }) => id),
    }),
    hasUsers,
    isOpen,
    organisation: () => store.state.organisation,
    emailOf: ({ kind, id }) =>
      kind === 'user' ? (store.state.users.get(id.slice('user:'.length))?.email ?? '') : '',
    watch: (principal, onChange) => watch.watch(principal, onChange),
    refreshed,
    async close() {
      watch.close()
      await store.close()
    },
  }
}
