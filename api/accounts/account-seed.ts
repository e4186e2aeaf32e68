import type { ConfigTopicDeps } from '#/api/config-topic.ts'
import type { Role } from '#/schemas/principal.ts'
import { openAccountStore } from './account-store.ts'
import { openAudit, type AuditDeps } from './audit.ts'
import { createPasswords, type PasswordCost } from './password.ts'
import { newId } from './secrets.ts'

export interface AccountSeed {
  organisation: string
  people: readonly { role: Role; email: string; name: string; projects: readonly string[] }[]
  /** Of those that are made; who is there already keeps theirs. */
  password: string
}

/** Makes what is not there yet; a second time it changes nothing. */
export function createAccountSeed(
  deps: ConfigTopicDeps & AuditDeps & { cost: PasswordCost },
): (seed: AccountSeed) => Promise<void> {
  return async (seed) => {
    const store = await openAccountStore({ ...deps, onTouched: () => undefined })
    const audit = openAudit(deps)
    try {
      if (store.state.organisation === '') await store.nameOrganisation(seed.organisation, 'seed')
      const passwords = createPasswords(deps.cost)
      for (const { role, email, name, projects } of seed.people) {
        if (store.state.userByEmail(email) !== undefined) continue
        const user = {
          id: newId(),
          email,
          name,
          role,
          projects: role === 'admin' ? ('all' as const) : projects,
          source: 'local' as const,
          password: await passwords.hash(seed.password),
          created_at: deps.clock.nowMs(),
          disabled_at: null,
        }
        await store.write('user', user, 'seed')
        const detail = { role, by: 'seed' }
        await audit.record({
          actor: 'seed',
          action: 'register',
          target: email,
          result: 'done',
          detail,
        })
      }
    } finally {
      await audit.close()
      await store.close()
    }
  }
}
