import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { Principal } from '#/schemas/principal.ts'
import { createTestPeople, type Person, type TestPeople } from './test-people.ts'

let test: TestPeople
let admin: Person
let ada: Person
beforeEach(async () => {
  test = await createTestPeople()
  admin = await test.person('admin')
  ada = await test.person('responder')
})
afterEach(() => test.close())

/** In real time: what the log carries needs no clock. */
async function told(seen: readonly unknown[], count: number): Promise<void> {
  for (let tries = 0; tries < 200 && seen.length < count; tries += 1) await systemClock.sleep(5)
}

const principalOf = (person: Person): Promise<Principal> =>
  test.accounts.sessions.ofAccessToken(person.bearer)

describe('whoever is no longer who they were', () => {
  it('[H10] a change of role, of projects, disabling: open connections are told, with what holds now', async () => {
    const seen: (Principal | null)[] = []
    test.accounts.watch(await principalOf(ada), (now) => seen.push(now))
    const change = (body: object) =>
      test.call('POST', `/api/users/${ada.id}`, { body, bearer: admin.bearer })
    await change({ role: 'viewer' })
    await change({ projects: ['default'] })
    await change({ role: 'viewer' })
    await change({ disabled: true })
    await change({ disabled: false })
    expect(seen).toMatchObject([{ role: 'viewer' }, { projects: ['default'] }, null])
  })

  it('[H10] a change that another process makes is seen here', async () => {
    const other = await test.second()
    const seen: (Principal | null)[] = []
    const unseen: unknown[] = []
    test.accounts.watch(await principalOf(ada), (now) => seen.push(now))
    test.accounts.watch(await principalOf(admin), (now) => unseen.push(now))
    const by = await principalOf(admin)
    await other.admin.change(ada.id, { role: 'admin' }, by)
    await told(seen, 1)
    expect(seen).toMatchObject([{ role: 'admin', projects: 'all' }])
    await other.admin.change(ada.id, { disabled: true }, by)
    await told(seen, 2)
    expect(seen[1]).toBeNull()
    expect(unseen).toEqual([])
  })

  it('[H10] signing out ends this sign-in and no other', async () => {
    const body = { email: ada.email, password: 'correct horse battery' }
    const again = await test.call('POST', '/api/auth/login', { body })
    const bearer = String(again.body['access_token'])
    const [here, there]: [unknown[], unknown[]] = [[], []]
    test.accounts.watch(await principalOf(ada), (now) => here.push(now))
    test.accounts.watch(await principalOf({ ...ada, bearer }), (now) => there.push(now))
    await test.call('POST', '/api/auth/logout', { bearer })
    expect([here, there]).toEqual([[], [null]])
  })

  it('[H10] a session that ends by its age is noticed within a second', async () => {
    const other = await test.second()
    const seen: unknown[] = []
    const session = { ...(await principalOf(ada)), sessionId: 'gone' }
    other.watch(session, (now) => seen.push(now))
    await test.clock.advance(1_000)
    expect(seen).toEqual([null])
  })

  it('[H10] a revoked key, and open reads once there is an account', async () => {
    const fresh = await createTestPeople()
    const seen: unknown[] = []
    const anyone: unknown[] = []
    const { info } = await fresh.deps.keys.createKey({
      project: 'default',
      name: 'x',
      scopes: ['read'],
    })
    const principal = {
      id: `key:${info.id}`,
      name: 'x',
      kind: 'key',
      role: 'viewer',
      projects: ['default'],
    } as const
    fresh.accounts.watch(principal, (now) => seen.push(now))
    fresh.accounts.watch(undefined, (now) => anyone.push(now))
    await fresh.deps.keys.revokeKey({ id: info.id })
    await fresh.person('admin')
    await fresh.clock.advance(1_000)
    await fresh.close()
    expect([seen, anyone]).toEqual([[null], [null]])
  })

  it('[H10] a live stream ends with the right to it', async () => {
    const address = await test.app.listen({ host: '127.0.0.1', port: 0 })
    const headers = { authorization: `Bearer ${ada.bearer}` }
    const stream = await fetch(`${address}/api/stream/frames`, { headers })
    expect(stream.status).toBe(200)
    const ended = stream.text()
    const body = { disabled: true }
    await test.call('POST', `/api/users/${ada.id}`, { body, bearer: admin.bearer })
    expect(await ended).toContain('retry:')
    expect((await fetch(`${address}/api/stream/frames`, { headers })).status).toBe(401)
  })

  it('[H10] who stopped watching hears nothing, and one that fails keeps nobody from hearing', async () => {
    const seen: unknown[] = []
    const principal = await principalOf(ada)
    const stop = test.accounts.watch(principal, (now) => seen.push(now))
    stop()
    stop()
    test.accounts.watch(principal, () => {
      throw new Error('this one cannot be told')
    })
    const last: unknown[] = []
    test.accounts.watch(principal, (now) => last.push(now))
    await test.call('POST', '/api/auth/logout', { bearer: ada.bearer })
    expect([seen, last]).toEqual([[], [null]])
    expect(test.problems).toHaveLength(1)
  })
})
