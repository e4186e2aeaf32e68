import { createAccountSeed } from '#/api/accounts/account-seed.ts'
import { PASSWORD_COST } from '#/api/accounts/password.ts'
import type { Keys } from '#/api/keys.ts'
import { systemClock } from '#/kernel/clock.ts'
import { DEFAULT_PROJECT } from './first-key.ts'
import type { Kit } from './kit.ts'

export const SEED_PASSWORD = 'seed-password'
const ORGANISATION = 'Example'

/** An organisation and one person of each role; who is there already stays as it is. */
export async function seedPeople(
  kit: Kit,
  keys: Keys,
): Promise<{ emails: readonly string[]; password: string }> {
  const password = kit.dataDir.secret(SEED_PASSWORD)
  const people = (['admin', 'responder', 'viewer'] as const).map((role) => ({
    role,
    email: `${role}@example.org`,
    name: role,
    projects: [DEFAULT_PROJECT],
  }))
  await keys.ensureProject({ id: DEFAULT_PROJECT, name: 'Default', actor: 'seed' })
  const seed = createAccountSeed({ ...kit, clock: systemClock, cost: PASSWORD_COST })
  await seed({ organisation: ORGANISATION, people, password })
  return { emails: people.map(({ email }) => email), password }
}
