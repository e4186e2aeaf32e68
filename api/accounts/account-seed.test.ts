import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAccountSeed } from './account-seed.ts'
import { createTestPeople, topicBytes, type TestPeople } from './test-people.ts'

let test: TestPeople
beforeEach(async () => {
  test = await createTestPeople()
})
afterEach(() => test.close())

const SEED = {
  organisation: 'Example',
  password: 'from the data folder',
  people: (['admin', 'responder', 'viewer'] as const).map((role) => ({
    role,
    email: `${role}@example.org`,
    name: role,
    projects: ['default'],
  })),
}

describe('the seed', () => {
  it('[B12] makes an organisation and people of each role, who can sign in; a second time it changes nothing', async () => {
    const seed = createAccountSeed({
      ...test.deps,
      onProblem: () => undefined,
      cost: { logN: 4, r: 8, p: 1 },
    })
    await seed(SEED)
    const before = await topicBytes(test, 'config')
    await seed({ ...SEED, organisation: 'Another', password: 'another password' })
    expect(await topicBytes(test, 'config')).toBe(before)
    const body = { email: 'responder@example.org', password: SEED.password }
    const answer = await test.call('POST', '/api/auth/login', { body })
    expect(answer.body).toMatchObject({ user: { role: 'responder', projects: ['default'] } })
    expect(test.accounts.organisation()).toBe('Example')
    expect(test.accounts.admin.users().map(({ role }) => role)).toEqual([
      'admin',
      'responder',
      'viewer',
    ])
  })
})
